package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tell announces work of an hour in a line that later notes do not replace.
func TestTellStays(t *testing.T) {
	var out bytes.Buffer
	p := &plain{w: &out, begin: time.Now()}
	p.Tell("building for an hour")
	p.Note("step 1")
	assert.Contains(t, out.String(), "building for an hour\n")

	f, err := os.Create(filepath.Join(t.TempDir(), "terminal"))
	require.NoError(t, err)
	l := newLive(f)
	require.Eventually(t, l.w.IsRenderInProgress, 10*time.Second, 10*time.Millisecond)
	l.Phase("image")
	l.Tell("building for an hour")
	l.Note("step 1")
	l.End(nil)
	require.Eventually(t, func() bool { return !l.w.IsRenderInProgress() }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, f.Close())
	b, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Contains(t, string(b), "building for an hour")
}
