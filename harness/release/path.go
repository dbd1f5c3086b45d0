package release

import (
	"errors"
	"fmt"
	"strings"
)

// Forbidden is a way between releases that the product does not go.
type Forbidden struct {
	Way     string `json:"way"`     // "upgrade a mysqld in place from 8.0.44 to 9.7.4"
	Rule    string `json:"rule"`    // why not
	Source  string `json:"source"`  // where that stands: the server's error, a manual page, a source file
	Instead string `json:"instead"` // what to do
}

// Error is all of it in one line.
func (f *Forbidden) Error() string {
	return fmt.Sprintf("%s: %s (%s); %s", f.Way, f.Rule, f.Source, f.Instead)
}

// series is a release line that is maintained for years. A data directory does
// not go past one without having been there.
type series struct {
	first Release // of the line
	back  Release // the earliest of the line that a later one goes back to in place
}

// longTerm are those lines, oldest first: 8.0, which the manual calls a bugfix
// series, and all LTS. Which lines they are is a property of them that no
// number shows (manual of 26.7, mysql-releases), so a new one is a line here.
// Sources: manual, upgrade-paths; manual of 8.0, downgrading (from 8.0.35 on);
// manual of 8.4 and later, downgrading.
var longTerm = []series{
	{MustParse("8.0.0"), MustParse("8.0.35")},
	{MustParse("8.4.0"), MustParse("8.4.0")},
	{MustParse("9.7.0"), MustParse("9.7.0")},
}

// Numbers that the rules use.
var (
	firstKnown      = MustParse("8.0.0")
	lastSequential  = MustParse("9.7.0")  // the line
	firstCalendar   = MustParse("26.7.0") // no release lies between the two
	firstUpgradable = MustParse("8.0.19") // of NDB, to 8.4 and everything later
)

// LongTerm tells whether the release's line is one that is maintained for years.
func (r Release) LongTerm() bool {
	_, ok := r.series()
	return ok
}

func (r Release) series() (series, bool) {
	for _, s := range longTerm {
		if s.first.sameLine(r) {
			return s, true
		}
	}
	return series{}, false
}

func (r Release) sameLine(o Release) bool { return r.Major == o.Major && r.Minor == o.Minor }

// skipped are the long-term lines strictly between two releases' own.
func skipped(from, to Release) []string {
	var lines []string
	for _, s := range longTerm {
		if s.first.CompareNumber(from) > 0 && s.first.CompareNumber(to) < 0 && !s.first.sameLine(to) {
			lines = append(lines, s.first.Line())
		}
	}
	return lines
}

// Upgrade tells whether a cluster may be upgraded in place: its mysqlds start on
// their data directories, and its data nodes on theirs. It is nil, or a
// *Forbidden. Releases of one number, whatever their suffix, go to one another.
//
// The server's rule is that no long-term line is skipped
// (sql/dd/impl/bootstrap/bootstrapper.cc of 9.7.2, and
// server_version_transition.cc beside it in 26.7; MY-014060). Data nodes come
// from 8.0.19 or later (manual, mysql-cluster-upgrade-downgrade).
func Upgrade(from, to Release) error {
	way := fmt.Sprintf("upgrade in place from %s to %s", from, to)
	switch lines := skipped(from, to); {
	case to.CompareNumber(from) < 0:
		return &Forbidden{way, "that is a downgrade", "the numbers", "swap the two, or ask for a downgrade"}
	case len(lines) > 0:
		return &Forbidden{
			way, "a mysqld does not skip a long-term line",
			"MY-014060; manual, upgrade-paths", "go by " + strings.Join(lines, ", then by "),
		}
	case from.CompareNumber(firstUpgradable) < 0 && !from.sameLine(to):
		return &Forbidden{
			way, "data nodes go on from " + firstUpgradable.String() + " or later",
			"manual, mysql-cluster-upgrade-downgrade", "go by the latest " + from.Line(),
		}
	}
	return nil
}

// copyInstead is what remains where a mysqld does not go back.
const copyInstead = "start a mysqld from a copy of its datadir, keyring and auto.cnf together, made before the upgrade"

// Downgrade tells whether a mysqld may go back in place, after a clean shutdown:
// within one long-term line only. It is nil, or a *Forbidden. Releases of one
// number, whatever their suffix, go to one another.
//
// Source: manual, downgrading; the server's errors MY-014061 for another line
// and MY-013171 for what lies before 8.0.35. A release may have a threshold of
// its own, which only its data directory knows (SERVER_DOWNGRADE_THRESHOLD).
func Downgrade(from, to Release) error {
	way := fmt.Sprintf("downgrade in place from %s to %s", from, to)
	s, long := from.series()
	switch c := to.CompareNumber(from); {
	case c == 0:
		return nil
	case c > 0:
		return &Forbidden{way, "that is an upgrade", "the numbers", "swap the two, or ask for an upgrade"}
	case !from.sameLine(to):
		return &Forbidden{way, "a mysqld goes back within its own line only", "MY-014061; manual, downgrading", copyInstead}
	case !long:
		return &Forbidden{way, from.Line() + " is an innovation release, which does not go back", "manual, downgrading", copyInstead}
	case to.CompareNumber(s.back) < 0:
		return &Forbidden{way, "nothing goes back to before " + s.back.String(), "MY-013171; manual of 8.0, downgrading", copyInstead}
	}
	return nil
}

// InPlace is Upgrade or Downgrade, as the numbers have it.
func InPlace(from, to Release) error {
	if to.CompareNumber(from) < 0 {
		return Downgrade(from, to)
	}
	return Upgrade(from, to)
}

// Replicate tells whether a replica may follow a source: the replica is not the
// older one, and could be an upgrade of the source. It is nil, or a *Forbidden.
// Source: manual, replication-compatibility.
func Replicate(source, replica Release) error {
	const page = "manual, replication-compatibility"
	way := fmt.Sprintf("replicate from a source of %s to a replica of %s", source, replica)
	if source.CompareNumber(replica) > 0 {
		return &Forbidden{way, "a source is not newer than its replica", page, "upgrade the replica cluster first"}
	}
	var f *Forbidden
	if errors.As(Upgrade(source, replica), &f) {
		return &Forbidden{way, "a replica is what its source could be upgraded to: " + f.Rule, page + "; " + f.Source, f.Instead}
	}
	return nil
}

// Path tells whether a pair may be taken from a release to another, one cluster
// after the other while rows are replicated: all that would be refused on the
// way, asked before anything starts. It is nil, or a *Forbidden.
func Path(from, to Release) error {
	older, newer := from, to
	if to.CompareNumber(from) < 0 {
		older, newer = to, from
	}
	for _, err := range []error{known(from), known(to), InPlace(from, to), keyring(from, to), Replicate(older, newer)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// known refuses numbers that no release has. After 9.7 comes 26.7, and then a
// minor number is a month (manual of 26.7, mysql-releases).
func known(r Release) error {
	way := "take a pair from or to " + r.String()
	switch {
	case r.CompareNumber(firstKnown) < 0:
		return &Forbidden{way, "releases before 8.0 are not known here", "release.Path", "begin with 8.0.25 or later"}
	case r.CompareNumber(lastSequential) > 0 && !r.sameLine(lastSequential) &&
		(r.CompareNumber(firstCalendar) < 0 || r.Major >= firstCalendar.Major && (r.Minor < 1 || r.Minor > 12)):
		return &Forbidden{
			way, "there is no line " + r.Line() + ": after 9.7 come years and months, from 26.7 on",
			"manual of 26.7, mysql-releases", "see what the build calls itself",
		}
	}
	return nil
}

// keyring refuses to leave the keyring's plugin without its migration server,
// which has the component as well.
func keyring(from, to Release) error {
	if from.Has(KeyringComponent) || to.Has(KeyringPlugin) {
		return nil
	}
	return &Forbidden{
		fmt.Sprintf("take a keyring from %s to %s", from, to),
		"keys go from the plugin to the component by a mysqld that has both, and " + from.String() + " has no component",
		"manual of 8.0, keyring-key-migration", "go by the latest " + from.Line(),
	}
}
