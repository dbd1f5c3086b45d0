package images

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ndbproof/harness/brief"
)

// DryRun prints every step of a build with its commands. It asks neither the
// engine nor the archive.
func (b SourceBuild) DryRun(w io.Writer) error {
	const unknown = "found by step ask"
	plan := sourcePlan()
	var s strings.Builder
	fmt.Fprintf(&s, "# %s\n", b.announce(plan, 2))
	s.WriteString("# Each step is a container that is given these variables, and the volume of the build as /build:\n")
	for _, v := range b.variables(archived{Package: unknown, Version: unknown}, 2) {
		fmt.Fprintf(&s, "export %s='%s'\n", v.name, v.value)
	}
	for i, p := range b.Patches {
		fmt.Fprintf(&s, "# /patches/%s: %d bytes\n", p.numbered(i), len(p.Text))
	}
	for i, j := range plan {
		network := "no network"
		if j.Network {
			network = "reaches the archive"
		}
		fmt.Fprintf(&s, "\n## step %d of %d, %s: %s (image %s, %s)\n%s", i+1, len(plan), j.Name, j.Title, j.In, network, j.Script)
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// numbered is a patch's name in the container, where names give the order.
func (p Patch) numbered(i int) string { return fmt.Sprintf("%02d-%s", i+1, p.Name) }

// announce says in one line what will be done, how long it takes and how much
// disk it needs.
func (b SourceBuild) announce(plan []Job, cores int) string {
	what := cmp.Or(b.Want, "the newest release there is")
	if len(b.Patches) > 0 {
		what += fmt.Sprintf(", patched (%d) and named -%s,", len(b.Patches), b.Suffix)
	}
	return fmt.Sprintf("building %s from Debian's source in containers: roughly %d minutes on %d idle cores, %d GB of disk during the build",
		what, int(takes(plan, cores).Minutes()), cores, diskForSource>>30)
}

// avoiding says how the user avoids a build that he did not ask for.
const avoiding = "to avoid that put a vendor's tarball into images/bundles/, set NDB_IMAGE=, or give --no-build"

// telling are the lines by which apt, patch, cmake, ninja, compilers and linkers
// say what failed; the last lines that they write are often others.
var telling = regexp.MustCompile(`^E: |^FAILED: |^CMake Error|\berror: |does not apply|was not built|FAILED at|Killed`)

// blamed gives the first lines that tell what failed, else the last ones.
func blamed(said string) string {
	var found []string
	for line := range strings.Lines(said) {
		if telling.MatchString(line) && len(found) < 3 {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if len(found) == 0 {
		return brief.LastLines(said, 3)
	}
	return strings.Join(found, " / ")
}

// counting finds ninja's counts in what a build writes. It passes each one to count
// where the caller gives that; else say gets a line at each full percent.
type counting struct {
	count func(done, all int)
	say   func(format string, args ...any)
	since func() time.Duration
	rest  []byte // of a line that has not ended
	told  int    // percent
	marks []mark // the last of what was told, and before that the beginning
}

// mark is how far a build was, and when.
type mark struct {
	done int
	at   time.Duration // since its begin
}

// recent is how many marks a guess looks back: what the compiler's cache had goes
// many times faster than the rest, and tells nothing about it.
const recent = 5

var ninjaCount = regexp.MustCompile(`^\[(\d{1,9})/(\d{1,9})\]`)

func (c *counting) Write(b []byte) (int, error) {
	c.rest = append(c.rest, b...)
	for {
		line, rest, ended := bytes.Cut(c.rest, []byte("\n"))
		if !ended {
			return len(b), nil
		}
		c.line(line)
		c.rest = rest
	}
}

func (c *counting) line(text []byte) {
	m := ninjaCount.FindSubmatch(text)
	if m == nil {
		return
	}
	done, _ := strconv.Atoi(string(m[1])) // the expression admits digits only
	all, _ := strconv.Atoi(string(m[2]))
	if c.count != nil {
		c.count(done, all)
		return
	}
	if done < 1 || done > all || done*100/all <= c.told {
		return
	}
	if len(c.marks) == 0 {
		c.marks = []mark{{}}
	}
	now := mark{done, c.since()}
	c.told = done * 100 / all
	c.say("compiling: %d of %d (%d %%), %s", done, all, c.told, left(c.marks[0], now, all))
	c.marks = append(c.marks, now)
	c.marks = c.marks[max(0, len(c.marks)-recent):]
}

// left guesses how long the rest takes, from what was done since an earlier
// mark. Large files come unevenly, so it tells minutes.
func left(was, now mark, all int) string {
	rest := time.Duration(float64(now.at-was.at) / float64(now.done-was.done) * float64(all-now.done))
	if rest < time.Minute {
		return "less than a minute left"
	}
	return fmt.Sprintf("about %d min left", int(rest.Round(time.Minute).Minutes()))
}
