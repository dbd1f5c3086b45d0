package topology

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ComposeOptions are what a compose.yaml needs besides the pair.
type ComposeOptions struct {
	Images map[Side]string // of all nodes of a side
	// GID is the group that will own the bundle's files: the servers get it as a
	// further group, and so can read keys that other users cannot.
	GID int
}

const composeHead = `# Two MySQL NDB Clusters, source and replica, with the secure replication
# procedure's configuration. Rendered by "ndbproof compose"; README.md has the
# commands that remain. For docker-compose 1.29 and for compose v2.
`

// Compose renders the pair for docker-compose 1.29 and compose v2. A service's
// name is an alias on all of its networks, and so never a HostName: NDB would
// bind to the address of the wrong network.
func Compose(pair [2]Spec, o ComposeOptions) ([]byte, error) {
	f := composeFile{Networks: entries[network]{{"link", network{Internal: true}}}}
	for _, s := range pair {
		if err := f.add(s, o); err != nil {
			return nil, fmt.Errorf("render compose.yaml: %w", err)
		}
	}
	b := bytes.NewBufferString(composeHead)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(f), e.Close()); err != nil {
		return nil, fmt.Errorf("render compose.yaml: %w", err)
	}
	return b.Bytes(), nil
}

// add adds a cluster: everybody on its network, a mysqld also on the link, and
// at its own door, the only network that is not internal.
func (f *composeFile) add(s Spec, o ComposeOptions) error {
	files, err := s.Render()
	if err != nil {
		return err
	}
	image := o.Images[Side(s.Name)]
	if image == "" {
		return fmt.Errorf("no image for the %s cluster", s.Name)
	}
	door := "door-" + s.Name
	f.Networks = append(f.Networks, entry[network]{s.Name, network{Internal: true}}, entry[network]{door, network{}})
	for _, c := range files {
		name := serviceName(s, c.Node)
		v := service{
			Image: image, User: fmt.Sprintf("%d:%d", s.Layout.UID, s.Layout.GID),
			Entrypoint: c.Argv[:1], Command: c.Argv[1:],
			Environment: c.Env, Healthcheck: healthcheck{Disable: true}, DependsOn: before(s, c.Node),
			Networks: entries[attached]{{s.Name, attached{[]string{c.Node.Host}}}},
			Volumes:  append([]string{name + ":" + c.Volume}, mounts(s, c)...),
		}
		if c.Node.Role == Mysqld {
			v.GroupAdd = []string{strconv.Itoa(o.GID)}
			v.StopGracePeriod = "60s"
			v.Networks = append(v.Networks, entry[attached]{"link", attached{[]string{s.LinkHost()}}}, entry[attached]{door, attached{}})
			v.Ports = []string{fmt.Sprintf("127.0.0.1::%d", MysqlPort)}
		}
		f.Services = append(f.Services, entry[service]{name, v})
		f.Volumes = append(f.Volumes, entry[volume]{name, volume{}})
	}
	return nil
}

// before gives the services that start before a node and stop after it: a
// mysqld whose data nodes have gone does not stop on SIGTERM.
func before(s Spec, n Node) []string {
	role := map[Role]Role{Ndbmtd: Mgmd, Mysqld: Ndbmtd}[n.Role]
	var names []string
	for _, b := range s.Of(role) {
		names = append(names, serviceName(s, b))
	}
	return names
}

func serviceName(s Spec, n Node) string { return n.Name + "-" + s.Name }

// mounts are the bundle's files and folders in a node, read-only: all that lies
// under EtcDir as one folder, every other file by itself.
func mounts(s Spec, c Config) []string {
	var out []string
	for _, f := range c.Files {
		from, to := "./"+bundlePath(s, c.Node, f.Path), f.Path
		if strings.HasPrefix(f.Path, EtcDir+"/") {
			from, to = "./"+bundlePath(s, c.Node, EtcDir), EtcDir
		}
		out = append(out, from+":"+to+":ro")
	}
	return out
}

// bundlePath is where a node's file lies in the bundle.
func bundlePath(s Spec, n Node, file string) string {
	if rest, ok := strings.CutPrefix(file, EtcDir); ok {
		return path.Join(s.Name, n.Name, rest)
	}
	return path.Join(s.Name, path.Base(file))
}

// What follows is the part of the compose specification that is used, in the
// order in which it is written.

type composeFile struct {
	Services entries[service]
	Networks entries[network]
	Volumes  entries[volume]
}

type service struct {
	Image           string
	User            string
	GroupAdd        []string `yaml:"group_add,omitempty,flow"`
	Entrypoint      []string `yaml:",flow"`
	Command         []string
	Environment     []string    `yaml:",omitempty,flow"`
	Healthcheck     healthcheck `yaml:",flow"`
	DependsOn       []string    `yaml:"depends_on,omitempty,flow"`
	StopGracePeriod string      `yaml:"stop_grace_period,omitempty"`
	Networks        entries[attached]
	Ports           []string `yaml:",omitempty,flow"`
	Volumes         []string
}

// healthcheck switches one off that a foreign image brings along.
type healthcheck struct{ Disable bool }

type attached struct {
	Aliases []string `yaml:",omitempty,flow"`
}

type network struct {
	Internal bool `yaml:",omitempty"`
}

type volume struct{}

// entries is a YAML mapping that keeps its order.
type entries[T any] []entry[T]

type entry[T any] struct {
	name  string
	value T
}

// MarshalYAML writes the entries as they come.
func (e entries[T]) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, x := range e {
		var k, v yaml.Node
		k.SetString(x.name)
		if err := v.Encode(x.value); err != nil {
			return nil, fmt.Errorf("encode %s: %w", x.name, err)
		}
		n.Content = append(n.Content, &k, &v)
	}
	return n, nil
}
