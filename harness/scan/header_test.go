package scan_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/scan"
)

const (
	uuid  = "0b8b6f0e-c8e4-11f0-9a3d-0242ac120003"
	keyID = "MySQLReplicationKey_" + uuid + "_3"
)

// encrypted is a header as Rpl_encryption_header_v1::serialize writes it.
func encrypted() []byte {
	b := []byte("\xfdbin\x01")
	b = append(b, 1, byte(len(keyID)))
	b = append(b, keyID...)
	b = append(append(b, 2), bytes.Repeat([]byte{0xAB}, 32)...)
	b = append(append(b, 3), bytes.Repeat([]byte{0xCD}, 16)...)
	return append(b, make([]byte, scan.HeaderSize-len(b))...)
}

// with changes one byte of the header.
func with(at int, to byte) []byte {
	b := encrypted()
	b[at] = to
	return b
}

func TestParseHeader(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want scan.Header
	}{
		"plain":                     {[]byte("\xfebin\x00\x01\x02"), scan.Header{}},
		"plain, nothing behind":     {[]byte("\xfebin"), scan.Header{}},
		"encrypted":                 {encrypted(), scan.Header{Encrypted: true, Version: 1, KeyID: keyID}},
		"encrypted, events behind":  {append(encrypted(), "ciphertext"...), scan.Header{Encrypted: true, Version: 1, KeyID: keyID}},
		"zeros inside the password": {with(70, 0), scan.Header{Encrypted: true, Version: 1, KeyID: keyID}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := scan.ParseHeader(c.file)
			require.NoError(t, err)
			assert.Equal(t, c.want, h)
		})
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	passwordAt := 5 + 2 + len(keyID)
	ivAt := passwordAt + 1 + 32
	long := append([]byte("\xfdbin\x01\x02"), bytes.Repeat([]byte{2}, scan.HeaderSize)...)
	for name, c := range map[string]struct {
		file []byte
		is   error
		says string
	}{
		"empty":                       {nil, scan.ErrEmpty, "file is empty"},
		"magic cut off":               {[]byte("\xfe"), scan.ErrShort, "after 1 bytes"},
		"encrypted magic cut off":     {[]byte("\xfdbi"), scan.ErrShort, "after 3 bytes"},
		"magic alone":                 {[]byte("\xfdbin"), scan.ErrShort, "after 4 of 512 bytes"},
		"one byte short":              {encrypted()[:scan.HeaderSize-1], scan.ErrShort, "after 511 of 512 bytes"},
		"another file":                {[]byte("NDBXFRM1"), scan.ErrMagic, "4e 44 42 58"},
		"one byte of another file":    {[]byte("x"), scan.ErrMagic, "78"},
		"zeros":                       {make([]byte, scan.HeaderSize), scan.ErrMagic, "00 00 00 00"},
		"version 2":                   {with(4, 2), scan.ErrHeader, "version 2"},
		"no fields":                   {with(5, 0), scan.ErrHeader, "is missing"},
		"unknown field":               {with(5, 9), scan.ErrHeader, "unknown field type 9"},
		"empty key id":                {withoutKeyID(), scan.ErrHeader, "is missing"},
		"no password":                 {with(passwordAt, 0), scan.ErrHeader, "is missing"},
		"no IV":                       {with(ivAt, 0), scan.ErrHeader, "is missing"},
		"a field over the end":        {long, scan.ErrHeader, "over the header's end"},
		"a key id without its length": {append(append([]byte("\xfdbin\x01"), zeroFields()...), 1), scan.ErrHeader, "no length"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := scan.ParseHeader(c.file)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			assert.Zero(t, h)
		})
	}
}

// withoutKeyID has the field, but nothing in it.
func withoutKeyID() []byte {
	b := append([]byte("\xfdbin\x01\x01\x00"), encrypted()[5+2+len(keyID):]...)
	return append(b, make([]byte, len(keyID))...)
}

// zeroFields fill a header but for its last byte.
func zeroFields() []byte {
	fields := slices.Concat([]byte{1, 240}, bytes.Repeat([]byte{'k'}, 240), []byte{1, 250}, bytes.Repeat([]byte{'k'}, 250))
	return append(fields, slices.Repeat([]byte{1, 0}, (scan.HeaderSize-5-len(fields))/2)...)
}

func TestParseKeyID(t *testing.T) {
	k, err := scan.ParseKeyID(keyID)
	require.NoError(t, err)
	assert.Equal(t, scan.Key{UUID: uuid, Seq: 3}, k)

	for _, id := range []string{
		"", "MySQLReplicationKey_" + uuid, "MySQLReplicationKey_" + uuid + "_", "MySQLReplicationKey_" + uuid + "_0",
		"MySQLReplicationKey_" + uuid + "_master", "MySQLReplicationKey_" + uuid + "_-1", "MySQLReplicationKey_" + uuid + "_9999999999",
		"MySQLReplicationKey__1", "MySQLReplicationKey_" + uuid[1:] + "_1", "INNODBKey-" + uuid + "-1", keyID + " ", keyID + "\n",
	} {
		_, err := scan.ParseKeyID(id)
		assert.ErrorContains(t, err, "parse key id", "%q", id)
	}
}

func TestParseIndex(t *testing.T) {
	assert.Equal(t, []string{"binlog.000001", "/var/lib/mysql/data/binlog.000002", "logs/relay 1.000003"},
		scan.ParseIndex([]byte("./binlog.000001\n/var/lib/mysql/data/binlog.000002\n\n./logs/relay 1.000003")))
	assert.Empty(t, scan.ParseIndex(nil))
	assert.Empty(t, scan.ParseIndex([]byte("\n\n")))
}

func TestKindOf(t *testing.T) {
	for first, want := range map[string]scan.FileKind{
		"":                 scan.EmptyFile,
		"\xfebin\x01":      scan.PlainLog,
		"\xfdbin\x01":      scan.EncryptedLog,
		"NDBXFRM1\x10\x32": scan.Transformed,
		"NDBXFRM":          scan.OtherFile,
		"NDBXFRM2":         scan.OtherFile,
		"\xfe\x03\x01\x10": scan.Compressed,
		"\xfe\x03\x02":     scan.OtherFile,
		"\xfe":             scan.OtherFile,
		"\x00\x00\x00\x00": scan.OtherFile,
	} {
		assert.Equal(t, want, scan.KindOf([]byte(first)), "%q", first)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(encrypted())
	f.Add([]byte("\xfebin"))
	f.Add(with(6, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := scan.ParseHeader(b)
		kind := scan.KindOf(b)
		switch {
		case err != nil:
			assert.Zero(t, h)
		case h.Encrypted:
			assert.Equal(t, scan.EncryptedLog, kind)
			assert.NotEmpty(t, h.KeyID)
		default:
			assert.Equal(t, scan.PlainLog, kind)
		}
	})
}

func FuzzParseKeyID(f *testing.F) {
	f.Add(keyID)
	f.Add("MySQLReplicationKey_" + uuid + "_4294967296")
	f.Fuzz(func(t *testing.T, id string) {
		if k, err := scan.ParseKeyID(id); err == nil {
			assert.Len(t, k.UUID, 36)
			assert.Positive(t, k.Seq)
		}
	})
}
