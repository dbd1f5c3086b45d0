package evidence

import (
	"fmt"
	"strings"
)

// BuiltFromSource is how a tarball came about that was built here.
const BuiltFromSource = "built from source"

// SourceBuild tells how a tarball was built here.
type SourceBuild struct {
	How     string        `json:"how"`     // BuiltFromSource
	Package string        `json:"package"` // Debian's source package: "mysql-9.7"
	Version string        `json:"version"` // of that package, with Debian's own patches: "9.7.4-2"
	Patches []SourcePatch `json:"patches"` // ours, in order; none for an unmodified build
}

// SourcePatch is a patch that a build has beyond Debian's.
type SourcePatch struct {
	Name   string `json:"name"`   // of its file
	SHA256 string `json:"sha256"` // of its text
}

// Unmodified tells whether NDB was built from Debian's source without further
// patches. A nil build is not unmodified.
func (b *SourceBuild) Unmodified() bool { return b != nil && len(b.Patches) == 0 }

func (b *SourceBuild) String() string {
	s := fmt.Sprintf("%s, Debian's %s %s", b.How, b.Package, b.Version)
	var patches []string
	for _, p := range b.Patches {
		patches = append(patches, fmt.Sprintf("%s (sha256 %s)", p.Name, p.SHA256))
	}
	if len(patches) > 0 {
		s += ", patched with " + strings.Join(patches, ", ")
	}
	return s
}

// listed is b with [] instead of null.
func (b *SourceBuild) listed() *SourceBuild {
	if b == nil {
		return nil
	}
	c := *b
	c.Patches = list(c.Patches)
	return &c
}
