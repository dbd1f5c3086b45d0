// Package compose_test holds the golden compose.yaml against what compose v2
// reads. harness/topology renders it, and compares it with this copy.
package compose_test

import (
	"os"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestComposeV2Loads(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  t.TempDir(),
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("pair", true) })
	require.NoError(t, err)
	assert.Len(t, p.Services, 12)
	for name, n := range p.Networks {
		assert.Equal(t, !strings.HasPrefix(name, "door-"), n.Internal, name)
	}
	for name, s := range p.Services {
		assert.True(t, s.HealthCheck.Disable, name)
		assert.Len(t, s.Entrypoint, 1, "%s runs its program itself, without a shell", name)
	}
	for _, side := range []string{"source", "replica"} {
		s := p.Services["sql-"+side]
		assert.Equal(t, []string{side + ".link"}, s.Networks["link"].Aliases)
		require.Len(t, s.Ports, 1)
		assert.Equal(t, "127.0.0.1", s.Ports[0].HostIP)
		assert.Empty(t, s.Ports[0].Published, "a random port, so that two pairs fit one machine")
		assert.EqualValues(t, 3306, s.Ports[0].Target)
	}
}
