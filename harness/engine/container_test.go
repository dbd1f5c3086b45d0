package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreateANode(t *testing.T) {
	f, r := newFake(t)
	id, err := r.Create(t.Context(), Container{
		Image: "img", Name: "n1", Labels: map[string]string{"side": "source"}, Argv: []string{"/mysqld", "--x"}, User: "27:27", Dir: "/d", Env: []string{"A=b"},
		Networks: []Attachment{{"net", []string{"host1"}}, {"link", []string{"host2"}}}, Port: 3306,
		Volumes: []Volume{{Name: "v", Path: "/v"}, {Name: "w", Path: "/w", ReadOnly: true}},
		Files:   []File{{Path: "/etc/x", Folder: true, Mode: 0o755}, {Path: "/etc/x/y", Mode: 0o640, UID: 27, GID: 28, Content: []byte("z")}},
	})
	require.NoError(t, err)
	c := f.boxes[id]
	assert.Equal(t, "n1", c.name)
	assert.Equal(t, []string{"/mysqld"}, []string(c.Entrypoint))
	assert.Equal(t, []string{"--x"}, []string(c.Cmd))
	assert.Equal(t, "27:27", c.User)
	assert.Equal(t, "/d", c.WorkingDir)
	assert.Equal(t, []string{"A=b"}, c.Env)
	assert.Equal(t, []string{"NONE"}, c.Healthcheck.Test)
	want := r.Lease.Labels()
	want["side"] = "source"
	assert.Equal(t, want, c.Labels, "the lease's and its own, and none of testcontainers'")
	assert.Equal(t, []string{"v:/v", "w:/w:ro"}, c.HostConfig.Binds)
	assert.Equal(t, nat.PortMap{"3306/tcp": {{HostIP: "127.0.0.1", HostPort: "0"}}}, c.HostConfig.PortBindings)
	assert.Empty(t, c.HostConfig.NetworkMode)
	assert.Equal(t, "json-file", c.HostConfig.LogConfig.Type)
	require.Len(t, c.NetworkingConfig.EndpointsConfig, 1)
	assert.Equal(t, []string{"host1"}, c.NetworkingConfig.EndpointsConfig["net"].Aliases)
	assert.Equal(t, []string{"id of link"}, c.also, "nothing but its own networks")
	require.Len(t, c.files, 2)
	assert.Equal(t, "etc/x/", c.files[0].Name)
	assert.Equal(t, "etc/x/y", c.files[1].Name)
	assert.Equal(t, [3]int64{0o640, 27, 28}, [3]int64{c.files[1].Mode, int64(c.files[1].Uid), int64(c.files[1].Gid)})
	require.NoError(t, r.Start(t.Context(), id))
	require.NoError(t, r.Start(t.Context(), id), "again after its end")
}

func TestNetworksOfHelpers(t *testing.T) {
	f, r := newFake(t)
	for _, c := range []struct {
		with    Container
		network string
		pid     string
	}{
		{Container{}, "none", ""},
		{Container{Outside: true}, "default", ""},
		{Container{Beside: "abc"}, "container:abc", "container:abc"},
	} {
		c.with.Image, c.with.Argv, c.with.Caps = "img", []string{"/probe", "wait"}, []string{"NET_RAW"}
		id, err := r.Launch(t.Context(), c.with)
		require.NoError(t, err)
		got := f.boxes[id]
		assert.Equal(t, c.network, string(got.HostConfig.NetworkMode))
		assert.Equal(t, c.pid, string(got.HostConfig.PidMode))
		assert.Equal(t, []string{"CAP_NET_RAW"}, []string(got.HostConfig.CapAdd))
		assert.Empty(t, got.NetworkingConfig.EndpointsConfig, "%s: it is on no other network", c.network)
		assert.Empty(t, got.HostConfig.PortBindings)
	}
}

// What fails half-way leaves no container.
func TestNothingIsLeftHalfMade(t *testing.T) {
	for act, file := range map[string][]File{"archive": {{Path: "/x"}}, "start": nil} {
		f, r := newFake(t)
		f.refuse(act)
		_, err := r.Launch(t.Context(), Container{Image: "img", Argv: []string{"/x"}, Files: file})
		require.ErrorContains(t, err, "refused")
		assert.Len(t, f.made, 1)
		assert.Empty(t, f.boxes, act)
	}
	f, r := newFake(t)
	gone := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := r.Create(ctx, Container{Image: "img", Argv: []string{"/x"}})
	require.ErrorIs(t, err, gone)
	assert.Empty(t, f.made)
	assert.ErrorContains(t, r.Start(t.Context(), "another"), "this run did not create it")
}

func TestRunToEnd(t *testing.T) {
	f, r := newFake(t)
	f.exit, f.stdout, f.stderr = 3, "said", "complained"
	out, err := r.RunToEnd(t.Context(), Container{Image: "img", Argv: []string{"/x"}})
	require.NoError(t, err)
	assert.Equal(t, 3, out.Exit)
	assert.Equal(t, "said", out.Stdout)
	assert.Equal(t, "complained", out.Stderr)
	assert.Empty(t, f.boxes)

	id, err := r.Create(t.Context(), Container{Image: "img", Argv: []string{"/x"}})
	require.NoError(t, err)
	var both strings.Builder
	exit, err := r.Finish(t.Context(), id, Writers{Stdout: &both, Stderr: &both, Live: true})
	require.NoError(t, err)
	assert.Equal(t, 3, exit)
	assert.Equal(t, "saidcomplained", both.String())
	log, err := r.Logs(t.Context(), id, LogRange{Tail: "4"})
	require.NoError(t, err)
	assert.Equal(t, "saidcomplained", log)
}
