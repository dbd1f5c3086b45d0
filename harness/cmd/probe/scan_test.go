package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
	"ndbproof/harness/secret"
)

const marker = "MARKER-7Q2ZKM4X5V6YB3JHNWDTR2LGCP"

func input(t *testing.T, texts ...string) *strings.Reader {
	t.Helper()
	var all []node.Needle
	for _, text := range texts {
		all = append(all, node.Needle{Name: "the marker", Text: secret.Of(text)})
	}
	s, err := node.WriteNeedles(all)
	require.NoError(t, err)
	return strings.NewReader(s)
}

func TestScan(t *testing.T) {
	dir := procDir(t, map[string]string{"data/ibdata1": "..." + marker, "data/binlog.000001": "\xfdbin"})
	var out bytes.Buffer
	require.NoError(t, probe{"", &out}.scan(t.Context(), input(t, marker), []string{dir, filepath.Join(dir, "none")}))
	assert.NotContains(t, out.String(), marker, "what is searched for is never printed")
	var got node.Search
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Files, 2)
	assert.Equal(t, dir+"/data/ibdata1", got.Files[1].Path)
	assert.Equal(t, []node.Hit{{Needle: "the marker", Encoding: "utf8mb4", Places: 1, First: 3}}, got.Files[1].Hits)
	assert.Equal(t, 3, got.Hidden)
	assert.Equal(t, 3, got.Seen)
}

func TestScanOpenFiles(t *testing.T) {
	dir := procDir(t, map[string]string{"#12 (deleted)": marker, "tmp/left": marker, "var/named": marker})
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "proc/1/fd"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(dir, "#12 (deleted)"), filepath.Join(dir, "proc/1/fd/3")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "var/named"), filepath.Join(dir, "proc/1/fd/4")))
	var out bytes.Buffer
	require.NoError(t, probe{filepath.Join(dir, "proc"), &out}.scanOpen(t.Context(), input(t, marker), []string{filepath.Join(dir, "tmp")}))
	var got node.Search
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Files, 2)
	assert.Equal(t, node.InLayer, got.Files[0].Place)
	assert.Equal(t, filepath.Join(dir, "tmp/left"), got.Files[0].Path)
	assert.Equal(t, node.InUnlinked, got.Files[1].Place)
	assert.Equal(t, filepath.Join(dir, "#12"), got.Files[1].Path)
	for _, f := range got.Files {
		assert.Len(t, f.Hits, 1)
	}
}

func TestScanCannotLook(t *testing.T) {
	var out bytes.Buffer
	p := probe{"", &out}
	require.ErrorContains(t, p.scan(t.Context(), strings.NewReader(""), nil), "read needles")
	require.ErrorContains(t, p.scan(t.Context(), input(t), nil), "no needles given")
	require.ErrorContains(t, p.scan(t.Context(), input(t, ""), nil), "would stand everywhere")
	file := filepath.Join(procDir(t, map[string]string{"file": ""}), "file")
	require.ErrorContains(t, p.scan(t.Context(), input(t, marker), []string{filepath.Join(file, "below")}), "not a directory")
	assert.Empty(t, out.String())
	assert.Contains(t, fails(t, "", exitUsage, "scan"), "usage")
}
