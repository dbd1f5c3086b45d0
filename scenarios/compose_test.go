package scenarios

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/poll"
)

// What `ndbproof compose` writes comes up with docker-compose, by the commands
// of its own README and nothing else, and a row written on the source is seen
// on the replica.
func TestComposeBundleComesUp(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, cancel := poll.WithLimit(harness.Context(t), 4*time.Minute, "the compose bundle")
	defer cancel()
	dir := filepath.Join(t.TempDir(), "bundle")
	out, err := exec.CommandContext(ctx, "go", "run", "../harness/cmd/ndbproof", "compose", "--out", dir, "--release", harness.Release()).CombinedOutput()
	require.NoError(t, err, "%s", out)
	project := "ndbproof" + strings.ToLower(rand.Text()[:8])
	sh := func(ctx context.Context, script string) (string, error) {
		cmd := exec.CommandContext(ctx, "sh", "-ec", script)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "COMPOSE_PROJECT_NAME="+project)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // bounded cleanup, after the test's own context has ended
		defer cancel()
		// mysqld without its data nodes does not stop: it is killed first.
		out, err := sh(ctx, "docker-compose kill; docker-compose down -v")
		require.NoError(t, err, "take the bundle down: %s", out)
	})
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	_, commands, ok := strings.Cut(string(readme), "```sh\n")
	require.True(t, ok, "the README has no commands")
	commands, _, _ = strings.Cut(commands, "```")
	got, err := sh(ctx, commands)
	require.NoError(t, err, "%s", got)
	require.Contains(t, got, "Replica_IO_Running: Yes")
	require.Contains(t, got, "Replica_SQL_Running: Yes")
	require.Contains(t, got, "v: written on the source")
}
