package images

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
	"ndbproof/harness/release"
)

var fix1 = SourceBuild{Want: "9.7.4", Suffix: "fix1", Patches: []Patch{{Name: "f1.patch", Text: []byte("--- a/x\n")}}}

func TestSourceBuildCheck(t *testing.T) {
	for _, b := range []SourceBuild{{}, {Want: "9.7.4"}, {Want: "9.7.x"}, {Want: "26.7.0"}, fix1} {
		assert.NoError(t, b.Check(), "%+v", b)
	}
	patches := fix1.Patches
	for reason, b := range map[string]SourceBuild{
		"for the newest of a line":    {Want: "9.7"},
		"no archive has it":           {Want: "9.7.4-fix1"},
		"as in --suffix fix1":         {Patches: patches},
		"is for a patched build":      {Suffix: "fix1"},
		`suffix "fix-1"`:              {Suffix: "fix-1", Patches: patches},
		"the product's own word":      {Suffix: "cluster", Patches: patches},
		`patch "../f1": want a file `: {Suffix: "a", Patches: []Patch{{Name: "../f1"}}},
	} {
		err := b.Check()
		if assert.ErrorContains(t, err, reason) {
			assert.Contains(t, err.Error(), "from source: ")
		}
	}
}

// Every step has a script, which says what it is for, and which bash can read.
func TestSourcePlanIsComplete(t *testing.T) {
	files, err := filepath.Glob("source/*.sh")
	require.NoError(t, err)
	var scripts []string
	for _, j := range sourcePlan() {
		assert.True(t, strings.HasPrefix(j.Script, "# "), "%s has no script that says what it does", j.Name)
		out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", j.Script).CombinedOutput()
		assert.NoError(t, err, "%s: %s", j.Name, out)
		scripts = append(scripts, filepath.Join("source", j.Name+".sh"))
	}
	assert.ElementsMatch(t, files, scripts, "a script that no step has")
}

// What a tarball must have, what claims call and what people want is built; and
// the component without which no data directory can be made.
func TestSourceBuildsWhatIsNeeded(t *testing.T) {
	for _, p := range slices.Concat(programs, neededTools, moreTools) {
		assert.Contains(t, builtPrograms, strings.TrimPrefix(p, "bin/"))
	}
	assert.Contains(t, builtPlugins, "component_reference_cache")
	assert.Contains(t, builtPlugins, "component_keyring_file")
}

// Only steps that fetch have a network, and the second package source is known
// to them alone: nothing is installed from it.
func TestSourcePlanKeepsToItsArchive(t *testing.T) {
	var reach []string
	for _, j := range sourcePlan() {
		if j.Network {
			reach = append(reach, j.Name)
		}
		if strings.Contains(j.Script, "sid") {
			assert.NotContains(t, j.Script, "apt-get -q install", j.Name)
		}
	}
	assert.Equal(t, []string{"ask", "tools", "fetch"}, reach)
}

func TestDryRun(t *testing.T) {
	for name, b := range map[string]SourceBuild{"dry-run.txt": {}, "dry-run-fix1.txt": fix1} {
		var got bytes.Buffer
		require.NoError(t, b.DryRun(&got))
		for _, j := range sourcePlan() {
			assert.Contains(t, got.String(), j.Script)
		}
		golden.Equal(t, "testdata/"+name, got.Bytes())
	}
}

func TestAnnounce(t *testing.T) {
	plan := sourcePlan()
	assert.Equal(t, "building the newest release there is from Debian's source in containers: roughly 50 minutes on 2 idle cores, 6 GB of disk during the build", SourceBuild{}.announce(plan, 2))
	assert.Equal(t, "building 9.7.4, patched (1) and named -fix1, from Debian's source in containers: roughly 15 minutes on 16 idle cores, 6 GB of disk during the build", fix1.announce(plan, 16))
	assert.Greater(t, takes(plan, 1), takes(plan, 2))
	assert.Greater(t, takes(plan, 0), takes(plan, 2), "an engine that does not tell has one")
}

// A key changes with all that a step's result depends on, and with nothing else.
func TestSourceKeys(t *testing.T) {
	plan := sourcePlan()
	a := archived{"mysql-source", "9.7.4-2", release.MustParse("9.7.4")}
	was := SourceBuild{}.keys(plan, a)
	differ := func(now map[string]string) (names []string) {
		for _, j := range plan {
			if now[j.Name] != was[j.Name] {
				names = append(names, j.Name)
			}
		}
		return names
	}
	assert.Empty(t, differ(SourceBuild{}.keys(plan, a)))
	assert.Equal(t, []string{"unpack", "configure", "compile", "pack"}, differ(fix1.keys(plan, a)))
	assert.Equal(t, []string{"fetch", "unpack", "configure", "compile", "pack"}, differ(SourceBuild{}.keys(plan, archived{"mysql-9.7", "9.7.4-2", a.Release})))
	changed := slices.Clone(plan)
	i := slices.IndexFunc(changed, func(j Job) bool { return j.Name == "configure" })
	changed[i].Script += "true\n"
	assert.Equal(t, []string{"configure", "compile", "pack"}, differ(SourceBuild{}.keys(changed, a)))
	other := fix1
	other.Patches = []Patch{{Name: "f1.patch", Text: []byte("--- a/y\n")}}
	assert.NotEqual(t, fix1.keys(plan, a)["unpack"], other.keys(plan, a)["unpack"], "a patch that was changed")
}

// bash runs a script as a container would, with a folder in place of /build and
// of /patches, and with programs of its own before those of the system.
func bash(t *testing.T, script, build, path string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", strings.NewReplacer("/build/", build+"/", "/patches/", build+"/patches/").Replace(script))
	cmd.Env = slices.Concat(env, []string{"PATH=" + path + ":" + os.Getenv("PATH")})
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestOnceIsDoneOnce(t *testing.T) {
	dir := t.TempDir()
	later := []Job{{Name: "after", Kept: true}, {Name: "never"}}
	run := func(name, script, key string) string {
		out, err := bash(t, once(Job{Name: name, Script: script}, key, later), dir, "")
		require.NoError(t, err, out)
		return out
	}
	assert.Equal(t, "made\n", run("unpack", "echo made\n", "k1"))
	assert.Equal(t, "done before\n", run("unpack", "echo made\n", "k1"))
	assert.FileExists(t, filepath.Join(dir, "done", "unpack"))

	after := filepath.Join(dir, "done", "after")
	require.NoError(t, os.WriteFile(after, []byte("k1\n"), 0o600))
	assert.Equal(t, "made\n", run("unpack", "echo made\n", "k2"), "another key")
	assert.NoFileExists(t, after, "what stood on the old one counts as not done")

	_, err := bash(t, once(Job{Name: "unpack", Script: "false\n"}, "k3", nil), dir, "")
	require.Error(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "done", "unpack"), "what failed is done again")
}

func TestLeft(t *testing.T) {
	assert.Equal(t, "about 30 min left", left(mark{}, mark{100, 10 * time.Minute}, 400))
	assert.Equal(t, "less than a minute left", left(mark{}, mark{399, 10 * time.Minute}, 400))
	assert.Equal(t, "less than a minute left", left(mark{}, mark{400, 10 * time.Minute}, 400))
	assert.Equal(t, "about 20 min left", left(mark{300, time.Minute}, mark{310, 3 * time.Minute}, 410))
}

// After an interruption the cache has the first half within seconds.
func TestCountingGuessesFromWhatIsRecent(t *testing.T) {
	var last string
	var now time.Duration
	c := &counting{say: func(format string, args ...any) { last = fmt.Sprintf(format, args...) }, since: func() time.Duration { return now }}
	for done := 1; done <= 60; done++ {
		now += 10 * time.Millisecond
		if done > 50 {
			now += time.Minute
		}
		_, err := fmt.Fprintf(c, "[%d/100] x\n", done)
		require.NoError(t, err)
	}
	assert.Equal(t, "compiling: 60 of 100 (60 %), about 40 min left", last)
}

func TestCounting(t *testing.T) {
	var said []string
	o := Options{Say: func(line string) { said = append(said, line) }}
	c := &counting{say: o.say, since: func() time.Duration { return 10 * time.Minute }}
	for _, b := range []string{"ninja: entering\n[0/400] x\n[1/400] x\n[4/4", "00] Building y.cc\n[5/400] z\n", "warning: [8/400] no count\n[8/400] z\n[500/400]\n[400/400] end\n"} {
		n, err := c.Write([]byte(b))
		require.NoError(t, err)
		assert.Len(t, b, n)
	}
	assert.Equal(t, []string{
		"compiling: 4 of 400 (1 %), about 990 min left",
		"compiling: 8 of 400 (2 %), about 490 min left",
		"compiling: 400 of 400 (100 %), less than a minute left",
	}, said)

	var counts [][2]int
	c = &counting{count: func(done, all int) { counts = append(counts, [2]int{done, all}) }, say: o.say}
	_, _ = c.Write([]byte("[1/2] a\n[2/2] b\n"))
	assert.Equal(t, [][2]int{{1, 2}, {2, 2}}, counts)
	assert.Len(t, said, 3, "a caller with Count gets no lines by Say")
}

// The reason is seldom what was written last.
func TestBlamed(t *testing.T) {
	for said, want := range map[string]string{
		"Reading lists\nE: Unable to locate package clang-16\nE: No candidate\nbye\n":                                                          "E: Unable to locate package clang-16 / E: No candidate",
		"[7/9] Building a.cc\nFAILED: sql/a.o\nclang++ -c a.cc\na.cc:3:1: error: expected ';'\n1 error generated.\nninja: build stopped: x.\n": "FAILED: sql/a.o / a.cc:3:1: error: expected ';'",
		"clang: note\nKilled\nninja: stopped\n":                                               "Killed",
		"Hunk #1 FAILED at 12.\n1 out of 1 hunk FAILED\npatch f1 does not apply to mysql 9\n": "Hunk #1 FAILED at 12. / patch f1 does not apply to mysql 9",
		"CMake Error at cmake/ssl.cmake:1:\n  no OpenSSL\nmore\n":                             "CMake Error at cmake/ssl.cmake:1:",
		"plugin semisync_source was not built\n":                                              "plugin semisync_source was not built",
		"a\nb\nc\nd\n":                                                                        "b / c / d",
		"":                                                                                    "",
	} {
		assert.Equal(t, want, blamed(said))
	}
}

func TestProvenance(t *testing.T) {
	a := archived{"mysql-source", "9.7.4-2", release.MustParse("9.7.4")}
	plain := SourceBuild{}.provenance(a)
	assert.Equal(t, evidence.SourceBuild{How: "built from source", Package: "mysql-source", Version: "9.7.4-2", Patches: []evidence.SourcePatch{}}, plain)
	assert.True(t, plain.Unmodified())
	patched := fix1.provenance(a)
	assert.Equal(t, []evidence.SourcePatch{{Name: "f1.patch", SHA256: "30eeca49a0c7d90dabacb6d8cefc45f10901522345247d56618fca65fd10d426"}}, patched.Patches)
	assert.False(t, patched.Unmodified())
}
