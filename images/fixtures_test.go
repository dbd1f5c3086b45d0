package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// pack makes a tarball's content, in a top folder as vendors do.
func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "mysql-cluster-top/", Mode: 0o755}))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "mysql-cluster-top/" + name, Mode: 0o6775, Size: int64(len(files[name])), Uid: 7161}))
		_, err := w.Write(files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// complete is a tarball that has what is asked for.
func complete() map[string][]byte {
	files := map[string][]byte{"share/english/errmsg.sys": []byte("words"), "lib/plugin/debug/x.so": nil, "mysql-test/t": nil, "LICENSE": []byte("GPL")}
	for _, p := range programs {
		files[p] = program(0x3e)
	}
	return files
}

// program is the beginning of an ELF file for a machine (0x3e x86-64, 0xb7
// aarch64), little-endian.
func program(machine byte) []byte {
	b := make([]byte, 100)
	copy(b, "\x7fELF\x02\x01\x01")
	b[16], b[18] = 3, machine
	return b
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func xzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	require.NoError(t, err)
	_, err = w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}
