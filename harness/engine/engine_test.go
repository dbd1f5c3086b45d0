package engine

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDialWithoutEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	_, err := Dial(t.Context())
	assert.ErrorContains(t, err, "reach the docker engine at unix://")
	assert.ErrorContains(t, err, "point DOCKER_HOST at one")
}

func TestAnswers(t *testing.T) {
	_, r := newFake(t)
	assert.Equal(t, "x86_64", r.Facts.Arch)
	assert.Equal(t, 2, r.Facts.CPUs)
	require.NoError(t, r.Answers(t.Context()))
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	assert.ErrorIs(t, r.Answers(ctx), why)
}

func TestInspect(t *testing.T) {
	f, r := newFake(t)
	f.answer["containers/c/json"] = map[string]any{
		"Id": "c", "State": map[string]any{"Running": false, "ExitCode": 137, "OOMKilled": true, "StartedAt": "2026-01-01T00:00:00Z"},
		"NetworkSettings": map[string]any{
			"Ports":    map[string]any{"3306/tcp": []any{map[string]any{"HostIp": "127.0.0.1", "HostPort": "32768"}}, "1/tcp": nil},
			"Networks": map[string]any{"net": map[string]any{"IPAddress": "10.0.0.2", "Gateway": "10.0.0.1"}},
		},
	}
	in, err := r.Inspect(t.Context(), "c")
	require.NoError(t, err)
	assert.False(t, in.Running)
	assert.Equal(t, 137, in.Exit)
	assert.True(t, in.OOM)
	assert.Equal(t, "2026-01-01T00:00:00Z", in.Started)
	assert.Equal(t, "32768", in.Port(3306))
	assert.Empty(t, in.Port(1))
	assert.Equal(t, map[string]Endpoint{"net": {IP: "10.0.0.2", Gateway: "10.0.0.1"}}, in.Networks)
	assert.Contains(t, string(in.Raw), `"OOMKilled":true`)
	_, err = r.Inspect(t.Context(), "gone")
	assert.True(t, IsNotFound(err))
}

// The image does not say whose the container was that it was made of.
func TestCommit(t *testing.T) {
	f, r := newFake(t)
	require.NoError(t, r.Commit(t.Context(), "c", "own/ndb:1", ImageConfig{
		User: "mysql", Cmd: []string{"mysqld"}, Entrypoint: []string{}, Volumes: []string{"/v"}, Labels: map[string]string{"a": "b"},
	}))
	body := f.posts["commit"]
	want := map[string]any{"a": "b"}
	for l := range r.Lease.Labels() {
		want[l] = ""
	}
	assert.Equal(t, want, body["Labels"])
	assert.Equal(t, []any{"mysqld"}, body["Cmd"])
	assert.Equal(t, []any{}, body["Entrypoint"], "none, and not the container's")
	assert.Nil(t, body["Env"], "the container's")
	assert.NotContains(t, body, "Healthcheck")
	assert.Equal(t, map[string]any{"/v": map[string]any{}}, body["Volumes"])
	assert.Contains(t, f.queries["commit"][0], "container=c")
}

func TestEnds(t *testing.T) {
	f, r := newFake(t)
	f.answer["events"] = map[string]any{"Actor": map[string]any{"ID": "c1", "Attributes": map[string]string{"ndbproof.node": "ndb3"}}}
	var all []End
	for end := range r.Ends(t.Context(), "ndbproof.node") {
		all = append(all, end)
	}
	assert.Equal(t, []End{{"c1", map[string]string{"ndbproof.node": "ndb3"}}}, all, "and it ends with the engine's stream")
	assert.Contains(t, f.queries["events"][0], r.Lease.Run)
}
