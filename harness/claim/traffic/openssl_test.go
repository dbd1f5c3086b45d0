package traffic

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
)

func TestOpenSSLNames(t *testing.T) {
	for iana, want := range map[string]string{
		"TLS_AES_128_GCM_SHA256":                      "TLS_AES_128_GCM_SHA256",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256":       "ECDHE-RSA-AES128-GCM-SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384":     "ECDHE-ECDSA-AES256-GCM-SHA384",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
		"TLS_RSA_WITH_AES_128_GCM_SHA256":             "AES128-GCM-SHA256",
		"0x00FF":                                      "0x00FF",
	} {
		require.Equal(t, want, openssl(iana))
	}
}

func TestParseOpenSSL(t *testing.T) {
	a := claimtest.NewAuthority(t)
	leaf := claim.EncodePEM(claimtest.IssueCertificate(t, a, "source.link").Leaf)
	said := "Certificate chain\n 0 s:CN = source.link\n" + leaf + " 1 s:CN = ca\n" + claim.EncodePEM(a.Leaf) +
		"---\nServer certificate\n" + leaf + "subject=CN = source.link\n---\nNew, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\nServer public key is 2048 bit\n"
	ours := Agreed{"TLSv1.3", "TLS_AES_128_GCM_SHA256", []string{leaf, claim.EncodePEM(a.Leaf)}}
	got := parseOpenSSL([]byte(said))
	require.Equal(t, ours, got)
	require.Empty(t, ours.differs(got))

	require.Contains(t, ours.differs(Agreed{"TLSv1.2", ours.Suite, ours.Chain}), "version")
	require.Contains(t, ours.differs(Agreed{ours.Version, "other", ours.Chain}), "suite")
	require.Contains(t, ours.differs(Agreed{ours.Version, ours.Suite, ours.Chain[:1]}), "chain")
	require.Contains(t, ours.differs(parseOpenSSL([]byte("no such protocol"))), "version")

	require.True(t, slices.Contains(opensslArgs("127.0.0.1:1", "ca.pem", "source.link", ours), "-ciphersuites"))
	require.True(t, slices.Contains(opensslArgs("127.0.0.1:1", "ca.pem", "source.link", Agreed{Version: "TLSv1.2"}), "-cipher"))
}
