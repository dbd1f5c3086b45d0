package replication

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Mark is a row of high entropy committed for a claim to look for.
type Mark struct {
	Marker string   `json:"marker"` // 32 characters, new for every mark
	Epoch  uint64   `json:"epoch"`
	End    Position `json:"end"` // in the source's binary log, at or behind the row's epoch
}

// NewMarker makes a text of high entropy (130 bits) for a Mark, of letters and digits
// that every character set of ASCII's family writes alike.
func NewMarker() string { return "mark" + rand.Text() }

// Mark commits a marker row on the source and waits until its epoch is in the source's
// binary log.
func (c *Channel) Mark(ctx context.Context) (Mark, error) { return c.MarkAs(ctx, NewMarker()) }

// MarkAs is Mark with a marker that the caller knows before it is committed.
func (c *Channel) MarkAs(ctx context.Context, marker string) (Mark, error) {
	c.marks.Lock()
	defer c.marks.Unlock()
	m, s := Mark{Marker: marker}, c.Source()
	e, err := s.commit(ctx, fmt.Sprintf("INSERT INTO ndbproof.marker VALUES (%d, '%s')", len(c.marks.all)+1, marker))
	if err != nil {
		return m, err
	}
	c.marks.all = append(c.marks.all, marker)
	m.Epoch = uint64(e)
	if err := s.awaitLogged(ctx, e); err != nil {
		return m, err
	}
	m.End, err = s.indexed(ctx, "SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch >= ? ORDER BY epoch LIMIT 1", e)
	return m, err
}

// Markers are all markers committed so far.
func (c *Channel) Markers() []string {
	c.marks.Lock()
	defer c.marks.Unlock()
	return append([]string(nil), c.marks.all...)
}

// Arrived tells whether a marker's row is on the replica.
func (c *Channel) Arrived(ctx context.Context, marker string) (bool, error) {
	var n int
	err := c.Replica.DB.QueryRowContext(ctx, "SELECT COUNT(*) FROM ndbproof.marker WHERE marker = ?", marker).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for a marker on %s: %w", c.Replica, err)
	}
	return n > 0, nil
}
