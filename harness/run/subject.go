package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/topology"
)

// subject is what claims look at: the pair, and the writer beside it.
type subject struct {
	*cluster.Pair
	*runner
}

// Workload tells what the writer has written so far.
func (s *subject) Workload() topology.Workload {
	return s.state(s.writer.Counts())
}

// Settle lets the writer go on until it has written for as long and as much as
// was asked, and stops it. A second call tells the same again.
func (s *subject) Settle(ctx context.Context) (topology.Workload, error) {
	if s.settled {
		return s.workload, nil
	}
	if err := s.writer.Wait(ctx, s.Rows, s.Duration); err != nil {
		return s.Workload(), fmt.Errorf("insert %d rows for %s: %w", s.Rows, s.Duration, err)
	}
	counts, err := s.writer.Stop(ctx)
	if err != nil {
		return s.state(counts), fmt.Errorf("stop the inserts: %w", err)
	}
	s.workload, s.settled = s.state(counts), true
	return s.workload, nil
}

func (s *subject) state(c load.Counts) topology.Workload {
	return topology.Workload{Database: "test1", Table: "t1", Acked: c.Acked, Wanted: s.Rows, Seconds: c.Seconds}
}

// stop ends the inserts of a run that ended early.
func (s *subject) stop() {
	if s.settled {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	counts, err := s.writer.Stop(ctx)
	s.workload = s.state(counts)
	if err != nil {
		s.say("workload", topology.Source, "", err.Error())
	}
}

// collect keeps what there is of every node, and gives what must be searched
// for secrets besides the folder: nothing when no node was made.
func (r *runner) collect() error {
	if r.pair == nil || r.dir == nil {
		return nil
	}
	r.begin("evidence", "keeping logs and configuration")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
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
	defer r.engine.Close() //nolint:errcheck // nothing is to be written
	if r.engine.Lease == nil {
		return
	}
	if r.Keep && r.pair != nil {
		r.progress.Note("kept: " + r.pair.Where())
		return
	}
	r.begin("teardown", "removing the pair")
	var clusters []*cluster.Cluster
	if r.pair != nil {
		clusters = r.pair.Clusters()
	}
	if err := r.engine.TearDown(clusters...); err != nil {
		r.progress.Note(err.Error())
		r.say("teardown", "", "", err.Error())
	}
}
