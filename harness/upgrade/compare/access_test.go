package compare

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/topology"
)

func TestColumnPrivileges(t *testing.T) {
	assert.Equal(t, map[string]bool{"SELECT (`a`, `b`) ON `d`.`t`": true, "INSERT ON `d`.`t`": true},
		rights([]string{"GRANT SELECT (`a`, `b`), INSERT ON `d`.`t` TO `u`@`%`", ""}))
}

// TLS is weaker when a version or a suite goes, or an older version comes.
func TestTLS(t *testing.T) {
	weaker := func(change func(*Snapshot)) []string {
		var out []string
		for _, d := range Compare(snapshot(), changed(t, change), nil) {
			require.Equal(t, AreaTLS, d.Area)
			if d.Fails {
				out = append(out, d.Where+" "+d.Name+" "+d.To)
			}
		}
		return out
	}
	assert.Equal(t, []string{"source channel TLSv1.2 negotiated", "source channel TLSv1.3 " + Absent, "source channel TLSv1.3 TLS_AES_256_GCM_SHA384 " + Absent},
		weaker(func(s *Snapshot) {
			s.TLS[2] = Negotiated{topology.Source, "channel", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"}
		}), "1.2 where 1.3 was")
	assert.Equal(t, []string{"source client TLSv1.2 " + Absent},
		weaker(func(s *Snapshot) { s.TLS = slices.Delete(s.TLS, 1, 2) }), "a version is gone")
	assert.Equal(t, []string{"source channel TLSv1.3 TLS_AES_256_GCM_SHA384 " + Absent},
		weaker(func(s *Snapshot) { s.TLS[2].Suite = "TLS_AES_128_GCM_SHA256" }), "a suite is gone")
	assert.Equal(t, []string{"source channel TLSv1.1 negotiated"},
		weaker(func(s *Snapshot) {
			s.TLS = append(s.TLS, Negotiated{topology.Source, "channel", "TLSv1.1", "ECDHE-RSA-AES256-SHA"})
		}), "an older version")
	assert.Empty(t, weaker(func(s *Snapshot) { s.TLS[1].Suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }), "one of several suites is gone")
}
