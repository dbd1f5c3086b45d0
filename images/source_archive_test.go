package images

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const asked = `Get:1 http://deb.debian.org/debian sid InRelease [193 kB]
Reading package lists...
source mysql-9.7 9.7.2-4
source mysql-9.7 9.7.4-2
source mysql-26.7 26.7.1-1
source mysql-source 9.7.4-2
source mysql-odd 9.7~rc1-1
source mysql-short
`

func TestChoose(t *testing.T) {
	all := parseArchived(asked)
	require.Len(t, all, 4)
	for want, is := range map[string][2]string{
		"":       {"mysql-26.7", "26.7.1-1"},
		"9.7.x":  {"mysql-source", "9.7.4-2"},
		"9.7.4":  {"mysql-source", "9.7.4-2"},
		"9.7.2":  {"mysql-9.7", "9.7.2-4"},
		"26.7.1": {"mysql-26.7", "26.7.1-1"},
	} {
		a, err := SourceBuild{Want: want}.choose(all)
		require.NoError(t, err, want)
		assert.Equal(t, is[0], a.Package, want)
		assert.Equal(t, is[1], a.Version, want)
	}
	_, err := SourceBuild{Want: "8.0.44"}.choose(all)
	require.ErrorContains(t, err, "find the source of 8.0.44: the archive has 9.7.2-4, 9.7.4-2, 9.7.4-2, 26.7.1-1; build one of these")
	_, err = SourceBuild{}.choose(nil)
	require.ErrorContains(t, err, "find the source of a release: the archive has none")
}

func TestArchivedNamed(t *testing.T) {
	a := parseArchived("source mysql-source 9.7.4-2\n")[0]
	assert.Equal(t, "9.7.4", a.named(""))
	assert.Equal(t, "9.7.4-fix1", a.named("fix1"))
	assert.Equal(t, "?", archived{Version: "?"}.named("fix1"), "before the archive was asked")
}

func TestRoom(t *testing.T) {
	r, err := parseRoom("disk 80000000000\nnoise\nused 12288\nmemory 16000000000\n")
	require.NoError(t, err)
	assert.Equal(t, room{80000000000, 12288, 16000000000}, r)
	require.NoError(t, r.enough())
	assert.Equal(t, 2, r.jobs(2))
	assert.Equal(t, 14, r.jobs(64), "a compiler for each GiB")
	assert.Equal(t, 1, room{memory: 1}.jobs(8))

	_, err = parseRoom("disk 80000000000\nused 1\n")
	require.ErrorContains(t, err, "does not tell")
	_, err = parseRoom("disk many\nused 1\nmemory 1\n")
	require.ErrorContains(t, err, "read how much disk there is")
}

func TestRoomIsTooSmall(t *testing.T) {
	const gib = 1 << 30
	err := room{disk: 5 * gib, memory: 8 * gib}.enough()
	require.ErrorContains(t, err, "5GiB of disk are free")
	require.ErrorContains(t, err, "6GiB more are needed; make room")
	require.NoError(t, room{disk: 5 * gib, used: 3 * gib, memory: 8 * gib}.enough(), "an interrupted build needs less")
	require.ErrorContains(t, room{disk: gib / 2, used: 9 * gib, memory: 8 * gib}.enough(), "1GiB more are needed")
	require.ErrorContains(t, room{disk: 9 * gib, memory: gib}.enough(), "1GiB of memory are free, and 2GiB are needed; end something else")
}
