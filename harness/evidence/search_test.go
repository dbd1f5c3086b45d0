package evidence

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/secret"
)

func registered(t *testing.T) *secret.Set {
	t.Helper()
	s := &secret.Set{}
	require.NoError(t, s.Add("password of user1", secret.Of("hunter2hunter2")))
	return s
}

func TestASearchThatCouldNotFindAnythingIsAnError(t *testing.T) {
	dir := t.TempDir()
	_, err := SearchFolder(registered(t), dir)
	require.ErrorContains(t, err, "there is no file")
	require.NoError(t, os.WriteFile(dir+"/a", nil, 0o600))
	_, err = SearchFolder(&secret.Set{}, dir)
	require.ErrorContains(t, err, "no secret is registered")
	_, err = SearchFolder(registered(t), dir+"/missing")
	require.Error(t, err)
}

func TestSearchFolderNamesTheFile(t *testing.T) {
	d := begin(t)
	require.NoError(t, d.Write("clean.log", []byte("nothing")))
	require.NoError(t, d.Write("nodes/source-sql/my.cnf", []byte("password=hunter2hunter2")))
	hits, err := SearchFolder(registered(t), d.Root())
	require.NoError(t, err)
	assert.Equal(t, []secret.Hit{{Secret: "password of user1", Encoding: "raw", File: "nodes/source-sql/my.cnf", Offset: 9}}, hits)
}
