package images

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ulikunitz/xz"

	"ndbproof/harness/release"
)

// Tarball is a vendor's generic Linux tarball, told by its name.
type Tarball struct {
	Path    string
	Release release.Release
	Arch    string // as in its name: x86_64, aarch64; "" when the name has none
}

var tarballName = regexp.MustCompile(`^mysql-cluster-(?:gpl-|community-|commercial-)?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.+_]+)?)-linux-.*?(x86_64|aarch64|arm64)?\.tar\.(?:xz|gz)$`)

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

// Bundles gives the tarballs found where they are looked for, newest first. Of
// a release that lies in several folders the first folder's counts.
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
			if !slices.ContainsFunc(all, func(have Tarball) bool { return have.Release == t.Release }) {
				all = append(all, t)
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
		for ; ; dir = filepath.Dir(dir) {
			b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && bytes.HasPrefix(b, []byte("module ndbproof\n")) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("find the checkout: no go.mod of module ndbproof at or above the working directory or the program")
}

// unpack gives the tarball's content as a tar stream. xz is unpacked by the xz
// program where there is one: the library takes five times as long.
func (t Tarball) unpack(ctx context.Context) (io.ReadCloser, error) {
	f, err := os.Open(t.Path)
	if err != nil {
		return nil, fmt.Errorf("open the tarball: %w", err)
	}
	if strings.HasSuffix(t.Path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(t.broken(err), f.Close())
		}
		return both{z, f.Close}, nil
	}
	if xz, err := exec.LookPath("xz"); err == nil {
		return piped(ctx, xz, f)
	}
	z, err := xz.NewReader(f)
	if err != nil {
		return nil, errors.Join(t.broken(err), f.Close())
	}
	return both{z, f.Close}, nil
}

func (t Tarball) broken(err error) error {
	return fmt.Errorf("unpack %s: the tarball is broken or cut off (%w); fetch it again", filepath.Base(t.Path), err)
}

// both reads from one thing and closes another.
type both struct {
	io.Reader
	close func() error
}

func (b both) Close() error { return b.close() }

// piped unpacks with the xz program. Its own complaint, and not only the end of
// the stream, is what a reader of a cut-off file gets.
func piped(ctx context.Context, program string, f *os.File) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, program, "-dc", "-T0")
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = f, &complaint
	r, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("run %s: %w", program, err), f.Close())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("xz: %s", cmp.Or(strings.TrimSpace(complaint.String()), err.Error()))
		}
		w.CloseWithError(err)
	}()
	return both{r, func() error {
		cancel()
		_ = r.Close()
		<-done
		return f.Close()
	}}, nil
}

// elfMachine gives the architecture of a program, from its first bytes.
func elfMachine(head []byte) (string, error) {
	if len(head) < 20 || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return "", errors.New("not a Linux program")
	}
	switch m := elf.Machine(uint16(head[18]) | uint16(head[19])<<8); m {
	case elf.EM_X86_64:
		return "x86_64", nil
	case elf.EM_AARCH64:
		return "aarch64", nil
	default:
		return m.String(), nil
	}
}

// place gives where an entry of the tarball goes; "" leaves it out.
type place func(name string) string

// standard is the layout of our images: the tarball's own, under
// /usr/local/mysql.
func standard(name string) string {
	_, rest, ok := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	if !ok || rest == "" {
		return ""
	}
	return "usr/local/mysql/" + rest
}

// servers are the programs that a tarball must have.
var servers = []string{"bin/mysqld", "bin/ndbmtd", "bin/ndb_mgmd", "bin/ndb_mgm", "bin/mysql"}

// repack copies a tarball's entries into w under other names, owned by root. It
// fails on another architecture, on a missing server, and on broken content.
func (t Tarball) repack(ctx context.Context, w *tar.Writer, arch string, to place) error {
	in, err := t.unpack(ctx)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	missing := slices.Clone(servers)
	made := map[string]bool{}
	r := tar.NewReader(in)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t.broken(err)
		}
		_, inside, _ := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/")
		missing = slices.DeleteFunc(missing, func(s string) bool { return s == inside })
		name := to(h.Name)
		if name == "" || h.Typeflag == tar.TypeDir {
			continue
		}
		if err := parents(w, name, made); err != nil {
			return err
		}
		var head bytes.Buffer
		if inside == "bin/mysqld" {
			if _, err := io.CopyN(&head, r, 64); err != nil {
				return t.broken(err)
			}
			m, err := elfMachine(head.Bytes())
			if err != nil {
				return fmt.Errorf("unpack %s: bin/mysqld: %w", filepath.Base(t.Path), err)
			}
			if m != arch {
				return fmt.Errorf("unpack %s: it is made for %s, and the engine runs on %s; take the tarball for that", filepath.Base(t.Path), m, arch)
			}
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode & 0o755}); err != nil {
			return fmt.Errorf("repack %s: %w", h.Name, err)
		}
		if _, err := io.Copy(w, io.MultiReader(&head, r)); err != nil {
			if errors.Is(err, io.ErrClosedPipe) {
				return fmt.Errorf("repack %s: %w", h.Name, err)
			}
			return t.broken(err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("unpack %s: it has no %s: not a tarball of NDB Cluster", filepath.Base(t.Path), strings.Join(missing, ", "))
	}
	return nil
}

// parents writes the folders that lead to name, each once.
func parents(w *tar.Writer, name string, made map[string]bool) error {
	for i := range name {
		if name[i] != '/' || made[name[:i+1]] {
			continue
		}
		made[name[:i+1]] = true
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name[:i+1], Mode: 0o755}); err != nil {
			return fmt.Errorf("repack folder %s: %w", name[:i], err)
		}
	}
	return nil
}
