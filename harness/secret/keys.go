package secret

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

// A line of a PEM body is 64 characters for 48 bytes. A line counts as secret
// when it carries this many bytes of the secret numbers: the rest of a key file
// (algorithm, public key) is in certificates too, and is no leak.
const (
	pemLine   = 64
	pemBytes  = 48
	secretPer = 8
)

// AddPEM registers the private keys of a PEM file: the lines of their bodies,
// and their secret numbers by themselves.
func (s *Set) AddPEM(name string, data []byte) error {
	found := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if !strings.Contains(block.Type, "PRIVATE KEY") {
			continue
		}
		found++
		numbers := secretNumbers(block.Bytes)
		for _, n := range numbers {
			s.add(name, encodings(n))
		}
		for _, line := range secretLines(block.Bytes, numbers) {
			for _, p := range encodings([]byte(line)) {
				p.encoding = pemEncoding(p.encoding)
				s.add(name, []pattern{p})
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("register secret %s: no private key in the PEM text", name)
	}
	return nil
}

func pemEncoding(of string) string {
	if of == encRaw {
		return encPEM
	}
	return of + " of " + encPEM
}

// secretNumbers gives the secret parts of a private key, or nil when the key is
// encrypted or of a kind not known here.
func secretNumbers(der []byte) [][]byte {
	var key any
	var err error
	if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		if key, err = x509.ParseECPrivateKey(der); err != nil {
			if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
				return nil
			}
		}
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		if b, err := k.Bytes(); err == nil {
			return [][]byte{b}
		}
	case ed25519.PrivateKey:
		return [][]byte{k.Seed()}
	case *ecdh.PrivateKey:
		return [][]byte{k.Bytes()}
	case *rsa.PrivateKey:
		out := [][]byte{k.D.Bytes()}
		for _, p := range k.Primes {
			out = append(out, p.Bytes())
		}
		if p := k.Precomputed; p.Dp != nil {
			out = append(out, p.Dp.Bytes(), p.Dq.Bytes(), p.Qinv.Bytes())
		}
		return out
	}
	return nil
}

// secretLines gives the lines of a key's PEM body that carry secret bytes; all
// full lines when the key's numbers are not known.
func secretLines(der []byte, numbers [][]byte) []string {
	body := base64.StdEncoding.EncodeToString(der)
	var out []string
	for i := 0; i*pemLine < len(body); i++ {
		line := body[i*pemLine : min((i+1)*pemLine, len(body))]
		begin := i * pemBytes
		secret := numbers == nil && len(line) == pemLine
		for _, n := range numbers {
			at := bytes.Index(der, n)
			covered := min(begin+pemBytes, at+len(n)) - max(begin, at)
			secret = secret || at >= 0 && covered >= secretPer
		}
		if secret {
			out = append(out, line)
		}
	}
	return out
}
