package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"ndbproof/harness/node"
	"ndbproof/harness/wire"
)

// capture reads a node.CaptureOrder from in, says {} when it sees packets,
// and goes on until in ends, or ctx. Then it prints a node.Captured. What
// packets hold is read here and goes nowhere.
func (p probe) capture(ctx context.Context, in io.Reader) error {
	var order node.CaptureOrder
	d := json.NewDecoder(in)
	if err := d.Decode(&order); err != nil {
		return fmt.Errorf("read the order for a capture: %w", err)
	}
	r, err := openRing()
	if err != nil {
		return err
	}
	defer r.close()
	if err := p.print(struct{}{}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, in) // its end is all that matters
	}()
	tap := wire.NewTap(order.Markers)
	if err := r.read(ctx, tap.Add); err != nil {
		return err
	}
	seen := tap.Report()
	if seen.Dropped, err = r.dropped(); err != nil {
		return err
	}
	return p.print(seen)
}
