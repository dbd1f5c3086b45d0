package images

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// programs are what a tarball must have, under its top folder.
var programs = []string{"bin/mysqld", "bin/ndbmtd", "bin/ndb_mgmd", "bin/ndb_mgm", "bin/mysql"}

// unneeded is what a vendor's tarball has and no node needs: half of its size.
var unneeded = regexp.MustCompile(`^(mysql-test|include|man|docs|support-files)/|^lib/(plugin/debug|mysqlrouter|pkgconfig)/|^lib/[^/]*\.a$|^bin/(mysqld-debug|mysqlrouter.*|mysqltest.*|mysqlxtest|mysql_client_test|ndb.*test.*)$|^share/(java|nodejs|mysql-test)/`)

// place gives where a file of the tarball goes, for its name under the top
// folder; "" leaves it out.
type place func(name string) string

// standard is the layout of our images: the tarball's own, under
// /usr/local/mysql.
func standard(name string) string { return path.Join("usr/local/mysql", name) }

// below gives an entry's name under the tarball's top folder, which it cannot
// leave; "" for what does not lie there.
func below(name string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	return rest
}

// repacking is a tarball on its way into a container.
type repacking struct {
	Tarball
	to      place
	arch    string // the engine's
	w       *tar.Writer
	missing []string
	made    map[string]bool // folders
}

// repack copies a tarball's files into w under other names, owned by root. It
// fails on another architecture, on a missing program, and on broken content.
func (t Tarball) repack(ctx context.Context, w *tar.Writer, arch string, to place) error {
	in, err := t.unpack(ctx)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	p := repacking{Tarball: t, to: to, arch: arch, w: w, missing: slices.Clone(programs), made: map[string]bool{}}
	r := tar.NewReader(in)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t.broken(ctx, err)
		}
		if err := p.entry(ctx, h, r); err != nil {
			return err
		}
	}
	// The checksums stand behind the end of the archive.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return t.broken(ctx, err)
	}
	if len(p.missing) > 0 {
		return fmt.Errorf("unpack %s: it has no %s: not a tarball of NDB Cluster", filepath.Base(t.Path), strings.Join(p.missing, ", "))
	}
	return nil
}

// entry copies one file, and the folders that lead to it. Empty folders are
// left out.
func (p *repacking) entry(ctx context.Context, h *tar.Header, r io.Reader) error {
	name := below(h.Name)
	p.missing = slices.DeleteFunc(p.missing, func(s string) bool { return s == name })
	if name == "" || h.Typeflag == tar.TypeDir || unneeded.MatchString(name) || p.to(name) == "" {
		return nil
	}
	out := &tar.Header{Typeflag: h.Typeflag, Name: p.to(name), Linkname: h.Linkname, Size: h.Size, Mode: h.Mode & 0o755, ModTime: h.ModTime}
	if h.Typeflag == tar.TypeLink {
		if out.Linkname = p.to(below(h.Linkname)); out.Linkname == "" {
			return nil
		}
	}
	var head bytes.Buffer
	if name == "bin/mysqld" && h.Typeflag == tar.TypeReg {
		if _, err := io.CopyN(&head, r, 64); err != nil && !errors.Is(err, io.EOF) {
			return p.broken(ctx, err)
		}
		if err := p.runsOn(head.Bytes()); err != nil {
			return err
		}
	}
	if err := parents(p.w, out.Name, p.made); err != nil {
		return err
	}
	if err := p.w.WriteHeader(out); err != nil {
		return fmt.Errorf("repack %s: %w", h.Name, err)
	}
	from := &watched{r: io.MultiReader(&head, r)}
	if _, err := io.Copy(p.w, from); err != nil {
		if from.err != nil {
			return p.broken(ctx, from.err)
		}
		return fmt.Errorf("repack %s: %w", h.Name, err)
	}
	return nil
}

// watched remembers its reader's error, to tell it from the writer's.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err //nolint:wrapcheck // a reader's error passes as it is
}

// runsOn fails when mysqld, of which head is the beginning, is made for another
// architecture than the engine's.
func (p *repacking) runsOn(head []byte) error {
	m, err := elfMachine(head)
	if err != nil {
		return fmt.Errorf("unpack %s: bin/mysqld: %w", filepath.Base(p.Path), err)
	}
	if m != p.arch {
		return fmt.Errorf("unpack %s: it is made for %s, and the engine runs on %s; take the tarball for that", filepath.Base(p.Path), m, p.arch)
	}
	return nil
}

// elfMachine gives the architecture of a program, from its first 20 bytes, in
// the words of uname (ELF specification: e_ident, e_type, e_machine).
func elfMachine(head []byte) (string, error) {
	if len(head) < 20 || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return "", errors.New("it is not a Linux program")
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	switch m := elf.Machine(order.Uint16(head[18:])); m {
	case elf.EM_X86_64:
		return "x86_64", nil
	case elf.EM_AARCH64:
		return "aarch64", nil
	default:
		return strings.ToLower(strings.TrimPrefix(m.String(), "EM_")), nil
	}
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
