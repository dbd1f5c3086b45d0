// Package release knows releases of MySQL NDB Cluster as data: their numbers,
// what each can do, which words its SQL uses, where an image keeps its files,
// and which known defects it carries. It asks no server anything.
package release

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Release is a release of MySQL NDB Cluster: three numbers and, for a build
// that is not the vendor's own, a suffix ("fix1" in 9.7.4-fix1). Numbers are
// calendar-based after 9.7 (26.7.0), so nothing may be read from their size.
type Release struct {
	Major, Minor, Patch int
	Suffix              string
}

var form = regexp.MustCompile(`^(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-([0-9A-Za-z][0-9A-Za-z.+_-]*))?$`)

// Parse reads "9.7.4" or "9.7.4-fix1". The "-cluster" that VERSION() appends
// is not part of a release and is dropped.
func Parse(s string) (Release, error) {
	m := form.FindStringSubmatch(strings.TrimSuffix(s, "-cluster"))
	if m == nil || m[4] == "cluster" || strings.HasSuffix(m[4], "-cluster") {
		return Release{}, fmt.Errorf("parse release %q: want three numbers and at most one suffix, as in 9.7.4 or 9.7.4-fix1", s)
	}
	var r Release
	for i, p := range []*int{&r.Major, &r.Minor, &r.Patch} {
		*p, _ = strconv.Atoi(m[i+1]) // the expression admits up to four digits only
	}
	r.Suffix = m[4]
	return r, nil
}

// MustParse is Parse for releases written in the source.
func MustParse(s string) Release {
	r, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return r
}

func (r Release) String() string {
	s := fmt.Sprintf("%d.%d.%d", r.Major, r.Minor, r.Patch)
	if r.Suffix != "" {
		s += "-" + r.Suffix
	}
	return s
}

// MarshalText and UnmarshalText make a release a string in JSON and in flags.
func (r Release) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (r *Release) UnmarshalText(b []byte) error {
	p, err := Parse(string(b))
	if err == nil {
		*r = p
	}
	return err
}

// IsZero tells whether r is no release at all.
func (r Release) IsZero() bool { return r == Release{} }

// Compare orders by number, then by suffix, none first. It says nothing about
// which features a build with a suffix has beyond those of its number.
func (r Release) Compare(o Release) int {
	return cmp.Or(r.CompareNumber(o), strings.Compare(r.Suffix, o.Suffix))
}

// CompareNumber orders by the three numbers alone.
func (r Release) CompareNumber(o Release) int {
	return cmp.Or(cmp.Compare(r.Major, o.Major), cmp.Compare(r.Minor, o.Minor), cmp.Compare(r.Patch, o.Patch))
}

// AtLeast compares the three numbers alone.
func (r Release) AtLeast(major, minor, patch int) bool {
	return r.CompareNumber(Release{Major: major, Minor: minor, Patch: patch}) >= 0
}

// Unmodified tells whether this is the vendor's own build, told by the absence
// of a suffix.
func (r Release) Unmodified() bool { return r.Suffix == "" }

// Line is the series that shares configuration and upgrade rules: "8.0",
// "8.4", "9.7", "26.7".
func (r Release) Line() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }

// Layout says where an image keeps the programs' files, found by looking
// inside the image.
type Layout struct {
	Bin     string // directory of mysqld and, if the image has them, the NDB programs
	Sbin    string // directory of mysqld, ndbmtd, ndb_mgmd where it differs from Bin
	Plugin  string // plugin_dir
	Share   string // error messages and character sets
	DataDir string // an initialised data directory in the image; "" when it has none
	User    string // the user that the servers run as
	UID     int
	GID     int
	Missing []string // tools that the harness uses and the image lacks
}

// Program gives the path of a client program of the release ("mysql",
// "mysqlbinlog", "ndb_mgm"). Any other program is left to PATH.
func (l Layout) Program(name string) string {
	if strings.HasPrefix(name, "mysql") || strings.HasPrefix(name, "ndb") {
		return path.Join(l.Bin, name)
	}
	return name
}
