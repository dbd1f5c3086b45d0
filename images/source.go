package images

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
)

//go:embed source/*.sh
var scripts embed.FS

// What is built and packed: all that a pair, a claim or a person with a broken
// cluster uses. mysqld --initialize fails without component_reference_cache.
var (
	builtPrograms = strings.Fields(`mysqld ndbd ndbmtd ndb_mgmd ndb_mgm ndb_waiter ndb_desc ndb_show_tables ndb_select_all
		ndb_select_count ndb_config ndb_restore ndb_sign_keys ndb_secretsfile_reader ndb_perror ndb_index_stat
		ndb_redo_log_reader ndb_print_backup_file ndbinfo_select_all ndbxfrm mysql mysqladmin mysqlbinlog mysqldump
		mysqlslap mysqlcheck mysql_config_editor mysql_migrate_keyring my_print_defaults perror`)
	builtPlugins = strings.Fields(`component_reference_cache component_log_filter_dragnet component_query_attributes
		component_connection_control mysql_no_login auth_socket component_keyring_file component_validate_password
		component_log_sink_json keyring_udf semisync_source semisync_replica`)
)

// Patch is a change to the source, as `diff -u` writes it, with one folder to be
// stripped from its names.
type Patch struct {
	Name string // the file's, without folders
	Text []byte
}

// SourceBuild is a build of NDB Cluster from Debian's source.
type SourceBuild struct {
	Want    string  // a release (9.7.4), the newest of a line (9.7.x), or the newest that the archive has ("")
	Suffix  string  // of a patched build: fix1 makes it 9.7.4-fix1; "" for one without patches
	Patches []Patch // applied in this order, after Debian's own
}

var (
	wantedLine = regexp.MustCompile(`^\d+\.\d+\.x$`)
	suffixForm = regexp.MustCompile(`^[0-9A-Za-z]+$`)
	patchName  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+-]*$`)
)

// Check refuses what cannot be built, before anything is begun.
func (b SourceBuild) Check() error {
	if b.Want != "" && !wantedLine.MatchString(b.Want) {
		r, err := release.Parse(b.Want)
		if err != nil {
			return fmt.Errorf("build from source: %w; or 9.7.x for the newest of a line", err)
		}
		if !r.Unmodified() {
			return fmt.Errorf("build %s from source: no archive has it; give its numbers alone, and the rest with --suffix and --patch", r)
		}
	}
	switch {
	case len(b.Patches) > 0 && b.Suffix == "":
		return errors.New("build from source: a patched build must not pass for the release itself; name it, as in --suffix fix1")
	case len(b.Patches) == 0 && b.Suffix != "":
		return fmt.Errorf("build from source: suffix %q is for a patched build; give --patch too, or leave the suffix out", b.Suffix)
	case b.Suffix == "cluster" || b.Suffix != "" && !suffixForm.MatchString(b.Suffix):
		return fmt.Errorf("build from source: suffix %q: want letters and digits, as in fix1, and not the product's own word", b.Suffix)
	}
	for _, p := range b.Patches {
		if !patchName.MatchString(p.Name) {
			return fmt.Errorf("build from source: patch %q: want a file name of letters, digits and ._+-", p.Name)
		}
	}
	return nil
}

// Job is one step of a build: a script in a container.
type Job struct {
	Name    string
	Title   string        // what it does, for people
	In      Place         // what its container is made from
	Network bool          // it reaches the archive
	Kept    bool          // once done, it is not done again while nothing before it changes
	Takes   time.Duration // a rough guess for two idle cores
	Script  string        // for bash -euo pipefail -c
}

// Place is an image that jobs run in.
type Place string

// Places: the base of all images, which has nothing that is built with; the same
// Debian, with apt; and that with compiler and libraries, which job tools makes.
const (
	InBase   Place = "base"
	InDebian Place = "apt"
	InTools  Place = "tools"
)

// sourcePlan is every step of a build from source, in order. All builds have the
// same: what differs is in the scripts' variables.
func sourcePlan() []Job {
	plan := []Job{
		{Name: "room", Title: "looking for disk and memory", In: InBase},
		{Name: "ask", Title: "asking Debian's archive which sources it has", In: InDebian, Network: true, Takes: 20 * time.Second},
		{Name: "tools", Title: "installing compiler and libraries", In: InDebian, Network: true, Takes: 2 * time.Minute},
		{Name: "fetch", Title: "fetching the source", In: InTools, Network: true, Kept: true, Takes: 2 * time.Minute},
		{Name: "unpack", Title: "unpacking and patching the source", In: InTools, Kept: true, Takes: time.Minute},
		{Name: "configure", Title: "configuring", In: InTools, Kept: true, Takes: time.Minute},
		{Name: "compile", Title: "compiling", In: InTools, Takes: 40 * time.Minute},
		{Name: "pack", Title: "packing the tarball", In: InTools, Takes: 2 * time.Minute},
		{Name: "smoke", Title: "starting what was packed", In: InBase, Takes: 20 * time.Second},
		{Name: "tidy", Title: "removing the build's tree", In: InBase, Takes: 10 * time.Second},
	}
	for i := range plan {
		b, _ := scripts.ReadFile("source/" + plan[i].Name + ".sh") // a test sees that none is missing
		plan[i].Script = string(b)
	}
	return plan
}

// What a build needs.
const (
	diskForSource   = 6 << 30 // while it builds, with compiler and libraries
	memoryForSource = 2 << 30 // less makes the linker fail
	memoryPerJob    = 1 << 30 // of the largest files
)

// takes guesses how long a plan takes: compiling is faster on more cores.
func takes(plan []Job, cores int) time.Duration {
	var all time.Duration
	for _, j := range plan {
		if j.Name == "compile" {
			j.Takes = j.Takes * 2 / time.Duration(max(1, cores))
		}
		all += j.Takes
	}
	return all.Round(5 * time.Minute)
}

// keys gives each job that is built with a key that changes with its script and
// all that goes into it, and with the keys before it.
func (b SourceBuild) keys(plan []Job, a archived) map[string]string {
	all, last := map[string]string{}, ""
	for _, j := range plan {
		var into []any
		switch j.Name {
		case "fetch":
			into = []any{a.Package, a.Version}
		case "unpack":
			into = []any{b.Suffix, b.Patches}
		case "room", "ask", "smoke", "tidy":
			continue // they make nothing that others build on
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", last, j.Script, into))
		last = hex.EncodeToString(sum[:8])
		all[j.Name] = last
	}
	return all
}

// once makes a script that does nothing where it has ended well with the same
// key before. When it is done anew, what comes after it counts as not done.
func once(j Job, key string, later []Job) string {
	const done = "/build/done/"
	stale := []string{done + j.Name}
	for _, l := range later {
		if l.Kept {
			stale = append(stale, done+l.Name)
		}
	}
	return fmt.Sprintf("if [ \"$(cat %[1]s 2>/dev/null)\" = %[2]s ]; then echo 'done before'; exit 0; fi\nmkdir -p %[3]s\nrm -f %[4]s\n%[5]secho %[2]s > %[1]s\n",
		done+j.Name, key, done, strings.Join(stale, " "), j.Script)
}

// variable is one of the scripts'.
type variable struct{ name, value string }

// variables are those of all scripts. What a is, is known once the archive has
// been asked.
func (b SourceBuild) variables(a archived, jobs int) []variable {
	return []variable{
		{"PACKAGE", a.Package},
		{"VERSION", a.Version},
		{"RELEASE", a.named(b.Suffix)},
		{"SUFFIX", b.Suffix},
		{"JOBS", fmt.Sprint(jobs)},
		{"PROGRAMS", strings.Join(builtPrograms, " ")},
		{"PLUGINS", strings.Join(builtPlugins, " ")},
		{"CCACHE_DIR", "/build/ccache"},
		{"CCACHE_MAXSIZE", "2G"},
	}
}

// provenance is what a build says of itself beside its tarball, in the labels of
// its image, and in results.
func (b SourceBuild) provenance(a archived) evidence.SourceBuild {
	p := evidence.SourceBuild{How: evidence.BuiltFromSource, Package: a.Package, Version: a.Version, Patches: []evidence.SourcePatch{}}
	for _, patch := range b.Patches {
		sum := sha256.Sum256(patch.Text)
		p.Patches = append(p.Patches, evidence.SourcePatch{Name: patch.Name, SHA256: hex.EncodeToString(sum[:])})
	}
	return p
}
