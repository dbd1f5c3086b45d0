package step

import "context"

// LogRow logs a row: where defect F1 is, the binlog thread configures its cache at the
// first one.
type LogRow struct{ on }

// Do commits one.
func (a *LogRow) Do(ctx context.Context) error {
	return a.scene.cluster(a.step).Server.CommitLogged(ctx)
}

// EncryptLogs switches log encryption on, which defect F1 allows only then.
type EncryptLogs struct{ on }

// Do switches it on.
func (a *EncryptLogs) Do(ctx context.Context) error {
	return a.scene.cluster(a.step).Server.EncryptLogs(ctx)
}

// PurgeClear removes the clear logs written since the start.
type PurgeClear struct{ on }

// Do removes them.
func (a *PurgeClear) Do(ctx context.Context) error {
	return a.scene.cluster(a.step).Server.PurgeClearLogs(ctx)
}
