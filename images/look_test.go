package images

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

func having(paths ...string) func(string) bool {
	return func(p string) bool { return slices.Contains(paths, p) }
}

func is(version string) func(string) (release.Release, error) {
	return func(string) (release.Release, error) { return release.Parse(version) }
}

var packaged = []string{
	"/usr/sbin/mysqld", "/usr/sbin/ndbmtd", "/usr/sbin/ndb_mgmd", "/usr/bin/mysql", "/usr/bin/ndb_mgm", "/usr/bin/mysqldump",
	"/usr/lib64/mysql/plugin", "/usr/share/mysql-8.4/english/errmsg.sys", "/usr/share/mysql",
}

func TestLayout(t *testing.T) {
	got, err := layout(having(packaged...), is("8.4.10"))
	require.NoError(t, err)
	assert.Equal(t, release.Layout{
		Bin: "/usr/bin", Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql-8.4",
		Missing: []string{"mysqlbinlog", "mysqlslap", "ndb_select_all", "ndb_waiter"},
	}, got)

	full := []string{"/usr/local/mysql/lib/plugin", "/usr/local/mysql/share/english/errmsg.sys", "/var/lib/mysql/data/mysql.ibd"}
	for _, p := range slices.Concat(neededTools, moreTools, []string{"mysqld", "ndbmtd", "ndb_mgmd"}) {
		full = append(full, "/usr/local/mysql/bin/"+p)
	}
	got, err = layout(having(full...), is("9.7.4"))
	require.NoError(t, err)
	want := ours
	want.User, want.UID, want.GID = "", 0, 0 // from /etc/passwd
	assert.Equal(t, want, got, "a tarball's own layout")
}

func TestLayoutRefuses(t *testing.T) {
	for missing, want := range map[string]string{
		"/usr/sbin/mysqld": "it has no mysqld in any of", "/usr/sbin/ndbmtd": "it has no ndbmtd beside mysqld in /usr/sbin", "/usr/sbin/ndb_mgmd": "it has no ndb_mgmd",
		"/usr/lib64/mysql/plugin": "no folder of plugins", "/usr/share/mysql-8.4/english/errmsg.sys": "no english/errmsg.sys",
	} {
		rest := slices.DeleteFunc(slices.Clone(packaged), func(p string) bool { return p == missing })
		_, err := layout(having(rest...), is("8.4.10"))
		assert.ErrorContains(t, err, want)
	}
	_, err := layout(having(packaged...), is("no release"))
	assert.ErrorContains(t, err, "parse release")
}

func TestUserOf(t *testing.T) {
	uid, gid, err := userOf("root:x:0:0:root:/root:/bin/bash\nmysqlxyz:x:1:1::/:/bin/sh\nmysql:x:27:28:MySQL:/var/lib/mysql:/bin/false")
	require.NoError(t, err)
	assert.Equal(t, [2]int{27, 28}, [2]int{uid, gid})
	for _, bad := range []string{"", "root:x:0:0::/:/bin/sh\n", "mysql:x:\n", "mysql:x:a:b:::\n"} {
		_, _, err := userOf(bad)
		assert.Error(t, err, bad)
	}
}

func TestParseVersion(t *testing.T) {
	for said, want := range map[string]string{
		"/usr/sbin/mysqld  Ver 9.7.4-cluster for Linux on x86_64 (Source distribution)":                   "9.7.4",
		"mysqld  Ver 9.7.4-fix1-cluster for Linux on x86_64 (Source distribution)":                        "9.7.4-fix1",
		"/usr/sbin/mysqld  Ver 8.0.44-cluster for Linux on x86_64 (MySQL Cluster Community Server - GPL)": "8.0.44",
	} {
		got, err := parseVersion(said)
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
	}
	_, err := parseVersion("error while loading shared libraries: libaio.so.1")
	assert.ErrorContains(t, err, "libaio.so.1")
}

func TestNearest(t *testing.T) {
	var found []Tarball
	for _, s := range []string{"26.7.0", "9.7.10", "9.7.4-fix1", "9.7.4", "8.4.9", "8.4.5"} {
		found = append(found, Tarball{Release: release.MustParse(s)})
	}
	for of, want := range map[string]string{
		"9.7.4": "9.7.4", "9.7.4-fix1": "9.7.4-fix1", "9.7.4-other": "9.7.4-fix1", "9.7.6": "9.7.4", "9.7.9": "9.7.10", "8.4.7": "8.4.9", "8.0.44": "8.4.9", "26.10.1": "26.7.0",
	} {
		assert.Equal(t, want, nearest(found, release.MustParse(of)).Release.String(), of)
	}
}

func TestQuoted(t *testing.T) {
	assert.Equal(t, `"a \"b\" \\ \$HOME"`, quoted(`a "b" \ $HOME`))
}
