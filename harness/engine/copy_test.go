package engine

import (
	"archive/tar"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadFile(t *testing.T) {
	f, r := newFake(t)
	_, err := r.ReadFile(t.Context(), "c", "/x", 0)
	require.True(t, IsNotFound(err), err)
	there, err := r.Has(t.Context(), "c", "/x")
	require.NoError(t, err)
	assert.False(t, there)

	f.out = packed(t, tar.Header{Typeflag: tar.TypeReg, Name: "x"}, "content")
	there, err = r.Has(t.Context(), "c", "/x")
	require.NoError(t, err)
	assert.True(t, there)
	for limit, want := range map[int64]string{0: "content", -1: "content", 3: "con", 100: "content"} {
		b, err := r.ReadFile(t.Context(), "c", "/x", limit)
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
	}
	f.out = packed(t, tar.Header{Typeflag: tar.TypeDir, Name: "x/"}, "")
	_, err = r.ReadFile(t.Context(), "c", "/x", 0)
	assert.ErrorIs(t, err, errNotRegular)
}

// The error is that of the end that failed first.
func TestCopyIn(t *testing.T) {
	f, r := newFake(t)
	id, err := r.Create(t.Context(), Container{Image: "img", Argv: []string{"/x"}})
	require.NoError(t, err)
	one := func(w *tar.Writer) error { return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "d/"}) }
	require.NoError(t, r.CopyIn(t.Context(), id, one))
	assert.Equal(t, "d/", f.boxes[id].files[0].Name)
	broken := errors.New("the tarball is broken")
	require.ErrorIs(t, r.CopyIn(t.Context(), id, func(*tar.Writer) error { return broken }), broken)
	f.refuse("archive")
	assert.ErrorContains(t, r.CopyIn(t.Context(), id, one), "refused")
}
