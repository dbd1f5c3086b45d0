package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/testcontainers/testcontainers-go"
)

// Container is a container as it is to be made. It has no healthcheck, and no
// network unless one of Networks, Outside and Beside gives it one.
type Container struct {
	Image     string
	Name      string            // "": the engine picks one
	Labels    map[string]string // besides those of the lease
	Argv      []string          // program and arguments, in place of the image's entrypoint and command
	User      string            // "": the image's
	Dir       string            // working directory; "": the image's
	Env       []string          // name=value, besides the image's
	Networks  []Attachment      // all that it is on
	Outside   bool              // it is on the engine's default network, which leads to the internet
	Beside    string            // id of a container whose network and processes it shares
	Caps      []string          // capabilities besides the engine's default ones
	Volumes   []Volume
	Port      int    // TCP port that is published at a random port of 127.0.0.1; 0: none
	CPUShares int64  // its weight beside other containers; 0: the engine's default, 1024
	Files     []File // put in before it starts
}

// Attachment is one network that a container is on.
type Attachment struct {
	Network string
	Aliases []string // its names there, besides the container's own
}

// Volume is a volume in a container.
type Volume struct {
	Name     string
	Path     string // where it is mounted
	ReadOnly bool
}

// bind is the engine's way to write a volume.
func (v Volume) bind() string {
	if v.ReadOnly {
		return v.Name + ":" + v.Path + ":ro"
	}
	return v.Name + ":" + v.Path
}

// Create makes a container with its files and does not start it. It makes it
// whole also when ctx ends in between, because a container whose id is lost
// could not be removed; where it fails on the files, the container goes, too.
func (r *Run) Create(ctx context.Context, c Container) (id string, err error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	ctx, cancel := whole(ctx)
	defer cancel()
	made, err := r.provider.CreateContainer(ctx, c.request(r.Lease.Labels()))
	if err != nil {
		return "", err
	}
	id = made.GetContainerID()
	r.containers.Store(id, made)
	if err := r.Put(ctx, id, c.Files); err != nil {
		return "", errors.Join(err, r.Remove(ctx, id))
	}
	return id, nil
}

// request is the container in testcontainers' words.
func (c Container) request(labels map[string]string) testcontainers.ContainerRequest {
	maps.Copy(labels, c.Labels)
	req := testcontainers.ContainerRequest{
		Image: c.Image, Name: c.Name, Labels: labels, Entrypoint: c.Argv[:1], Cmd: c.Argv[1:],
		NetworkAliases: map[string][]string{}, ConfigModifier: c.configure, HostConfigModifier: c.host,
	}
	for _, a := range c.Networks {
		req.Networks = append(req.Networks, a.Network)
		req.NetworkAliases[a.Network] = a.Aliases
	}
	if c.Port != 0 {
		req.ExposedPorts = []string{string(tcp(c.Port))}
	}
	return req
}

func tcp(port int) nat.Port { return nat.Port(fmt.Sprintf("%d/tcp", port)) }

func (c Container) configure(to *container.Config) {
	to.User, to.WorkingDir = c.User, c.Dir
	to.Env = append(to.Env, c.Env...)
	to.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	// testcontainers' own labels are for its reaper, and a commit would write them
	// into the image.
	for l := range testcontainers.GenericLabels() {
		delete(to.Labels, l)
	}
}

// nowhere is the name server of a container that has networks of its own: its loopback
// address, where none listens, so that no name leaves the machine. The engine answers
// the names of its networks by itself. For any other name, and that of a node which has
// not started yet, Engine 20.10 gives no answer where the network is internal, and the
// program that asks waits until its resolver gives up: ndb_mgmd took 5 s to start. So
// the resolver gives up after one second, which is the least that resolv.conf allows.
const nowhere = "127.0.0.1"

func (c Container) host(to *container.HostConfig) {
	to.LogConfig = container.LogConfig{Type: "json-file"}
	to.CapAdd = c.Caps
	to.CPUShares = c.CPUShares
	switch {
	case c.Beside != "":
		to.NetworkMode = container.NetworkMode("container:" + c.Beside)
		to.PidMode = container.PidMode("container:" + c.Beside)
	case c.Outside:
		to.NetworkMode = "default"
	case len(c.Networks) == 0:
		to.NetworkMode = "none"
	default:
		to.DNS, to.DNSOptions = []string{nowhere}, []string{"timeout:1", "attempts:1"}
	}
	to.Binds = nil
	for _, v := range c.Volumes {
		to.Binds = append(to.Binds, v.bind())
	}
	if c.Port != 0 {
		to.PortBindings = nat.PortMap{tcp(c.Port): {{HostIP: "127.0.0.1"}}}
	}
}
