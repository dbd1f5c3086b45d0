package parity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/secure"
)

// job is the comparison of one table that both sides have.
type job struct {
	*comparison
	name    tableName
	columns [2][]column // those that both have, key first, in the same order
	keys    int         // how many of them make the key; 0: a multiset of rows
	ordinal bool        // the key is one integer with an ordered index
	walks   bool        // the key can be read in ranges, and is not such an integer

	mu     sync.Mutex // guards what is below, and Progress
	report TableReport
	kept   []found
	more   bool // there are more than kept has room for
}

// found is a key that is not the same on both sides.
type found struct {
	key    Digest
	copies [2]int64 // on each side; with a key 0 or 1
	// literals are the key's columns as a server takes them, of a key that walks;
	// locate finds them. Of an ordinal the key itself has it.
	literals []string
}

func (c *comparison) table(ctx context.Context, p pairing) (TableReport, error) {
	j := &job{comparison: c, name: p.name}
	j.report.Database, j.report.Name = p.name.database, p.name.table
	if p.on[0] == nil || p.on[1] == nil {
		return j.alone(ctx, p)
	}
	j.report.Schema = differences(p.on[0].facts, p.on[1].facts)
	j.plan(p.on)
	var err error
	switch {
	case len(j.columns[0]) == 0:
	case j.ordinal:
		err = j.ranges(ctx, p.on[0].estimate)
	default:
		err = j.tallied(ctx)
	}
	if err != nil {
		return j.report, err
	}
	j.report.Live = j.Live != nil
	release, err := j.again(ctx)
	defer release()
	if err == nil {
		err = j.show(ctx)
	}
	return j.report, err
}

// alone reports a table that one side lacks.
func (j *job) alone(ctx context.Context, p pairing) (TableReport, error) {
	d := Difference{"table", "present", Absent}
	has := 0
	if p.on[0] == nil {
		d.Source, d.Replica, has = Absent, "present", 1
	}
	n, err := j.sides[has].sessions[0].count(ctx, p.name)
	if err != nil {
		return j.report, j.failed(has, err)
	}
	if has == 0 {
		j.report.RowsSource, j.report.OnlySource = n, n
	} else {
		j.report.RowsReplica, j.report.OnlyReplica = n, n
	}
	j.report.Schema = []Difference{d}
	return j.report, nil
}

// plan chooses the columns and the way of reading. A primary key that is not the
// same on both sides says nothing about which rows belong together: then the rows
// are a multiset.
func (j *job) plan(on [2]*table) {
	key := on[0].key
	if !slices.Equal(key, on[1].key) {
		key = nil
	}
	names := slices.Clone(key)
	for _, c := range on[0].columns {
		if !slices.Contains(key, c.name) {
			names = append(names, c.name)
		}
	}
	for _, name := range names {
		s, r := on[0].column(name), on[1].column(name)
		if s != nil && r != nil {
			j.columns[0], j.columns[1] = append(j.columns[0], *s), append(j.columns[1], *r)
		}
	}
	j.keys = len(key)
	j.report.Keyed = j.keys > 0
	all := func(can func(column) bool) bool {
		return j.keys > 0 && on[0].ordered && on[1].ordered &&
			!slices.ContainsFunc(slices.Concat(j.columns[0][:j.keys], j.columns[1][:j.keys]), func(c column) bool { return !can(c) })
	}
	j.ordinal = j.keys == 1 && all(func(c column) bool { return c.kind == kindInteger })
	j.walks = !j.ordinal && all(func(c column) bool { return c.walks })
}

// selectFrom is the statement that reads all columns on one side. Strings travel
// as they are stored, unless the sides store them in different character sets.
// FLOAT is printed with six digits, so both floats are asked for as DOUBLE, which
// is printed exactly; the product with 1 keeps the value and the sign of zero. Of
// ENUM and SET the number is asked for, too: the error value, number 0, is printed as
// an empty member is (manual, enum).
func (j *job) selectFrom(i int, s *session) string { return j.selectFirst(i, s, len(j.columns[i])) }

// selectFirst is that of the first columns only.
func (j *job) selectFirst(i int, s *session, columns int) string {
	exprs := make([]string, columns)
	for n, c := range j.columns[i][:columns] {
		e := secure.QuoteName(c.name)
		switch {
		case c.kind == kindFloat:
			e += " * 1e0"
		case c.kind == kindText && c.charset != j.columns[1-i][n].charset:
			e = "CONVERT(" + numbered(c, e) + " USING utf8mb4)"
		case c.listed:
			e = numbered(c, e)
		case c.kind == kindTemporal && s.timesAsText:
			e = "CAST(" + e + " AS CHAR)"
		}
		exprs[n] = e
	}
	return "SELECT " + strings.Join(exprs, ", ") + " FROM " + j.name.quoted()
}

// numbered has the number of a listed value before its text.
func numbered(c column, e string) string {
	if !c.listed {
		return e
	}
	return "CONCAT(CAST(" + e + " AS UNSIGNED), ' ', " + e + ")"
}

// both runs f on the first session of each side at once.
func (j *job) both(ctx context.Context, f func(ctx context.Context, i int, s *session) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, side := range j.sides {
		g.Go(func() error { return j.failed(i, f(ctx, i, side.sessions[0])) })
	}
	return g.Wait()
}

// differ counts a key that is not the same on both sides.
func (j *job) differ(s, r *entry) {
	f := found{}
	for i, e := range []*entry{s, r} {
		if e == nil {
			continue
		}
		f.key, f.copies[i] = e.key, 1
		if j.keys == 0 {
			f.copies[i] = int64(e.row[1]) //nolint:gosec // a count of rows
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case r == nil:
		j.report.OnlySource += f.copies[0]
	case s == nil:
		j.report.OnlyReplica += f.copies[1]
	case j.keys == 0:
		j.report.Duplicates += max(f.copies[0]-f.copies[1], f.copies[1]-f.copies[0])
	default:
		j.report.Mismatched++
	}
	if len(j.kept) >= j.First && (j.Live == nil || len(j.kept) >= againLimit) {
		j.more = true
		return
	}
	j.kept = append(j.kept, f)
}

// advance counts rows read of one side and tells of them.
func (j *job) advance(i, rows int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i == 0 {
		j.report.RowsSource += int64(rows)
	} else {
		j.report.RowsReplica += int64(rows)
	}
	j.progress.Rows += int64(rows)
	if j.Progress != nil && rows > 0 {
		j.Progress(j.progress)
	}
}

// failed says where reading failed.
func (j *job) failed(i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("compare %s on the %s: %w", j.name, j.sides[i].name, err)
}
