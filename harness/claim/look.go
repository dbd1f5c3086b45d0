package claim

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// What the looks of several subjects need.

// SQLNode is the name of a side's mysqld. A pair of the procedure has one on
// each side.
func SQLNode(s Subject, side topology.Side) string { return s.Spec(side).Of(topology.Mysqld)[0].Name }

// ForEachSide looks at both sides, source first, and stops at the first error.
func ForEachSide[T any](f func(topology.Side) (T, error)) ([]T, error) {
	var all []T
	for _, side := range topology.Sides {
		t, err := f(side)
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

// WithSide names the side in an error of reading from it.
func WithSide(side topology.Side, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ask the %s: %w", side, err)
}

// RunTool runs a program of the release; that it is not there is an error, so that
// its absence is not taken for a refusal.
func RunTool(ctx context.Context, s Subject, side topology.Side, node string, c node.Command) (node.Output, error) {
	out, err := s.Host.Run(ctx, side, node, c)
	if err == nil && (out.Exit == 126 || out.Exit == 127) {
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stdout+out.Stderr))
	}
	if err != nil {
		return out, fmt.Errorf("run %s in %s %s: %w", c.Argv[0], side, node, err)
	}
	return out, nil
}

// LiesWithin tells whether p is dir or lies under it.
func LiesWithin(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// TLSVersions are those that a server may speak, under the names that it and
// package wire use.
var TLSVersions = []string{"TLSv1.2", "TLSv1.3"}

// EncodePEM is a certificate in PEM.
func EncodePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
