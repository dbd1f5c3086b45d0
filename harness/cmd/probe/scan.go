package main

import (
	"context"
	"io"
	"runtime"

	"ndbproof/harness/node"
	"ndbproof/harness/scan"
)

// scan searches every byte of every file under dirs for the needles that it
// reads, and prints a topology.Search.
func (p probe) scan(ctx context.Context, needles io.Reader, dirs []string) error {
	targets, err := scan.Under(ctx, node.InVolume, dirs...)
	if err != nil {
		return err
	}
	return p.search(ctx, needles, targets)
}

// scanOpen searches the files without a name that the processes of this
// namespace have open, and besides those under dirs.
func (p probe) scanOpen(ctx context.Context, needles io.Reader, dirs []string) error {
	targets, err := scan.Unlinked(p.proc)
	if err != nil {
		return err
	}
	beside, err := scan.Under(ctx, node.InLayer, dirs...)
	if err != nil {
		return err
	}
	return p.search(ctx, needles, append(targets, beside...))
}

func (p probe) search(ctx context.Context, needles io.Reader, targets []scan.Target) error {
	all, err := node.ReadNeedles(needles)
	if err != nil {
		return err
	}
	found, err := scan.Files(ctx, all, targets, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	return p.print(found)
}
