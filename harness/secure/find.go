package secure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultProfile is the name of the profile that is promised unless another is asked for.
const DefaultProfile = "published-2021"

// profiles are those that have a name. A new one is a function and its line here.
var profiles = []func() Profile{
	Published2021,
}

// Names of the profiles that ByName knows.
func Names() []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p().Name)
	}
	return names
}

// ByName gives the profile of a name, DefaultProfile of "", or reads one from a YAML
// file where the name has a slash or ends in .yaml: the keys are those of Profile in
// JSON, and accounts left out are those of the procedure. Its error says in one line what is
// wrong with the name or in the file.
func ByName(name string) (Profile, error) {
	if name == "" {
		name = DefaultProfile
	}
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".yaml") {
		return readProfile(name)
	}
	for _, p := range profiles {
		if p := p(); p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("find profile %q: there is %s; a path with a slash, or one that ends in .yaml, is read as a file", name, strings.Join(Names(), ", "))
}

func readProfile(path string) (Profile, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own file
	if err != nil {
		return Profile{}, fmt.Errorf("read the profile: %w", err)
	}
	var p Profile
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return Profile{}, fmt.Errorf("read profile %s: %s", path, strings.Join(strings.Fields(err.Error()), " "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Profile{}, fmt.Errorf("read profile %s: it has more than one document; want one profile", path)
	}
	if p.Accounts == nil {
		p.Accounts = Published2021().Accounts
	}
	if err := p.check(); err != nil {
		return Profile{}, fmt.Errorf("read profile %s: %w", path, err)
	}
	return p, nil
}

var profileName = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

var gapID = regexp.MustCompile(`^G[1-9][0-9]*$`)

// check refuses what no pair can be brought up with, or judged.
func (p Profile) check() error {
	gap := slices.IndexFunc(p.Gaps, func(id string) bool { return !gapID.MatchString(id) })
	switch {
	case gap >= 0:
		return fmt.Errorf("gap %q: want an id of docs/threat-model.md, like G1", p.Gaps[gap])
	case !profileName.MatchString(p.Name):
		return fmt.Errorf("name is %q; want lower-case words and numbers with - between them", p.Name)
	case slices.Contains(Names(), p.Name):
		return fmt.Errorf("name is %q, which is a profile's of ndbproof's own; give it another", p.Name)
	case p.BinlogEncryption && !p.Keyring:
		return errors.New("binlog_encryption needs keyring")
	case p.VerifyIdentity && !p.ChannelTLS:
		return errors.New("verify_identity needs channel_tls")
	case p.RequireSecureTransport && !p.ChannelTLS:
		return errors.New("require_secure_transport refuses a channel without channel_tls")
	case !p.NdbLogBin:
		return errors.New("ndb_log_bin is off: nothing is replicated without it")
	}
	return p.checkAccounts()
}

// checkAccounts refuses accounts that the procedure does not make.
func (p Profile) checkAccounts() error {
	made := Published2021().Accounts
	for i, a := range p.Accounts {
		if slices.ContainsFunc(p.Accounts[:i], func(b Account) bool { return a.Name() == b.Name() }) {
			return fmt.Errorf("account %s is in it twice", a.Name())
		}
		i := slices.IndexFunc(made, func(b Account) bool { return a.Name() == b.Name() })
		if i < 0 {
			return fmt.Errorf("account %s is none that the procedure makes; want those of profile %s, or leave accounts out", a.Name(), DefaultProfile)
		}
		if b := made[i]; a.TLS != b.TLS || a.Locked != b.Locked || a.Procedure != b.Procedure || !slices.Equal(a.Grants, b.Grants) {
			return fmt.Errorf("account %s is not as the procedure makes it; want it as in profile %s, or leave accounts out", a.Name(), DefaultProfile)
		}
	}
	for _, b := range made {
		if !slices.ContainsFunc(p.Accounts, func(a Account) bool { return a.Name() == b.Name() }) {
			return fmt.Errorf("account %s is missing; want it as in profile %s, or leave accounts out", b.Name(), DefaultProfile)
		}
	}
	return nil
}
