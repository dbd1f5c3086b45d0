package cluster

import (
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// A server loads a certificate only when its ssl_ca vouches for it, so that a
// stranger's comes with the stranger's CA, and the run's own CA stays in place.
func TestServerFiles(t *testing.T) {
	c := standing(t)
	p := &Pair{Source: c, options: c.options}
	leaf := func(content []byte) *x509.Certificate {
		b, _ := pem.Decode(content)
		require.NotNil(t, b)
		cert, err := x509.ParseCertificate(b.Bytes)
		require.NoError(t, err)
		return cert
	}
	for i, names := range map[secure.Identity]int{secure.Genuine: 2, secure.Reissued: 2, secure.WrongName: 2, secure.Stranger: 3} {
		files, err := p.ServerFiles(topology.Source, i)
		require.NoError(t, err)
		require.Len(t, files, names, i)
		cert, roots := leaf(files[0].Content), c.options.Keys.Authority.Pool()
		if i == secure.Stranger {
			_, err := cert.Verify(x509.VerifyOptions{Roots: roots})
			require.Error(t, err, "the run's CA must not vouch for a stranger")
			assert.Equal(t, topology.StrangeCAPath, files[2].Path)
			roots = x509.NewCertPool()
			roots.AddCert(leaf(files[2].Content))
		}
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots})
		require.NoError(t, err, i)
		for _, f := range files {
			assert.NotEqual(t, topology.CAPath, f.Path, i)
		}
	}
	_, err := p.ServerFiles(topology.Source, "unlisted")
	require.ErrorContains(t, err, `unknown identity "unlisted"`)
}
