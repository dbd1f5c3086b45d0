package harness

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// Suite is what a scenario belongs to, as its first line says: harness.In(t, SUITE).
type Suite string

// Suites.
const (
	Core     Suite = "Core"     // always
	Nightly  Suite = "Nightly"  // with -suite=nightly
	Upgrades Suite = "Upgrades" // with -suite=nightly, -from or -to
	Matrix   Suite = "Matrix"   // with -suite=nightly or -sabotage
)

// suites are those that there are.
var suites = []Suite{Core, Nightly, Upgrades, Matrix}

// In says, as the first line of a scenario, which suite it belongs to. A scenario that
// is not selected is left out before it begins, and is neither passed nor skipped; one
// that runs although its suite is not selected fails.
func In(t testing.TB, s Suite) {
	t.Helper()
	if !s.selected() {
		t.Fatalf("%s belongs to the suite %s: add -args -suite=nightly", t.Name(), s)
	}
}

// selected tells whether the suite runs with the flags that were given.
func (s Suite) selected() bool {
	switch s {
	case Core:
		return true
	case Upgrades:
		return *suite == "nightly" || given("from", "to")
	case Matrix:
		return Sabotage() != ""
	case Nightly:
	}
	return *suite == "nightly"
}

// readSuites reads from the source of the tests in a folder which suite each scenario
// says that it is in. A test without that line is an error, and so is a suite that does
// not exist.
func readSuites(folder fs.FS) (map[string]Suite, error) {
	names, err := fs.Glob(folder, "*_test.go")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("read the suites: there is no test"), err)
	}
	all := map[string]Suite{}
	for _, name := range names {
		source, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read the suites: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read the suites: %w", err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestMain" {
				continue
			}
			if all[f.Name.Name], err = suiteOf(f); err != nil {
				return nil, fmt.Errorf("read the suites: %s: %s: %w", name, f.Name.Name, err)
			}
		}
	}
	return all, nil
}

// suiteOf reads the first line of a scenario.
func suiteOf(f *ast.FuncDecl) (Suite, error) {
	if f.Body != nil && len(f.Body.List) > 0 {
		if x, ok := f.Body.List[0].(*ast.ExprStmt); ok {
			if call, ok := x.X.(*ast.CallExpr); ok && nameOf(call.Fun) == "harness.In" && len(call.Args) == 2 {
				s := Suite(strings.TrimPrefix(nameOf(call.Args[1]), "harness."))
				if slices.Contains(suites, s) {
					return s, nil
				}
				return "", fmt.Errorf("there is no suite %s; there are %q", s, suites)
			}
		}
	}
	return "", errors.New("its first line does not say which suite it is in, as harness.In(t, harness.Core)")
}

// nameOf is a qualified name: "harness.In".
func nameOf(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := s.X.(*ast.Ident); ok {
		return x.Name + "." + s.Sel.Name
	}
	return ""
}

// leaveOut has go test leave out the scenarios whose suite is not selected. A caller who
// asks for one of them by name, without its suite, gets an error.
func leaveOut(all map[string]Suite) error {
	var out []string
	for name, s := range all {
		if !s.selected() {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	asked := strings.Trim(flag.Lookup("test.run").Value.String(), "^$")
	if slices.Contains(out, asked) {
		return fmt.Errorf("%s belongs to the suite %s: add -args -suite=nightly", asked, all[asked])
	}
	if len(out) == 0 || flag.Lookup("test.skip").Value.String() != "" {
		return nil
	}
	return flag.Set("test.skip", "^("+strings.Join(out, "|")+")$")
}

// given tells whether one of the flags is on the command line.
func given(names ...string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || slices.Contains(names, f.Name) })
	return found
}
