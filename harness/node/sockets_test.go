package node_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/node"
)

func TestEmbeddedDNS(t *testing.T) {
	for s, want := range map[node.Socket]bool{
		{Proto: "tcp", Address: "127.0.0.11", Port: 41234}:         true,
		{Proto: "udp", Address: "127.0.0.11", Port: 50000}:         true,
		{Proto: "tcp6", Address: "::ffff:127.0.0.11", Port: 41234}: true,
		{Proto: "tcp", Address: "127.0.0.1", Port: 41234}:          false,
		{Proto: "tcp", Address: "0.0.0.0", Port: 53}:               false,
		{Proto: "unix", Address: "127.0.0.11"}:                     false,
	} {
		assert.Equal(t, want, s.EmbeddedDNS(), "%v", s)
	}
}
