package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/evidence"
	"ndbproof/harness/secret"
	"ndbproof/harness/topology"
)

// Kept is what is kept of one node.
type Kept struct {
	Side    topology.Side
	Name    string
	Role    topology.Role
	Image   string
	Program Program // zero when the node no longer runs
	Files   []string
}

// clusterLog is what a management node writes of its cluster.
const clusterLog = topology.NdbDir + "/ndb_1_cluster.log"

// Collect keeps each node's log, its configuration as rendered and as in effect,
// and its inspect document in dir, under nodes/. It goes on over nodes that cannot be read and says which.
func (c *Cluster) Collect(ctx context.Context, dir *evidence.Dir, secrets *secret.Set) ([]Kept, error) {
	nodes := c.everyNode()
	kept, errs := make([]Kept, len(nodes)), make([]error, len(nodes))
	var g errgroup.Group
	for i, n := range nodes {
		g.Go(func() error {
			kept[i], errs[i] = n.collect(ctx, dir, secrets)
			return nil
		})
	}
	_ = g.Wait()
	return kept, errors.Join(errs...)
}

func (n *Node) collect(ctx context.Context, dir *evidence.Dir, secrets *secret.Set) (Kept, error) {
	k := Kept{Side: n.Side, Name: n.Name, Role: n.Role, Image: n.Image}
	base := fmt.Sprintf("nodes/%s-%s/", n.Side, n.Name)
	var errs []error
	keep := func(name string, b []byte, err error) {
		if err == nil {
			err = dir.Write(base+name, secrets.Redact(b))
		}
		if err != nil {
			errs = append(errs, err)
			return
		}
		k.Files = append(k.Files, base+name)
	}
	for _, f := range n.config.Files {
		if f.Path == topology.EtcDir+"/my.cnf" || f.Path == topology.EtcDir+"/config.ini" {
			keep(f.Path[len(topology.EtcDir)+1:], f.Content, nil)
		}
	}
	if n.id == "" {
		return k, errors.Join(append(errs, fmt.Errorf("%s has no container", n))...)
	}
	log, err := n.logs(ctx, "all")
	keep("log", []byte(log), err)
	in, err := n.cluster.engine.Inspect(ctx, n.id)
	if err != nil {
		return k, errors.Join(append(errs, fmt.Errorf("inspect %s: %w", n, err))...)
	}
	var document bytes.Buffer
	err = json.Indent(&document, in.Raw, "", "  ")
	keep("inspect.json", document.Bytes(), err)
	errs = append(errs, secretFree(n.String()+"'s inspect document", document.Bytes(), secrets))
	if n.Role == topology.Mgmd {
		log, err := n.read(ctx, clusterLog, 0)
		keep("cluster.log", log, err)
	}
	if in.Running {
		if b, err := n.cluster.effectiveTSV(ctx, n); b != nil || err != nil {
			keep("effective.tsv", b, err)
		}
		k.Program, err = n.Program(ctx)
		errs = append(errs, err)
		errs = append(errs, n.argvFree(ctx, secrets))
	}
	return k, errors.Join(errs...)
}

// Leak is a secret found where none may be.
type Leak struct{ Hits []secret.Hit }

func (l *Leak) Error() string {
	h := l.Hits[0]
	return fmt.Sprintf("%s is in %s (%s, at byte %d), and %d more", h.Secret, h.File, h.Encoding, h.Offset, len(l.Hits)-1)
}

func secretFree(where string, b []byte, secrets *secret.Set) error {
	if hits := secrets.SearchBytes(where, b); len(hits) > 0 {
		return &Leak{hits}
	}
	return nil
}

// argvFree searches the command lines of everything that runs in the container.
func (n *Node) argvFree(ctx context.Context, secrets *secret.Set) error {
	lines, err := n.cluster.engine.CommandLines(ctx, n.id)
	if err != nil {
		return fmt.Errorf("list the processes of %s: %w", n, err)
	}
	b, err := json.Marshal(lines)
	if err != nil {
		return fmt.Errorf("list the processes of %s: %w", n, err)
	}
	return secretFree(n.String()+"'s command lines", b, secrets)
}
