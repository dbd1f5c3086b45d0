package secret

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keys makes one private key of each kind, as the PEM blocks that tools write.
func keys(t *testing.T) map[string]*pem.Block {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	pkcs8 := func(k any) *pem.Block {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		require.NoError(t, err)
		return &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	require.NoError(t, err)
	sealed := make([]byte, 300)
	_, _ = rand.Read(sealed)
	return map[string]*pem.Block{
		"ec pkcs8": pkcs8(ec), "rsa pkcs8": pkcs8(rs), "ed25519": pkcs8(ed),
		"ec sec1":    {Type: "EC PRIVATE KEY", Bytes: sec1},
		"rsa pkcs1":  {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rs)},
		"passphrase": {Type: "ENCRYPTED PRIVATE KEY", Bytes: sealed},
	}
}

func TestAKeyIsFoundHoweverItIsWritten(t *testing.T) {
	for name, block := range keys(t) {
		text := string(pem.EncodeToMemory(block))
		body := base64.StdEncoding.EncodeToString(block.Bytes)
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		var s Set
		require.NoError(t, s.AddPEM("server key", []byte(text)))
		for way, file := range map[string]string{
			"pem":                  text,
			"pem indented":         strings.ReplaceAll(text, "\n", "\n    "),
			"pem in JSON":          string(quoted),
			"body in one line":     body,
			"base64 of the file":   base64.StdEncoding.EncodeToString([]byte("x" + text)),
			"one line of the body": secretLines(block.Bytes, secretNumbers(block.Bytes))[0],
		} {
			hits := s.SearchBytes("k", []byte("before\n"+file+"\nafter"))
			assert.NotEmpty(t, hits, "%s, %s", name, way)
			assert.Empty(t, s.SearchBytes("k", s.Redact([]byte(file))), "%s, %s", name, way)
		}
	}
}

func TestTheRawNumberOfAKeyIsFound(t *testing.T) {
	for name, block := range keys(t) {
		if name == "passphrase" {
			continue
		}
		var s Set
		require.NoError(t, s.AddPEM("server key", pem.EncodeToMemory(block)))
		hits := s.SearchBytes("der", append([]byte("x"), block.Bytes...))
		require.NotEmpty(t, hits, name)
		assert.Equal(t, "raw", hits[0].Encoding, name)
	}
}

// The public half of a key is in its certificate, which is evidence.
func TestACertificateIsNoLeakOfItsKey(t *testing.T) {
	for name, block := range keys(t) {
		if name == "passphrase" {
			continue
		}
		var key any
		var err error
		if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			if key, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
				key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
			}
		}
		require.NoError(t, err)
		var s Set
		require.NoError(t, s.AddPEM("server key", pem.EncodeToMemory(block)))
		signer, ok := key.(crypto.Signer)
		require.True(t, ok)
		for pad := range 48 { // every place of the public key in a line
			template := &x509.Certificate{
				SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
				Subject: pkix.Name{CommonName: strings.Repeat("n", pad+1)},
			}
			der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), key)
			require.NoError(t, err)
			file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			require.Empty(t, s.SearchBytes("cert", append(file, der...)), "%s, %d", name, pad)
		}
	}
}

func TestAddPEMWantsAKey(t *testing.T) {
	var s Set
	require.ErrorContains(t, s.AddPEM("ca", []byte("no PEM")), "register secret ca: no private key")
	require.Error(t, s.AddPEM("ca", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})))
}
