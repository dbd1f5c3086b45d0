package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/parity"
)

func TestResumeGoesOnWhereItWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	a := asked{resume: file, options: parity.Options{Databases: []string{"d"}}}
	require.NoError(t, resume(&a, "s:1", "r:1"))
	require.Empty(t, a.options.Finished)
	require.NoError(t, a.options.Finish(parity.TableReport{Database: "d", Name: "t", RowsSource: 7}))

	again := asked{resume: file, options: parity.Options{Databases: []string{"d"}}}
	require.NoError(t, resume(&again, "s:1", "r:1"))
	require.Len(t, again.options.Finished, 1)
	assert.Equal(t, int64(7), again.options.Finished[0].RowsSource)
	require.NoError(t, again.options.Finish(parity.TableReport{Database: "d", Name: "u"}))

	other := asked{resume: file, options: parity.Options{Databases: []string{"d"}}}
	require.ErrorContains(t, resume(&other, "s:1", "elsewhere:1"), "it notes a comparison of s:1 with r:1")
	other.live = true
	require.Error(t, resume(&other, "s:1", "r:1"))
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	require.ErrorContains(t, resume(&again, "s:1", "r:1"), "not what this command has written")
	require.NoError(t, resume(&asked{}, "", ""))
}

func TestBarShowsThePart(t *testing.T) {
	at := parity.Progress{Database: "d", Table: "t", Index: 1, Tables: 2, Rows: 30, Total: 60}
	assert.Equal(t, "[##########----------] table 1 of 2, d.t: 30 rows", bar(at))
	at.Rows, at.Total = 90, 60
	assert.Contains(t, bar(at), "[####################]", "the total is an estimate")
	at.Total = 0
	assert.Contains(t, bar(at), "[####################]")
}
