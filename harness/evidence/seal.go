package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Seal ends a run: it writes manifest.sha256 over all files of the run, in the
// format of sha256sum, sorted by name, and then points Latest at the run. After
// that nothing can be written by Write, JSON and Append. Of several runs that
// end at once Latest names one; it is never missing or half made.
func (d *Dir) Seal() error {
	if d.run == nil || filepath.Join(d.run.root, d.run.name) != d.path {
		return fmt.Errorf("seal %s: not the directory of a run", d.path)
	}
	if err := d.FreeReserve(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	sums, err := checksums(d.path)
	if err != nil {
		return fmt.Errorf("seal %s: %w", d.run.name, err)
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	if err := d.Write(ManifestFile, b.Bytes()); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	d.run.sealed.Store(true)
	return d.run.point()
}

// point makes Latest a link to this run: made beside, then renamed over.
func (r *runDir) point() error {
	beside := filepath.Join(r.root, "."+Latest+"-"+r.name)
	if err := os.Symlink(r.name, beside); err != nil {
		return fmt.Errorf("point %s to %s: %w", Latest, r.name, explain(r.root, err))
	}
	if err := os.Rename(beside, filepath.Join(r.root, Latest)); err != nil {
		_ = os.Remove(beside)
		return fmt.Errorf("point %s to %s: %w", Latest, r.name, err)
	}
	return nil
}

// checksums gives the SHA-256 (hex) of every file below dir but the manifest,
// by slash-separated name.
func checksums(dir string) (map[string]string, error) {
	sums := map[string]string{}
	err := walk(dir, func(name string, f *os.File) error {
		if name == ManifestFile {
			return nil
		}
		if strings.ContainsAny(name, "\n\r\\") {
			return fmt.Errorf("hash %q: a name that sha256sum would have to quote", name)
		}
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return fmt.Errorf("hash %s: %w", name, err)
		}
		sums[name] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
	return sums, err
}

// walk opens every file below dir, in the order of names. Something that is
// neither a file nor a folder is an error: it could not be kept as evidence.
func walk(dir string, visit func(name string, f *os.File) error) error {
	return filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("read %s: not a plain file (%s)", name, e.Type())
		}
		f, err := os.Open(p) //nolint:gosec // a path found below dir
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // read only
		return visit(filepath.ToSlash(name), f)
	})
}

var manifestLine = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

// Verify compares a run's directory with its manifest and names every file that
// is missing, changed or added since. The manifest is not signed: it shows
// accidents, not forgery.
func Verify(dir string) error {
	want, err := readManifest(filepath.Join(dir, ManifestFile))
	if err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	got, err := checksums(dir)
	if err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	var missing, changed, added []string
	for name, sum := range want {
		switch have, ok := got[name]; {
		case !ok:
			missing = append(missing, name)
		case have != sum:
			changed = append(changed, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			added = append(added, name)
		}
	}
	var wrong []string
	for _, k := range []struct {
		word  string
		names []string
	}{{"missing", missing}, {"changed", changed}, {"added", added}} {
		if len(k.names) > 0 {
			slices.Sort(k.names)
			wrong = append(wrong, k.word+" "+strings.Join(k.names, ", "))
		}
	}
	if wrong != nil {
		return fmt.Errorf("verify %s against %s: %s", dir, ManifestFile, strings.Join(wrong, "; "))
	}
	return nil
}

func readManifest(path string) (map[string]string, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own results
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	sums := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		m := manifestLine.FindStringSubmatch(lines.Text())
		if m == nil {
			return nil, fmt.Errorf("read %s: line %d is no line of sha256sum", ManifestFile, n)
		}
		if _, twice := sums[m[2]]; twice {
			return nil, fmt.Errorf("read %s: line %d names %s again", ManifestFile, n, m[2])
		}
		sums[m[2]] = m[1]
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	if len(sums) == 0 {
		return nil, errors.New("read " + ManifestFile + ": it names no file")
	}
	return sums, nil
}
