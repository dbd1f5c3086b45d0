package images

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"ndbproof/harness/brief"
	"ndbproof/harness/release"
)

// archived is a source that the archive has.
type archived struct {
	Package string // mysql-source, which holds it, or a source package: mysql-9.7
	Version string // Debian's: 9.7.4-2
	Release release.Release
}

// named gives the release of a build of it, with the suffix that the caller adds.
func (a archived) named(suffix string) string {
	if a.Release.IsZero() {
		return a.Version
	}
	r := a.Release
	r.Suffix = suffix
	return r.String()
}

// parseArchived reads what step ask prints, oldest release first. Versions that
// are not three numbers and a revision are left out.
func parseArchived(said string) []archived {
	var all []archived
	for line := range strings.Lines(said) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "source" {
			continue
		}
		number, _, _ := strings.Cut(f[2], "-")
		if r, err := release.Parse(number); err == nil {
			all = append(all, archived{f[1], f[2], r})
		}
	}
	slices.SortStableFunc(all, func(a, b archived) int { return a.Release.Compare(b.Release) })
	return all
}

// choose gives the newest source that is wanted; of one release the one that
// step ask printed last.
func (b SourceBuild) choose(all []archived) (archived, error) {
	var have []string
	var best archived
	for _, a := range all {
		have = append(have, a.Version)
		if b.Want == "" || b.Want == a.Release.String() || b.Want == a.Release.Line()+".x" {
			best = a
		}
	}
	if best.Version == "" {
		return best, fmt.Errorf("find the source of %s: the archive has %s; build one of these, or use a vendor's tarball", cmp.Or(b.Want, "a release"), orNone(have))
	}
	return best, nil
}

// room is what step room finds, in bytes.
type room struct {
	disk   int64 // free
	used   int64 // by an earlier build, of what this one needs
	memory int64 // free
}

func parseRoom(said string) (room, error) {
	var r room
	into := map[string]*int64{"disk": &r.disk, "used": &r.used, "memory": &r.memory}
	for line := range strings.Lines(said) {
		f := strings.Fields(line)
		if len(f) != 2 || into[f[0]] == nil {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return r, fmt.Errorf("read how much %s there is: %w", f[0], err)
		}
		*into[f[0]] = n
		delete(into, f[0])
	}
	if len(into) > 0 {
		return r, fmt.Errorf("read how much disk and memory there is: %q does not tell", brief.LastLines(said, 3))
	}
	return r, nil
}

// enough fails where a build would end for lack of disk or memory.
func (r room) enough() error {
	if need := max(diskForSource-r.used, 1<<30); r.disk < need {
		return fmt.Errorf("%s of disk are free where the engine keeps volumes, and %s more are needed; make room, or use a vendor's tarball",
			units.BytesSize(float64(r.disk)), units.BytesSize(float64(need)))
	}
	if r.memory < memoryForSource {
		return fmt.Errorf("%s of memory are free, and %s are needed; end something else, or use a vendor's tarball",
			units.BytesSize(float64(r.memory)), units.BytesSize(memoryForSource))
	}
	return nil
}

// jobs is how many compilers run at once.
func (r room) jobs(cores int) int {
	return max(1, min(cores, int(r.memory/memoryPerJob)))
}
