package load

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// The ledger stores an entry as its length (a varint), its bytes, and their
// CRC-32C (four bytes, little end first). The first byte says what it is.
const (
	entryHeader = 'H' // JSON, the first one of every segment
	entryBegin  = 'B' // connection, kind, number of changes; of each table, gone, key, version, and unless gone the digest
	entrySettle = 'S' // connection, fate
)

// maxEntry is longer than any entry.
const maxEntry = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header says what a ledger is of, and where its segment stands among all.
type Header struct {
	Format      string   `json:"format"`
	Workload    string   `json:"workload"`
	Engine      string   `json:"engine"`
	Seed        uint64   `json:"seed,string"`
	Connections int      `json:"connections"`
	First       []uint64 `json:"first"` // the lowest key of each table; rows below it are another writer's
	Segment     int      `json:"segment"`
}

// format names the form of the ledger.
const format = "ndbproof/ledger/1"

// entry is one of the three: the field that is set tells which.
type entry struct {
	header *Header
	begin  *Op
	conn   int
	fate   fate // of a settlement
}

// frame appends an entry whose bytes body appends.
func frame(dst []byte, body func([]byte) []byte) []byte {
	// Most entries are shorter than 128 bytes: one byte of length is left free,
	// and the rest is moved when that is too little.
	start := len(dst)
	dst = body(append(dst, 0))
	n := len(dst) - start - 1
	if n < 0x80 {
		dst[start] = byte(n) //nolint:gosec // less than 0x80
	} else {
		var length [binary.MaxVarintLen64]byte
		k := binary.PutUvarint(length[:], uint64(n))
		dst = append(dst, length[:k-1]...)
		copy(dst[start+k:], dst[start+1:start+1+n])
		copy(dst[start:], length[:k])
		start += k - 1
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start+1:], castagnoli))
}

func appendHeader(dst []byte, h Header) []byte {
	return frame(dst, func(b []byte) []byte {
		j, _ := json.Marshal(h) // nothing in it can fail
		return append(append(b, entryHeader), j...)
	})
}

func appendBegin(dst []byte, conn int, op Op) []byte {
	return frame(dst, func(b []byte) []byte {
		b = binary.AppendUvarint(append(b, entryBegin), uint64(conn)) //nolint:gosec // a small number
		b = append(b, byte(op.Kind), byte(len(op.Changes)))           //nolint:gosec // a few
		for _, c := range op.Changes {
			b = binary.AppendUvarint(b, uint64(c.Table)) //nolint:gosec // a small number
			gone := byte(0)
			if c.Gone {
				gone = 1
			}
			b = binary.AppendUvarint(binary.AppendUvarint(append(b, gone), c.Key), c.Version)
			if !c.Gone {
				b = binary.LittleEndian.AppendUint64(b, c.Digest)
			}
		}
		return b
	})
}

func appendSettle(dst []byte, conn int, f fate) []byte {
	return frame(dst, func(b []byte) []byte {
		return append(binary.AppendUvarint(append(b, entrySettle), uint64(conn)), byte(f)) //nolint:gosec // a small number
	})
}

// errTorn is an entry that was not written to its end: what kill -9 leaves.
var errTorn = errors.New("the last entry is torn")

// cutEntry takes the first entry off b. errTorn: b ends within it, or with it
// and its checksum is wrong; any other error means that what stands there is
// not what was written.
func cutEntry(b []byte) (e entry, rest []byte, err error) {
	n, k := binary.Uvarint(b)
	switch {
	case k == 0 || n == 0 && zero(b):
		return e, b, errTorn
	case k < 0 || n == 0 || n > maxEntry:
		return e, b, fmt.Errorf("read the ledger: an entry of %d bytes", n)
	case uint64(len(b)-k) < n+4: //nolint:gosec // a length
		return e, b, errTorn
	}
	body, rest := b[k:k+int(n)], b[k+int(n)+4:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[k+int(n):]) {
		if len(rest) == 0 {
			return e, b, errTorn
		}
		return e, b, errors.New("read the ledger: an entry with a wrong checksum")
	}
	e, err = parse(body)
	return e, rest, err
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

var errEntry = errors.New("read the ledger: an entry that says nothing")

func parse(body []byte) (entry, error) {
	r := fields{rest: body[1:]}
	switch body[0] {
	case entryHeader:
		h := &Header{}
		if err := json.Unmarshal(body[1:], h); err != nil {
			return entry{}, fmt.Errorf("read the ledger's header: %w", err)
		}
		if h.Format != format {
			return entry{}, fmt.Errorf("read the ledger: its form is %q, this program reads %q", h.Format, format)
		}
		return entry{header: h}, nil
	case entryBegin:
		e := entry{conn: r.small(), begin: &Op{Kind: Kind(r.octet())}}
		for range r.octet() {
			c := Change{Table: r.small(), Gone: r.octet() == 1, Key: r.number(), Version: r.number()}
			if !c.Gone {
				c.Digest = r.fixed()
			}
			e.begin.Changes = append(e.begin.Changes, c)
		}
		if r.bad || len(r.rest) > 0 || e.begin.Kind >= kinds || len(e.begin.Changes) == 0 {
			return entry{}, errEntry
		}
		return e, nil
	case entrySettle:
		e := entry{conn: r.small(), fate: fate(r.octet())}
		if r.bad || len(r.rest) > 0 || e.fate < acked || e.fate > refused {
			return entry{}, errEntry
		}
		return e, nil
	}
	return entry{}, errEntry
}

// fields reads an entry's body from front to back; bad tells that it was too short.
type fields struct {
	rest []byte
	bad  bool
}

func (r *fields) number() uint64 {
	n, k := binary.Uvarint(r.rest)
	if k <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[k:]
	return n
}

// small is a number of a connection or a table.
func (r *fields) small() int {
	n := r.number()
	if n > 0xffff {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *fields) octet() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *fields) fixed() uint64 {
	if len(r.rest) < 8 {
		r.bad, r.rest = true, nil
		return 0
	}
	n := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return n
}
