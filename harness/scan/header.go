// Package scan reads bytes: headers of replication logs and data-node files,
// markers in any stream, and the kernel's tables of sockets. All of it is pure;
// what to read, and from which node, is the caller's business.
package scan

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// HeaderSize is the length of an encrypted replication log's header in bytes.
// Everything behind it, the plain magic included, is ciphertext.
const HeaderSize = 512

// EmptyLogSize is the size up to which a log holds nothing but its own description:
// encryption header, magic, format description and previous GTIDs.
const EmptyLogSize = HeaderSize + 256

var (
	plainMagic     = []byte{0xFE, 'b', 'i', 'n'}
	encryptedMagic = []byte{0xFD, 'b', 'i', 'n'}
)

// What is wrong with a file that should be a replication log.
var (
	ErrEmpty  = errors.New("file is empty")
	ErrShort  = errors.New("header is cut off")
	ErrMagic  = errors.New("magic is of no replication log")
	ErrHeader = errors.New("header of the encrypted log is damaged")
)

// Header is the beginning of a binary or relay log.
type Header struct {
	Encrypted bool   `json:"encrypted"`
	Version   int    `json:"version"` // of the encryption header; 0 of a plain log
	KeyID     string `json:"key_id"`  // "" of a plain log
}

// Fields of the encryption header, version 1. Only the key id carries its
// length (sql/rpl_log_encryption.cc, Rpl_encryption_header_v1::deserialize).
const (
	fieldEnd      = 0
	fieldKeyID    = 1
	fieldPassword = 2
	fieldIV       = 3

	passwordSize = 32
	ivSize       = 16
	fieldsAt     = 5 // behind magic and version
)

// ParseHeader reads a log's first HeaderSize bytes or more; for a plain log
// four are enough. Errors wrap ErrEmpty, ErrShort, ErrMagic or ErrHeader.
func ParseHeader(b []byte) (Header, error) {
	switch {
	case len(b) == 0:
		return Header{}, fmt.Errorf("parse log header: %w", ErrEmpty)
	case bytes.HasPrefix(b, plainMagic):
		return Header{}, nil
	case bytes.HasPrefix(b, encryptedMagic):
		return parseEncrypted(b)
	case bytes.HasPrefix(plainMagic, b) || bytes.HasPrefix(encryptedMagic, b):
		return Header{}, fmt.Errorf("parse log header: %w after %d bytes", ErrShort, len(b))
	}
	return Header{}, fmt.Errorf("parse log header: %w: % x", ErrMagic, b[:min(len(b), len(plainMagic))])
}

func parseEncrypted(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("parse log header: %w after %d of %d bytes", ErrShort, len(b), HeaderSize)
	}
	h := Header{Encrypted: true, Version: int(b[len(encryptedMagic)])}
	if h.Version != 1 {
		return Header{}, fmt.Errorf("parse log header: %w: version %d, want 1", ErrHeader, h.Version)
	}
	keyID, err := readFields(b[fieldsAt:HeaderSize])
	if err != nil {
		return Header{}, fmt.Errorf("parse log header: %w: %w", ErrHeader, err)
	}
	h.KeyID = keyID
	return h, nil
}

// readFields walks the fields up to the zero padding. All three must be there:
// without one of them the server could not read the log itself.
func readFields(b []byte) (keyID string, err error) {
	seen := map[byte]bool{}
	for len(b) > 0 && b[0] != fieldEnd {
		field := b[0]
		b = b[1:]
		var size int
		switch field {
		case fieldKeyID:
			if len(b) == 0 {
				return "", errors.New("key id has no length")
			}
			size, b = int(b[0]), b[1:]
		case fieldPassword:
			size = passwordSize
		case fieldIV:
			size = ivSize
		default:
			return "", fmt.Errorf("unknown field type %d", field)
		}
		if size > len(b) {
			return "", fmt.Errorf("field type %d runs %d bytes over the header's end", field, size-len(b))
		}
		if field == fieldKeyID {
			keyID = string(b[:size])
		}
		seen[field], b = true, b[size:]
	}
	if keyID == "" || !seen[fieldPassword] || !seen[fieldIV] {
		return "", errors.New("key id, encrypted file password or IV is missing")
	}
	return keyID, nil
}

// Key is a replication key of a keyring, as a log's header names it.
type Key struct {
	UUID string `json:"uuid"` // of the server that made it
	Seq  int    `json:"seq"`  // from 1; each rotation of the master key adds one
}

var keyID = regexp.MustCompile(`^MySQLReplicationKey_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_([1-9][0-9]{0,9})$`)

// ParseKeyID reads MySQLReplicationKey_<uuid>_<n>.
func ParseKeyID(id string) (Key, error) {
	m := keyID.FindStringSubmatch(id)
	if m == nil {
		return Key{}, fmt.Errorf("parse key id %q: want MySQLReplicationKey_<uuid>_<number>", id)
	}
	seq, err := strconv.ParseUint(m[2], 10, 32) // uint32 in the server
	if err != nil {
		return Key{}, fmt.Errorf("parse key id %q: %w", id, err)
	}
	return Key{UUID: m[1], Seq: int(seq)}, nil
}

// ParseIndex reads the index file of binary or relay logs, which is never
// encrypted: one path a line, absolute or relative to the data directory. The
// "./" that the server puts before relative ones is dropped.
func ParseIndex(b []byte) []string {
	var entries []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			entries = append(entries, path.Clean(line))
		}
	}
	return entries
}

// FileKind is what a file's first bytes tell of it.
type FileKind string

// Kinds of files. NDBXFRM1 alone does not prove encryption: the format also
// holds compressed data. AZ31 is compression without encryption.
const (
	EmptyFile    FileKind = "empty"
	PlainLog     FileKind = "plain replication log"
	EncryptedLog FileKind = "encrypted replication log"
	Transformed  FileKind = "NDBXFRM1"
	Compressed   FileKind = "AZ31"
	OtherFile    FileKind = "other"
)

// KindOf tells the kind by up to eight bytes (storage/ndb: ndb_ndbxfrm1.h,
// ndb_az31.cpp). Redo files are sparse and may begin with zeros: other.
func KindOf(b []byte) FileKind {
	if len(b) == 0 {
		return EmptyFile
	}
	for _, m := range []struct {
		magic string
		kind  FileKind
	}{
		{"\xfebin", PlainLog}, {"\xfdbin", EncryptedLog}, {"NDBXFRM1", Transformed}, {"\xfe\x03\x01", Compressed},
	} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.kind
		}
	}
	return OtherFile
}
