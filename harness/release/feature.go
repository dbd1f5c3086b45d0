package release

import "regexp"

// Feature is something that releases have from a version on, or up to one.
type Feature string

// Features, each with the releases that have it in features below.
const (
	KeyringPlugin    Feature = "keyring_file plugin"
	KeyringComponent Feature = "component_keyring_file"
	ReplicaWords     Feature = "REPLICA and SOURCE in statements"
	BinaryLogStatus  Feature = "SHOW BINARY LOG STATUS, RESET BINARY LOGS AND GTIDS"
	NodeTLS          Feature = "TLS between NDB nodes"
	EncryptedNodes   Feature = "EncryptedFileSystem in data nodes"
	LogCacheSize     Feature = "ndb_log_cache_size"
	ReplicaVariables Feature = "replica_* system variables"
)

// span is a half-open range of releases; a zero end is open.
type span struct{ from, until Release }

func (s span) has(r Release) bool {
	return r.CompareNumber(s.from) >= 0 && (s.until.IsZero() || r.CompareNumber(s.until) < 0)
}

func from(s string) span       { return span{from: MustParse(s)} }
func between(a, b string) span { return span{MustParse(a), MustParse(b)} }
func spans(s ...span) []span   { return s }

// features: sources are the reference manual's version pages (removed options
// of 8.4.0, keyring-file-plugin, mysql-cluster-tde, what is new in NDB 8.3).
var features = map[Feature][]span{
	KeyringPlugin:    spans(between("8.0.0", "8.4.0")),
	KeyringComponent: spans(from("8.0.24")),
	ReplicaWords:     spans(from("8.0.23")),
	BinaryLogStatus:  spans(from("8.2.0")),
	NodeTLS:          spans(from("8.3.0")),
	EncryptedNodes:   spans(from("8.0.31")),
	LogCacheSize:     spans(between("8.0.40", "8.1.0"), between("8.4.3", "8.5.0"), from("9.1.0")),
	ReplicaVariables: spans(from("8.0.26")),
}

// Has tells whether releases of this number have the feature.
func (r Release) Has(f Feature) bool {
	for _, s := range features[f] {
		if s.has(r) {
			return true
		}
	}
	return false
}

// Defect is a defect of the product that this project knows.
type Defect struct {
	ID       string         // "F1"
	Title    string         // a few words, for the verdict's headline
	log      *regexp.Regexp // what a server's log shows of it
	releases []span
}

// Shown tells whether a server's log shows that it died of the defect.
func (d Defect) Shown(log string) bool { return d.log.MatchString(log) }

// Has tells whether this release is taken to carry the defect. A build with a
// suffix is not: it runs the procedure as written, and shows for itself.
func (d Defect) Has(r Release) bool {
	if !r.Unmodified() {
		return false
	}
	for _, s := range d.releases {
		if s.has(r) {
			return true
		}
	}
	return false
}

// F1 is this: mysqld dies of SIGSEGV when the NDB binlog thread's cache is re-opened
// while binlog encryption is on (docs/findings.md). Seen on 9.7.2 and 9.7.4;
// for the others told from the releases that have ndb_log_cache_size.
var F1 = Defect{
	ID:    "F1",
	Title: "the procedure as written crashes mysqld",
	// Either the stack names the function, or the dangling pointer was jumped to
	// and there is no stack: then what the thread did last tells.
	log: regexp.MustCompile(`(?s)got signal 11.*setup_ciphers_password` +
		`|Reconfiguring binlog cache size\n(?:[^\n]*\n){0,3}?[^\n]*got signal 11`),
	releases: features[LogCacheSize],
}

// Defects are all known defects.
func Defects() []Defect { return []Defect{F1} }
