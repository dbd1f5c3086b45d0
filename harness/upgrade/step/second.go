package step

import (
	"context"
	"errors"
)

// StartSecond starts a second mysqld at the source, its logs encrypted.
type StartSecond struct{ on }

// Do starts it.
func (a *StartSecond) Do(ctx context.Context) error { return a.scene.Pair.StartSecond(ctx) }

// WriteToSecond has writers, fences and the channel's source be there from here on.
type WriteToSecond struct{ on }

// Do swaps the source.
func (a *WriteToSecond) Do(context.Context) error { return a.scene.Pair.WriteToSecond() }

// WriteToOwn has them be at the first mysqld again.
type WriteToOwn struct{ on }

// Do swaps the source back.
func (a *WriteToOwn) Do(context.Context) error {
	a.scene.Pair.WriteToOwn()
	return nil
}

// DropSecond stops the second mysqld and removes it. What it had written is kept.
type DropSecond struct{ on }

// Do removes it.
func (a *DropSecond) Do(ctx context.Context) error {
	log, gone := a.scene.Pair.DropSecond(ctx)
	_, err := a.scene.Keep("nodes/source-sql2/log."+a.step.ID, log)
	return errors.Join(gone, err)
}
