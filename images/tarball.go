package images

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
)

// Tarball is a vendor's generic Linux tarball, told by its name.
type Tarball struct {
	Path    string
	Release release.Release
	Arch    string // as in its name: x86_64, aarch64; "" when the name has none
}

var tarballName = regexp.MustCompile(`^mysql-cluster-(?:gpl-|community-|commercial-)?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.+_]+)?)-linux-(?:.*?(x86_64|aarch64|arm64))?.*\.tar\.(?:xz|gz)$`)

// ParseTarball tells from a file's name which release it holds.
func ParseTarball(path string) (Tarball, error) {
	m := tarballName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return Tarball{}, fmt.Errorf("read the name of %s: want mysql-cluster-<version>-linux-*.tar.xz or .tar.gz", path)
	}
	r, err := release.Parse(m[1])
	if err != nil {
		return Tarball{}, fmt.Errorf("read the name of %s: %w", path, err)
	}
	return Tarball{Path: path, Release: r, Arch: strings.Replace(m[2], "arm64", "aarch64", 1)}, nil
}

// fits tells whether the tarball's name allows it to run here. An engine on
// another kind of machine is asked when the image is built.
func (t Tarball) fits() bool {
	here := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return t.Arch == "" || here == "" || t.Arch == here
}

// Bundles gives the tarballs found where they are looked for, newest first. Of
// a release that lies in several folders the first folder's counts; of several
// architectures in one folder, this machine's.
func Bundles(o Options) ([]Tarball, error) {
	var all []Tarball
	for _, dir := range o.dirs() {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) && dir != o.getenv("NDB_BUNDLE_DIR") {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for tarballs: %w", err)
		}
		for _, e := range entries {
			t, err := ParseTarball(filepath.Join(dir, e.Name()))
			if err != nil || e.IsDir() {
				continue
			}
			i := slices.IndexFunc(all, func(have Tarball) bool { return have.Release == t.Release })
			switch {
			case i < 0:
				all = append(all, t)
			case filepath.Dir(all[i].Path) == filepath.Dir(t.Path) && !all[i].fits() && t.fits():
				all[i] = t
			}
		}
	}
	slices.SortFunc(all, func(a, b Tarball) int { return b.Release.Compare(a.Release) })
	return all, nil
}

// dirs are the folders where tarballs are looked for, in order.
func (o Options) dirs() []string {
	if o.BundleDirs != nil {
		return o.BundleDirs
	}
	var dirs []string
	if d := o.getenv("NDB_BUNDLE_DIR"); d != "" {
		dirs = append(dirs, d)
	}
	if root, err := checkout(); err == nil {
		dirs = append(dirs, filepath.Join(root, "images", "bundles"), filepath.Join(filepath.Dir(root), "shared", "ndb"))
	}
	return dirs
}

// checkout gives the folder of this project's go.mod, at or above the working
// directory or the program.
func checkout() (string, error) {
	var from []string
	if wd, err := os.Getwd(); err == nil {
		from = append(from, wd)
	}
	if exe, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(exe))
	}
	for _, dir := range from {
		if root, found := evidence.Checkout(dir); found {
			return root, nil
		}
	}
	return "", errors.New("find the checkout: no go.mod of module ndbproof at or above the working directory or the program")
}
