package release

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// F1Shown knows F1 by its stack, or, where the dangling pointer was jumped to and no
// stack is left, by what the thread did last. Another crash is not F1.
func TestF1Shown(t *testing.T) {
	const last = "2026-11-24T04:09:16.317068Z 2 [System] [MY-010866] [NDB] Binlog: Reconfiguring binlog cache size\n"
	const signal = "2026-11-24T04:09:16Z UTC - mysqld got signal 11 ;\n"
	for name, c := range map[string]struct {
		log  string
		want bool
	}{
		"by its stack":     {signal + " #3 0x5595cbb26386 _ZN29IO_CACHE_binlog_cache_storage22setup_ciphers_passwordEv\n", true},
		"without a stack":  {last + signal + " #3 0x55666ab30880 <unknown>\n", true},
		"a line between":   {last + "mbind: Operation not permitted\n" + signal, true},
		"long before":      {last + "a\nb\nc\nd\ne\n" + signal, false},
		"another crash":    {signal + " #3 0x1 _ZN4Item3fixEv\n", false},
		"no crash":         {last, false},
		"another signal":   {last + "2026-11-24T04:09:16Z UTC - mysqld got signal 6 ;\n", false},
		"the name, no end": {"setup_ciphers_password", false},
	} {
		assert.Equal(t, c.want, F1.Shown(c.log), name)
	}
}
