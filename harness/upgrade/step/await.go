package step

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
	"ndbproof/harness/upgrade/compare"
)

// AwaitStarted waits for nodes that NDB reports: every node of the cluster must be
// there again, so that the other half of a node group is never taken before.
type AwaitStarted struct {
	on
	Start   *StartNode
	seconds float64
}

// Do waits.
func (a *AwaitStarted) Do(ctx context.Context) error {
	c := a.scene.cluster(a.step)
	if err := c.Started(ctx); err != nil {
		return err
	}
	if _, err := c.Shown(ctx); err != nil {
		return err
	}
	a.seconds = seconds(a.Start.at)
	return nil
}

// Started is how long the start took.
func (a *AwaitStarted) Started() float64 { return a.seconds }

// AwaitServing waits for a mysqld, and has it read the encrypted logs that it had
// before: those that the release before has written, or those that its copy was kept
// with.
type AwaitServing struct {
	on
	Start   *StartNode
	Stop    *StopNode
	Copy    *KeepCopy // where the step restores one
	seconds float64
	away    time.Duration
	logs    *compare.Check
}

// Do waits, and reads the logs.
func (a *AwaitServing) Do(ctx context.Context) error {
	c := a.scene.cluster(a.step)
	if err := c.Back(ctx); err != nil {
		return err
	}
	a.seconds, a.away = seconds(a.Start.at), time.Since(a.Stop.at)
	if a.scene.Served != nil {
		if err := a.scene.Served(ctx, a.step); err != nil {
			return err
		}
	}
	begun := time.Now()
	logs, whose := a.Stop.logs, "the release before"
	if a.Copy != nil {
		logs, whose = a.Copy.logs, "this release, before its copy was kept,"
	}
	read, err := readOldLogs(ctx, c, logs)
	a.logs = &compare.Check{
		ID: "old-logs", Title: "the encrypted logs that " + whose + " has written can be read to their ends",
		Status: evidence.Held, Seen: read, Seconds: seconds(begun),
	}
	switch {
	case err != nil:
		a.logs.Status, a.logs.Text = evidence.Violated, brief.Error(err)
	case read == 0:
		a.logs.Status, a.logs.Text = evidence.NotLooked, "there is no encrypted log that "+whose+" has written"
	}
	return nil
}

// Started is how long the start took.
func (a *AwaitServing) Started() float64 { return a.seconds }

// Report adds for how long the mysqld was away, and the check of its old logs.
func (a *AwaitServing) Report(r *compare.StepResult) {
	r.AwayMS = a.away.Milliseconds()
	if a.logs != nil {
		r.Checks = append(r.Checks, *a.logs)
	}
}

// readOldLogs has a server read every log that it had encrypted, to the end, and
// counts them.
func readOldLogs(ctx context.Context, c *cluster.Cluster, logs []string) (int, error) {
	there, err := encryptedLogs(ctx, c)
	if err != nil {
		return 0, err
	}
	for i, name := range logs {
		if !slices.Contains(there, name) {
			return i, fmt.Errorf("look for %s of the %s, which was there before: it is not among the server's logs any more", name, c.Side)
		}
		if _, err := c.Server.DB.ExecContext(ctx, "SHOW BINLOG EVENTS IN "+secure.QuoteString(name)); err != nil {
			return i, fmt.Errorf("read %s of the %s, which was written before: %w", name, c.Side, err)
		}
	}
	return len(logs), nil
}

func seconds(since time.Time) float64 { return time.Since(since).Round(time.Millisecond).Seconds() }
