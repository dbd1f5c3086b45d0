package step

import (
	"context"

	"ndbproof/harness/topology"
)

// KeepCopy copies the volume of a stopped mysqld: datadir, keyring and auto.cnf
// together.
type KeepCopy struct {
	on
	Stop *StopNode
	logs []string // encrypted binary logs that are in the copy
	kept map[topology.NodeRef]*KeepCopy
}

// Do copies it.
func (a *KeepCopy) Do(ctx context.Context) error {
	for _, name := range a.step.Nodes {
		if err := a.scene.cluster(a.step).KeepCopy(ctx, name); err != nil {
			return err
		}
		a.logs = a.Stop.logs
		a.kept[topology.NodeRef{Side: a.step.Side, Node: name}] = a
	}
	return nil
}

// RestoreCopy puts the volume of a stopped mysqld back to what KeepCopy kept, and
// replaces the node's container.
type RestoreCopy struct {
	on
	replace ReplaceNode
}

// Do restores it.
func (a *RestoreCopy) Do(ctx context.Context) error {
	for _, name := range a.step.Nodes {
		if err := a.scene.cluster(a.step).RestoreCopy(ctx, name); err != nil {
			return err
		}
	}
	a.replace.on = a.on
	return a.replace.Do(ctx)
}

// Logs are what the nodes had written, by name.
func (a *RestoreCopy) Logs() map[string]string { return a.replace.logs }

// MigrateKeyring has the old release's mysqld, stopped, take its keys from the
// keyring's plugin to the component.
type MigrateKeyring struct{ on }

// Do migrates them.
func (a *MigrateKeyring) Do(ctx context.Context) error {
	for _, name := range a.step.Nodes {
		if err := a.scene.cluster(a.step).MigrateKeyring(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
