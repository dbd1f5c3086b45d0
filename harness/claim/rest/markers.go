package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Markers is where the markers of this run stand, in all that both clusters
// have on disk: after they were committed, replicated and taken in a local
// checkpoint of each cluster, while the applier stood still with more of them in
// its relay log, and while a transaction with another one was open.
type Markers struct {
	Looked
	Rows        int                  `json:"rows"` // with markers in all columns
	Mark        replication.Mark     `json:"mark"` // committed after the last of them
	Received    replication.Position `json:"received"`
	Checkpoints []Checkpoint         `json:"checkpoints"`
	Held        Transaction          `json:"held"`
	Copied      []string             `json:"copied"`  // binary logs, copied in clear for the positive control
	Rotated     []topology.Side      `json:"rotated"` // sides whose binary log was rotated before the search
}

// Transaction is one that was open during the search.
type Transaction struct {
	Cache int64 `json:"binlog_cache_size"`
	Bytes int64 `json:"bytes"` // of its rows
}

// Seen counts what was searched.
func (o *Markers) Seen() (int, string) {
	for _, lacks := range []func() string{o.missing, o.noMarkers, o.noCheckpoint, o.noLogs, o.noCache, o.noControl} {
		if reason := lacks(); reason != "" {
			return 0, reason
		}
	}
	return o.count(), "nothing was searched"
}

func (o *Markers) noMarkers() string {
	if o.Rows == 0 {
		return "no row with markers was committed"
	}
	for _, want := range soughtMarkers() {
		if !o.asked(want) {
			return fmt.Sprintf("fewer needles than asked: nothing was searched for by the name of %q", want.Name)
		}
	}
	return ""
}

func (o *Markers) noCheckpoint() string {
	for _, side := range topology.Sides {
		done := slices.ContainsFunc(o.Checkpoints, func(c Checkpoint) bool {
			return c.Side == side && c.Number > c.Before && c.Began != "" && c.Ended != ""
		})
		if !done {
			return fmt.Sprintf("no local checkpoint of the %s that began after the markers were committed has been completed", side)
		}
	}
	return ""
}

// noLogs wants logs that hold the markers, encrypted or not, on disk.
func (o *Markers) noLogs() string {
	holds := func(c class) func(node.Searched) bool {
		return func(f node.Searched) bool { return classOf(f) == c && f.Scanned > scan.EmptyLogSize }
	}
	for _, side := range topology.Sides {
		switch {
		case !slices.Contains(o.Rotated, side):
			return fmt.Sprintf("the %s's binary log was not rotated", side)
		case !o.any(side, holds(binaryLogs)):
			return fmt.Sprintf("the %s has no binary log with anything in it", side)
		}
	}
	switch {
	case !o.any(topology.Replica, holds(relayLogs)):
		return "the replica has no relay log with anything in it"
	case o.Mark.Marker == "" || !o.Received.AtOrAfter(o.Mark.End):
		return fmt.Sprintf("the receiver is at %s:%d, before the last marker", o.Received.File, o.Received.Pos)
	}
	return ""
}

// noCache wants the open transaction's binary log cache, which has outgrown its
// memory, among the files without a name. Only the cache gets as large as that.
func (o *Markers) noCache() string {
	if o.Held.Bytes < 2*o.Held.Cache || o.Held.Cache <= 0 {
		return fmt.Sprintf("no transaction larger than the binary log cache was open (%d bytes, cache %d)", o.Held.Bytes, o.Held.Cache)
	}
	if !o.any(topology.Source, func(f node.Searched) bool {
		return f.Place == node.InUnlinked && f.Scanned >= o.Held.Bytes/2
	}) {
		return fmt.Sprintf("the source has no file without a name that could hold the binary log cache of the open transaction (%d bytes)", o.Held.Bytes)
	}
	return ""
}

// noControl wants every marker that was logged to be found in the clear logs.
func (o *Markers) noControl() string {
	for _, want := range o.Needles {
		if want.Encoding == "" {
			continue
		}
		found := o.any(topology.Replica, func(f node.Searched) bool {
			return classOf(f) == control && slices.ContainsFunc(f.Hits, func(h node.Hit) bool {
				return h.Needle == want.Name && h.Encoding == string(want.Encoding)
			})
		})
		if !found {
			return fmt.Sprintf("the positive control failed: %s (%s) was not found in the clear logs made for the purpose, so not finding it elsewhere says nothing", want.Name, want.Encoding)
		}
	}
	return ""
}

func markersClaim() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.RestMarkersID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL | claim.PartKeys | claim.PartFiles | claim.PartHost | claim.PartDisks,
		Title:    "no row and no table definition of this run is readable in any log, log cache, keyring or other file of all nodes, beyond the gaps of the profile",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption },
		Codes:    claim.MakeCodes(claim.RestMarkersID, "binary-log", "relay-log", "temporary", "log", "elsewhere"),
		Sabotage: markersReadable(),
	}, lookMarkers, func(o *Markers, p secure.Profile, _ release.Release) []claim.Violation {
		f := claim.Violations{ID: claim.RestMarkersID}
		o.judgeHits(&f, p, func(c class) string {
			switch c { //nolint:exhaustive // all others alike
			case binaryLogs:
				return "binary-log"
			case relayLogs:
				return "relay-log"
			case temporaryFile:
				return "temporary"
			case serverLog, containerLog:
				return "log"
			}
			return "elsewhere"
		})
		return f.All
	})
}

// lookMarkers has the markers written wherever servers write, and then
// searches everything.
func lookMarkers(ctx context.Context, s claim.Subject) (o *Markers, err error) {
	o = &Markers{}
	m := newMarkers()
	first, err := rotate(ctx, s, topology.Source)
	if err != nil {
		return nil, err
	}
	if err := m.create(ctx, s); err != nil {
		return nil, err
	}
	if o.Rows, err = m.insert(ctx, s, 1); err != nil {
		return nil, err
	}
	if _, err := s.Channel.CatchUp(ctx); err != nil {
		return nil, err
	}
	if o.Checkpoints, err = checkpoints(ctx, s); err != nil {
		return o, err
	}
	if err := s.Channel.StopApplier(ctx); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Channel.Resume(ctx, s.Channel.Replica.Words().StartApplier)) }()
	more, err := m.insert(ctx, s, 1+o.Rows)
	if err != nil {
		return o, err
	}
	o.Rows += more
	if o.Mark, err = s.Channel.Mark(ctx); err != nil {
		return o, err
	}
	if o.Received, err = s.Channel.AwaitReceived(ctx, o.Mark.End); err != nil {
		return o, err
	}
	err = o.hold(ctx, s, m, first)
	return o, err
}

// hold searches while a transaction is open and the copies are there.
func (o *Markers) hold(ctx context.Context, s claim.Subject, m markers, first string) (err error) {
	end, err := o.Held.open(ctx, s, m.texts[heldNeedle].Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	for _, side := range topology.Sides {
		if _, err := rotate(ctx, s, side); err != nil {
			return err
		}
		o.Rotated = append(o.Rotated, side)
	}
	o.Copied = slices.Compact([]string{first, o.Mark.End.File})
	remove, err := copyClear(ctx, s, o.Copied)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return err
	}
	sought := soughtMarkers()
	for i, text := range s.Channel.Markers() {
		name := fmt.Sprintf("mark %d", i+1)
		sought = append(sought, Sought{Name: name, Kind: rowValue})
		m.add(name, text)
	}
	o.Looked, err = search(ctx, s, sought, m.texts)
	return err
}

// soughtMarkers are the needles of a run, besides the marks of other claims.
func soughtMarkers() []Sought {
	var all []Sought
	for _, c := range markedColumns {
		all = append(all, Sought{c.name, rowValue, c.encoding})
	}
	return append(all,
		Sought{columnNeedle, definition, scan.UTF8}, Sought{tableNeedle, definition, scan.UTF8},
		Sought{heldNeedle, uncommitted, ""})
}
