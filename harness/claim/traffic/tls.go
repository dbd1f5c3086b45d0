package traffic

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Words of the violations that a flow of MySQL's protocol can show.
var tlsWords = []string{"plain", "old-protocol", "weak-suite", "marker", "disagrees"}

// judgeTLS judges one flow between a client and a mysqld: TLS after MySQL's way
// into it and nothing else, of a version and suite that will do, and no marker.
func judgeTLS(f *claim.Violations, n WindowNode, w WindowFlow) {
	who := fmt.Sprintf("%s to %s", w.Client, w.Server)
	if why := plain(w); why != "" {
		f.AddAt("plain", n.Side, n.Node, who+": "+why+"; expected TLS")
	}
	if v := w.Down.TLSVersion; v != "" && !slices.Contains(claim.TLSVersions, v) {
		f.AddAt("old-protocol", n.Side, n.Node, fmt.Sprintf("%s: the server agrees to %s; expected one of %q", who, v, claim.TLSVersions))
	}
	if c := w.Down.CipherSuite; c != "" && !strong(c) {
		f.AddAt("weak-suite", n.Side, n.Node, fmt.Sprintf("%s: the server agrees to %s", who, c))
	}
	if m := slices.Concat(w.Up.Markers, w.Down.Markers); len(m) > 0 {
		f.AddAt("marker", n.Side, n.Node, fmt.Sprintf("%s: what must be hidden is readable: %s", who, strings.Join(slices.Compact(slices.Sorted(slices.Values(m))), ", ")))
	}
}

// plain says in which way a flow is not TLS; "" when it is, or says nothing.
func plain(w WindowFlow) string {
	switch {
	case w.Up.Opens == wire.OpensLogin:
		return "a login without TLS"
	case w.Up.Clear+w.Down.Clear > 0:
		return fmt.Sprintf("%d bytes are no TLS", w.Up.Clear+w.Down.Clear)
	case w.Begun:
		return ""
	}
	// Of a flow that was open before, one segment may have begun within a record.
	for _, s := range []struct {
		records, segments int64
	}{{w.Up.Records, w.Up.Segments}, {w.Down.Records, w.Down.Segments}} {
		if s.segments > 1 && s.records == 0 {
			return fmt.Sprintf("no TLS record in %d segments", s.segments)
		}
	}
	return ""
}

// strong tells whether a suite is one that crypto/tls calls secure.
func strong(suite string) bool {
	return slices.ContainsFunc(tls.CipherSuites(), func(c *tls.CipherSuite) bool { return c.Name == suite })
}

// Known is a connection as a server knows it, to be found on the wire.
type Known struct {
	Side    topology.Side `json:"side"`    // of the server
	Port    int           `json:"port"`    // of the client
	Version string        `json:"version"` // of TLS, as the server says; "" without TLS
	Cipher  string        `json:"cipher"`  // OpenSSL's name
}

// judgeKnown compares what the server says of a connection with what the client
// and it agreed upon on the wire. Another version is another connection: a
// program between the two relays the data.
func judgeKnown(f *claim.Violations, n WindowNode, k Known, w WindowFlow) {
	if k.Version == "" && k.Cipher == "" {
		return // a connection without TLS, which judgeTLS finds
	}
	if w.Down.TLSVersion != k.Version || openssl(w.Down.CipherSuite) != k.Cipher {
		f.AddAt("disagrees", n.Side, n.Node, fmt.Sprintf("%s to %s: on the wire %s %s, and the server says %s %s",
			w.Client, w.Server, w.Down.TLSVersion, w.Down.CipherSuite, k.Version, k.Cipher))
	}
}

// openssl gives OpenSSL's name of a suite for IANA's. They are the same from TLS
// 1.3 on.
func openssl(suite string) string {
	name, old := strings.CutPrefix(suite, "TLS_")
	if !old || !strings.Contains(name, "_WITH_") {
		return suite
	}
	name = strings.NewReplacer("_WITH_", "-", "AES_128", "AES128", "AES_256", "AES256", "_", "-").Replace(name)
	if before, found := strings.CutSuffix(name, "-CHACHA20-POLY1305-SHA256"); found {
		return before + "-CHACHA20-POLY1305"
	}
	return strings.TrimPrefix(name, "RSA-")
}
