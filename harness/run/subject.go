package run

import (
	"context"
	"errors"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
)

// bench is the pair at hand and the writers beside it, as claims look at it and as
// sabotages change it.
func (r *runner) bench() claim.Bench {
	p := r.pair
	return claim.Bench{
		Subject:  claim.Subject{Spec: p.Spec, Channel: p.Channel, Keys: p, Files: p, Host: p, Wire: p, Disks: p, Writers: r.writer},
		Operator: p,
	}
}

// collect keeps what there is of every node, and gives what must be searched
// for secrets besides the folder: nothing when no node was made.
func (r *runner) collect() error {
	if r.pair == nil || r.dir == nil {
		return nil
	}
	r.begin("evidence", "keeping logs and configuration")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // bounded, after the run's own context has ended
	defer cancel()
	var errs []error
	for _, c := range r.pair.Clusters() {
		kept, err := c.Collect(ctx, r.dir, r.secrets)
		if err != nil {
			errs = append(errs, err)
		}
		for _, k := range kept {
			r.results.Provenance.PeakMemoryBytes += k.Program.PeakKB << 10
			r.results.Provenance.Nodes = append(r.results.Provenance.Nodes, evidence.NodeProvenance{
				Side: string(k.Side), Name: k.Name, Role: string(k.Role), Image: k.Image, ProgramSHA256: k.Program.SHA256, Config: k.Files,
			})
		}
	}
	return errors.Join(errs...)
}

// takeDown removes the pair, unless it is to be kept.
func (r *runner) takeDown() {
	if r.engine == nil {
		return
	}
	if r.objects == nil {
		_ = r.engine.Close() // nothing is to be written
		return
	}
	defer r.objects.Close() //nolint:errcheck // nothing is to be written
	if r.Keep && r.pair != nil {
		r.progress.Note("kept: " + r.pair.Where())
		return
	}
	r.begin("teardown", "removing the pair")
	var clusters []*cluster.Cluster
	if r.pair != nil {
		clusters = r.pair.Clusters()
	}
	if err := cluster.TearDown(r.objects, clusters...); err != nil {
		r.progress.Note(brief.Error(err))
		r.say("teardown", "", "", brief.Error(err))
	}
}
