package load

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Row is a row of the table. All of it but the key follows from seed and key.
type Row struct {
	ID uint64
	N  int32
	C  string // 8 to 64 characters of one to four bytes
	At string // DATETIME(6), as MySQL prints it
	B  []byte // up to 32 bytes; nil is NULL, one in sixteen
}

// Sixty-four characters, so that six bits choose one. Among them are those that
// quoting, padding and character sets get wrong.
var letters = []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST0123 '\"\\`%_;äß€Ω猫😀")

const timestamp = "2006-01-02 15:04:05.000000"

// RowOf is the row of a key: a pure function, so that what was sent can be told
// again by anyone who has seed and key.
func RowOf(seed, id uint64) Row {
	r := rand.NewPCG(seed, id)
	first := r.Uint64()
	row := Row{ID: id, N: int32(first)} //nolint:gosec // the low half is meant
	text := make([]rune, 8+first>>32%57)
	for i := 0; i < len(text); {
		for bits, n := r.Uint64(), 0; n < 10 && i < len(text); bits, n, i = bits>>6, n+1, i+1 {
			text[i] = letters[bits&63]
		}
	}
	row.C = string(text)
	const tenYears = 10 * 365 * 24 * 3600 * 1_000_000
	micros := int64(r.Uint64() % tenYears)
	row.At = time.UnixMicro(1_577_836_800_000_000 + micros).UTC().Format(timestamp)
	if shape := r.Uint64(); shape%16 != 0 {
		row.B = make([]byte, 32)
		for i := range 4 {
			binary.LittleEndian.PutUint64(row.B[8*i:], r.Uint64())
		}
		row.B = row.B[:shape>>32%33]
	}
	return row
}
