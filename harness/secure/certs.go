package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"ndbproof/harness/secret"
)

// Validity of certificates: they serve one run, or one bundle tried by hand.
// The hour before is for clocks that differ.
const (
	validBefore = time.Hour
	validAfter  = 7 * 24 * time.Hour
)

// Authority is a certificate authority that lives in memory: its key is never
// written anywhere.
type Authority struct {
	CertPEM []byte
	Leaf    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// PrivateKey is a private key as PEM text, PKCS#8. Printing, logging or
// marshalling one shows evidence.Redacted; only Reveal gives the text.
type PrivateKey []byte

// Certificate is a certificate and its key, as the servers read them.
type Certificate struct {
	CertPEM []byte
	KeyPEM  PrivateKey
	Leaf    *x509.Certificate
}

// Use is what a certificate is good for.
type Use string

// Uses of a certificate.
const (
	Server Use = "server"
	Client Use = "client"
)

// Subject is what a certificate is issued for. Names and IPs become its subject
// alternative names, the only ones that a client with VERIFY_IDENTITY accepts
// once there are any.
type Subject struct {
	CN    string
	Names []string
	IPs   []net.IP
	Use   Use
}

// NewAuthority makes an authority with a key of its own (ECDSA, P-256). Its
// certificate and all that it issues are valid from an hour before now to seven
// days after.
func NewAuthority(name string, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of authority %q: %w", name, err)
	}
	t := template(name, now.Add(-validBefore), now.Add(validAfter))
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	leaf, err := sign(t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of authority %q: %w", name, err)
	}
	return &Authority{CertPEM: encode("CERTIFICATE", leaf.Raw), Leaf: leaf, key: key}, nil
}

// Issue makes a key and signs its certificate.
func (a *Authority) Issue(s Subject) (Certificate, error) {
	fail := func(err error) (Certificate, error) {
		return Certificate{}, fmt.Errorf("issue a %s certificate for %q: %w", s.Use, s.CN, err)
	}
	t := template(s.CN, a.Leaf.NotBefore, a.Leaf.NotAfter)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.DNSNames, t.IPAddresses = s.Names, s.IPs
	switch s.Use {
	case Server:
		if len(s.Names)+len(s.IPs) == 0 {
			return fail(errors.New("no name: no client could verify such a server"))
		}
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case Client:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return fail(errors.New("want server or client"))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	leaf, err := sign(t, a.Leaf, key.Public(), a.key)
	if err != nil {
		return fail(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	return Certificate{CertPEM: encode("CERTIFICATE", leaf.Raw), KeyPEM: encode("PRIVATE KEY", der), Leaf: leaf}, nil
}

// Pool holds this authority and no other.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Leaf)
	return p
}

func (a *Authority) String() string { return "authority " + a.Leaf.Subject.CommonName }

// Format keeps the key, a field like any other to fmt, out of every verb.
func (a *Authority) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// template gives what all certificates have. SerialNumber is left to
// x509.CreateCertificate, which takes a random one.
func template(cn string, from, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"ndbproof"}, CommonName: cn},
		NotBefore: from, NotAfter: until,
	}
}

func sign(t, parent *x509.Certificate, public any, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Reveal gives the PEM text, to be put into a node and nowhere else.
func (k PrivateKey) Reveal() []byte { return k }

func (k PrivateKey) String() string { return secret.Redacted }

// GoString covers %#v.
func (k PrivateKey) GoString() string { return secret.Redacted }

// Format covers every other verb: %x of a slice would print it.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secret.Redacted)) }

// MarshalJSON covers results and timelines.
func (k PrivateKey) MarshalJSON() ([]byte, error) { return []byte(`"` + secret.Redacted + `"`), nil }

// MarshalText covers YAML.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }

// LogValue covers slog.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }
