package secure

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"ndbproof/harness/golden"
)

func TestProfilesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Names() {
		assert.False(t, seen[name], "%s twice", name)
		assert.Regexp(t, profileName, name)
		seen[name] = true
		p, err := ByName(name)
		require.NoError(t, err)
		assert.Equal(t, name, p.Name)
	}
	p, err := ByName("")
	require.NoError(t, err)
	assert.Equal(t, DefaultProfile, p.Name)
	_, err = ByName("published")
	require.ErrorContains(t, err, `find profile "published": there is published-2021; a path with a slash`)
}

// docs/operator.md gives this file to begin with.
func TestProfileAsAFile(t *testing.T) {
	want, err := ByName("published-2021")
	require.NoError(t, err)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	require.NoError(t, e.Encode(want))
	golden.Equal(t, "testdata/published-2021.yaml", b.Bytes())
	got, err := ByName(file(t, string(bytes.Replace(b.Bytes(), []byte("name: published-2021"), []byte("name: mine"), 1))))
	require.NoError(t, err)
	want.Name = "mine"
	for i := range want.Accounts {
		want.Accounts[i].Grants = append([]string{}, want.Accounts[i].Grants...)
	}
	assert.Equal(t, want, got)
}

func TestAFileNeedsNoAccounts(t *testing.T) {
	p, err := ByName(file(t, "name: bare\nndb_log_bin: true\n"))
	require.NoError(t, err)
	assert.Equal(t, Published2021().Accounts, p.Accounts)
	assert.False(t, p.BinlogEncryption, "what is left out is not promised")
}

func TestBadProfilesAreRefusedInOneLine(t *testing.T) {
	user1 := "accounts:\n- {user: user1, host: '%', procedure: true, grants: ['GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`']}\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":                {"", "the file is empty"},
		"no YAML":              {"name: [", "yaml: line 1"},
		"a list":               {"- name: x", "cannot unmarshal"},
		"a key unknown":        {"name: x\nndb_log_bin: true\nlink_tls: true", "line 3: field link_tls not found"},
		"a word for a promise": {"name: x\nkeyring: perhaps", "cannot unmarshal"},
		"two documents":        {"name: x\nndb_log_bin: true\n---\nname: y", "more than one document"},
		"no name":              {"ndb_log_bin: true", `name is ""`},
		"a name with a slash":  {"name: ../x\nndb_log_bin: true", `name is "../x"`},
		"the name of another":  {"name: published-2021\nndb_log_bin: true", "which is a profile's of ndbproof's own"},
		"logs without keyring": {"name: x\nndb_log_bin: true\nbinlog_encryption: true", "binlog_encryption needs keyring"},
		"a name not verified":  {"name: x\nndb_log_bin: true\nverify_identity: true", "verify_identity needs channel_tls"},
		"a channel refused":    {"name: x\nndb_log_bin: true\nrequire_secure_transport: true", "refuses a channel without"},
		"nothing replicated":   {"name: x", "ndb_log_bin is off"},
		"a gap of no form":     {"name: x\nndb_log_bin: true\ngaps: [g1]", `gap "g1": want an id`},
		"no accounts":          {"name: x\nndb_log_bin: true\naccounts: []", "account `user1`@`%` is missing"},
		"one account alone":    {"name: x\nndb_log_bin: true\n" + user1, "account `root`@`localhost` is missing"},
		"an account twice":     {"name: x\nndb_log_bin: true\n" + user1 + user1[len("accounts:\n"):], "account `user1`@`%` is in it twice"},
		"another account":      {"name: x\nndb_log_bin: true\naccounts: [{user: eve, host: '%'}]", "account `eve`@`%` is none that the procedure makes"},
		"more grants":          {"name: x\nndb_log_bin: true\naccounts: [{user: user1, host: '%', grants: [ALL]}]", "account `user1`@`%` is not as the procedure makes it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ByName(file(t, tt.text))
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := ByName(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ByName(t.TempDir())
	require.ErrorContains(t, err, "is a directory")
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "profile.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}
