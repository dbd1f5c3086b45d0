package compare

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"ndbproof/harness/evidence"
)

// Files in the directory of a run. docs/upgrade.md describes each.
const (
	ReportFile   = "upgrade.json"
	MarkdownFile = "upgrade.md"
	FromFile     = "upgrade/from.json"
	ToFile       = "upgrade/to.json"
)

// Keep writes a snapshot, under FromFile or ToFile, so that the releases can be
// compared again offline.
func Keep(dir *evidence.Dir, file string, s Snapshot) error { return dir.JSON(file, s) }

// ReadSnapshot reads what Keep has written.
func ReadSnapshot(dir *evidence.Dir, file string) (Snapshot, error) {
	var s Snapshot
	f, err := dir.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close() //nolint:errcheck // read only
	if err := json.NewDecoder(f).Decode(&s); err != nil {
		return s, fmt.Errorf("read evidence %s: %w", file, err)
	}
	return s, nil
}

// Read reads an upgrade.json of this schema.
func Read(path string) (Report, error) {
	var r Report
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own results
	if err != nil {
		return r, fmt.Errorf("read the report of an upgrade: %w", err)
	}
	if err := evidence.CheckSchema(b, Schema); err != nil {
		return r, fmt.Errorf("read the report of an upgrade, %s: %w", path, err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read the report of an upgrade, %s: %w", path, err)
	}
	return r, nil
}

// MarshalJSON writes lists and maps without an entry as [] and {}, so that
// readers need no case for null.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report // without this method
	p := plain(r)
	p.Verdict.Reasons, p.Builds, p.Claims = list(p.Verdict.Reasons), list(p.Builds), list(p.Claims)
	p.Looked, p.Differences, p.Figures, p.Defects = list(p.Looked), list(p.Differences), list(p.Figures), list(p.Defects)
	p.Steps = list(slices.Clone(p.Steps))
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Checks, s.Programs = list(s.Checks), list(s.Programs)
	}
	if p.Seconds == nil {
		p.Seconds = map[string]float64{}
	}
	return json.Marshal(p)
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
