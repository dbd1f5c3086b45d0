package traffic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// SecondOpinion is what another program says of a server's handshake: openssl
// s_client of this machine, through the source's door.
type SecondOpinion struct {
	Asked   bool   `json:"asked"`
	Unless  string `json:"unless,omitempty"` // why it was not asked
	By      string `json:"by,omitempty"`     // "OpenSSL 3.0.19 27 Jan 2026"
	Ours    Agreed `json:"ours"`
	Theirs  Agreed `json:"theirs"`
	Differs string `json:"differs,omitempty"`
}

// Agreed is what a client and a server agreed upon.
type Agreed struct {
	Version string   `json:"version"`
	Suite   string   `json:"suite"` // OpenSSL's name
	Chain   []string `json:"chain"` // PEM
}

// differs says in what two clients do not agree.
func (a Agreed) differs(b Agreed) string {
	switch {
	case a.Version != b.Version:
		return fmt.Sprintf("version %q, and %q", a.Version, b.Version)
	case a.Suite != b.Suite:
		return fmt.Sprintf("suite %q, and %q", a.Suite, b.Suite)
	case !slices.Equal(a.Chain, b.Chain):
		return fmt.Sprintf("a chain of %d certificates, and another of %d", len(a.Chain), len(b.Chain))
	}
	return ""
}

// opensslLimit is how long a handshake may take.
const opensslLimit = 15 * time.Second

// askOpenSSL lets openssl shake hands with the source as we do, offering what we
// came to, and compares. A machine without openssl has not been asked; one whose
// openssl fails has an opinion that differs.
func askOpenSSL(ctx context.Context, s claim.Subject, dir *evidence.Dir) (SecondOpinion, error) {
	var o SecondOpinion
	program, err := exec.LookPath("openssl")
	if err != nil {
		o.Unless = "this machine has no openssl"
		return o, nil
	}
	ours, at, err := ourHandshake(ctx, s)
	if err != nil {
		return o, err
	}
	o.Asked, o.Ours = true, ours
	const authority = "claims/" + claim.TrafficClientID + "/ca.pem"
	if err := dir.Write(authority, []byte(claim.EncodePEM(s.Keys.Authority()))); err != nil {
		return o, err
	}
	ctx, cancel := context.WithTimeout(ctx, opensslLimit)
	defer cancel()
	if version, err := exec.CommandContext(ctx, program, "version").Output(); err == nil { //nolint:gosec // found on PATH by its name
		o.By = brief.Line(string(version))
	}
	said, err := exec.CommandContext(ctx, program, opensslArgs(at, dir.Path(authority), s.Spec(topology.Source).LinkHost(), ours)...).CombinedOutput() //nolint:gosec // as above
	if err != nil {
		o.Differs = fmt.Sprintf("it fails: %v: %s", err, lastLine(said))
		return o, nil
	}
	o.Theirs = parseOpenSSL(said)
	o.Differs = o.Ours.differs(o.Theirs)
	return o, nil
}

// ourHandshake shakes hands with the source, and tells where.
func ourHandshake(ctx context.Context, s claim.Subject) (Agreed, string, error) {
	var o Agreed
	conn, err := s.Server(topology.Source).Dial(ctx)
	if err != nil {
		return o, "", err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could be lost
	roots := x509.NewCertPool()
	roots.AddCert(s.Keys.Authority())
	h, err := wire.Probe(ctx, conn, &tls.Config{RootCAs: roots, ServerName: s.Spec(topology.Source).LinkHost(), MinVersion: tls.VersionTLS12})
	if err != nil {
		return o, "", fmt.Errorf("shake hands with the source: %w", err)
	}
	o.Version, o.Suite = h.TLSVersion, openssl(h.CipherSuite)
	for _, c := range h.Chain {
		o.Chain = append(o.Chain, claim.EncodePEM(c))
	}
	return o, conn.RemoteAddr().String(), nil
}

// opensslArgs offers every version, and of the version that we came to only our
// suite, because two clients that prefer different ones may both be right. Its
// standard input is empty, at which it ends.
func opensslArgs(at, authority, host string, ours Agreed) []string {
	argv := []string{
		"s_client", "-starttls", "mysql", "-connect", at, "-showcerts",
		"-CAfile", authority, "-verify_hostname", host, "-verify_return_error",
	}
	if ours.Version == "TLSv1.3" {
		return append(argv, "-ciphersuites", ours.Suite)
	}
	return append(argv, "-cipher", ours.Suite)
}

// opensslSession is the line in which s_client says what was agreed upon.
var opensslSession = regexp.MustCompile(`(?m)^(?:New|Reused), (\S+), Cipher is (\S+)$`)

// parseOpenSSL reads what s_client prints.
func parseOpenSSL(said []byte) Agreed {
	var o Agreed
	if m := opensslSession.FindSubmatch(said); m != nil {
		o.Version, o.Suite = string(m[1]), string(m[2])
	}
	for rest := said; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type == "CERTIFICATE" {
			o.Chain = append(o.Chain, string(pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: b.Bytes})))
		}
	}
	// The server's own certificate is printed again after the chain, by versions
	// that do not leave it out.
	if n := len(o.Chain); n > 1 && o.Chain[n-1] == o.Chain[0] {
		o.Chain = o.Chain[:n-1]
	}
	return o
}

// lastLine is the last line that a program wrote, on one line.
func lastLine(b []byte) string { return brief.Line(brief.Last(string(bytes.ToValidUTF8(b, nil)))) }
