package images

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/release"
)

// ours is the layout of images built here.
var ours = release.Layout{
	Bin: "/usr/local/mysql/bin", Sbin: "/usr/local/mysql/bin", Plugin: "/usr/local/mysql/lib/plugin", Share: "/usr/local/mysql/share",
	DataDir: dataDir, User: mysqlUser, UID: mysqlUID, GID: mysqlUID,
}

// Where the parts of the product are looked for in a foreign image. A package
// may put share into a folder of its release line, as in mysql-8.4.
var (
	binDirs    = []string{"/usr/local/mysql/bin", "/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/mysql/bin"}
	pluginDirs = []string{"/usr/local/mysql/lib/plugin", "/usr/lib64/mysql/plugin", "/usr/lib/mysql/plugin", "/opt/mysql/lib/plugin"}
	shareDirs  = []string{"/usr/local/mysql/share", "/usr/share/mysql-<line>", "/usr/share/mysql", "/opt/mysql/share"}
)

// Tools of the release: those that claims and fences use, and those that only a
// comparison of speeds, or a person, wants.
var (
	neededTools = []string{"mysql", "mysqlbinlog", "ndb_mgm"}
	moreTools   = []string{"mysqldump", "mysqlslap", "ndb_select_all", "ndb_waiter"}
)

// look finds out what an image holds, and makes it fit where it does not: an
// initialised data directory, and an image that lends missing tools.
func (m maker) look(ctx context.Context, c Choice) (Image, error) {
	in, err := m.InspectImage(ctx, c.Ref)
	if err != nil {
		return Image{}, fmt.Errorf("look into image %s: %w", c.Ref, err)
	}
	img := Image{Ref: c.Ref, ID: in.ID, Release: c.Release, Source: c.Source, TarballSHA256: c.SHA256, Listed: c.Listed, Size: in.Size}
	if l := in.Labels; l[labelTarball] != "" && l[labelRecipe] == m.o.recipe() {
		if img.Release, err = release.Parse(l[labelRelease]); err != nil {
			return Image{}, fmt.Errorf("look into image %s: %w", c.Ref, err)
		}
		img.Layout, img.TarballSHA256 = ours, l[labelTarball]
		img.Build, err = builtAs(l)
		return img, err
	}
	if err := m.fit(ctx, &img, in); err != nil {
		return Image{}, err
	}
	if !c.Release.IsZero() && c.Release != img.Release {
		return Image{}, fmt.Errorf("look into image %s: it holds %s, and %s was wanted", c.Ref, img.Release, c.Release)
	}
	known, err := Listed()
	if err != nil {
		return Image{}, err
	}
	img.Listed = listed(known, img.Release).Image == c.Ref
	err = m.lend(ctx, &img, known)
	return img, err
}

// peek fills in release and layout of a foreign image: its files are looked at
// in a container that never runs, its mysqld is asked for the release. ndbDir
// tells whether there is a folder for NDB's data.
func (m maker) peek(ctx context.Context, img *Image) (ndbDir bool, err error) {
	id, err := m.create(ctx, engine.Container{Image: img.Ref, Argv: []string{"/nothing"}})
	if err != nil {
		return false, err
	}
	defer m.discard(ctx, id)
	var failed error
	has := func(p string) bool {
		there, err := m.Has(ctx, id, p)
		if err != nil {
			failed = cmp.Or(failed, fmt.Errorf("look for %s: %w", p, err))
		}
		return there
	}
	l, err := layout(has, func(mysqld string) (release.Release, error) {
		var err error
		img.Release, err = m.versionOf(ctx, img.Ref, mysqld)
		return img.Release, err
	})
	ndbDir = has(ndbDataDir)
	if err := cmp.Or(failed, err); err != nil {
		return false, err
	}
	passwd, err := m.readFile(ctx, id, "/etc/passwd")
	if err != nil {
		return false, err
	}
	l.User = mysqlUser
	l.UID, l.GID, err = userOf(string(passwd))
	img.Layout = l
	return ndbDir, err
}

// layout finds the product's files: has tells whether a path exists, version
// which release a mysqld is.
func layout(has func(string) bool, version func(mysqld string) (release.Release, error)) (release.Layout, error) {
	first := func(dirs []string, file string) string {
		i := slices.IndexFunc(dirs, func(d string) bool { return has(path.Join(d, file)) })
		if i < 0 {
			return ""
		}
		return dirs[i]
	}
	l := release.Layout{Bin: first(binDirs, "mysql"), Sbin: first(binDirs, "mysqld"), Plugin: first(pluginDirs, "")}
	if l.Sbin == "" {
		return l, errors.New("it has no mysqld in any of " + strings.Join(binDirs, ", "))
	}
	for _, s := range []string{"ndbmtd", "ndb_mgmd"} {
		if !has(path.Join(l.Sbin, s)) {
			return l, fmt.Errorf("it has no %s beside mysqld in %s: not an image of NDB Cluster", s, l.Sbin)
		}
	}
	if l.Plugin == "" {
		return l, errors.New("it has no folder of plugins in any of " + strings.Join(pluginDirs, ", "))
	}
	r, err := version(path.Join(l.Sbin, "mysqld"))
	if err != nil {
		return l, err
	}
	var shares []string
	for _, d := range shareDirs {
		shares = append(shares, strings.ReplaceAll(d, "<line>", r.Line()))
	}
	if l.Share = first(shares, "english/errmsg.sys"); l.Share == "" {
		return l, errors.New("it has no english/errmsg.sys in any of " + strings.Join(shares, ", "))
	}
	l.Bin = cmp.Or(l.Bin, l.Sbin)
	for _, t := range slices.Concat(neededTools, moreTools) {
		if !has(path.Join(l.Bin, t)) {
			l.Missing = append(l.Missing, t)
		}
	}
	if has(path.Join(dataDir, "mysql.ibd")) {
		l.DataDir = dataDir
	}
	return l, nil
}

// userOf reads the servers' user from the text of an /etc/passwd.
func userOf(passwd string) (uid, gid int, err error) {
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != mysqlUser {
			continue
		}
		if uid, err = strconv.Atoi(f[2]); err == nil {
			gid, err = strconv.Atoi(f[3])
		}
		if err != nil {
			return 0, 0, fmt.Errorf("read user %s in its /etc/passwd: %w", mysqlUser, err)
		}
		return uid, gid, nil
	}
	return 0, 0, errors.New("its /etc/passwd has no user " + mysqlUser)
}

// versionOf asks an image's mysqld for its release.
func (m maker) versionOf(ctx context.Context, ref, mysqld string) (release.Release, error) {
	id, err := m.create(ctx, engine.Container{Image: ref, Argv: []string{mysqld, "--no-defaults", "--version"}})
	if err != nil {
		return release.Release{}, err
	}
	defer m.discard(ctx, id)
	said, err := m.runToEnd(ctx, id)
	if err != nil {
		return release.Release{}, fmt.Errorf("mysqld --version: %w", err)
	}
	return parseVersion(said)
}

var versionWord = regexp.MustCompile(`Ver (\d+\.\d+\.\d+\S*)`)

func parseVersion(said string) (release.Release, error) {
	found := versionWord.FindStringSubmatch(said)
	if found == nil {
		return release.Release{}, fmt.Errorf("mysqld --version says %q: no version in it", brief.LastLines(said, 1))
	}
	return release.Parse(found[1])
}

// remembered reads what an adapted image says of itself.
func (img *Image) remembered(l map[string]string) (err error) {
	if img.Release, err = release.Parse(l[labelRelease]); err != nil {
		return err
	}
	if err = json.Unmarshal([]byte(l[labelLayout]), &img.Layout); err != nil {
		return fmt.Errorf("read the label %s: %w", labelLayout, err)
	}
	return nil
}
