package load

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"unicode/utf8"
)

// draw is where the values of one row come from: a stream of numbers that
// follows from seed, table, key and version alone.
type draw struct{ *rand.PCG }

// drawOf mixes what a row is into the generator's two numbers.
func drawOf(seed uint64, table int, key, version uint64) *draw {
	var b [32]byte
	for i, n := range []uint64{seed, uint64(table), key, version} { //nolint:gosec // a small number
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	sum := sha256.Sum256(b[:])
	return &draw{rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:]))}
}

// Sixty-four characters, so that six bits choose one. Among them are those that
// quoting, padding and character sets get wrong.
var letters = []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST0123 '\"\\`%_;äß€Ω猫😀")

func (d *draw) text(n uint64) string {
	out := make([]rune, n)
	for i := 0; i < len(out); {
		for bits, k := d.Uint64(), 0; k < 10 && i < len(out); bits, k, i = bits>>6, k+1, i+1 {
			out[i] = letters[bits&63]
		}
	}
	return string(out)
}

func (d *draw) bytes(n uint64) []byte {
	out := make([]byte, (n+7)/8*8)
	for i := 0; i < len(out); i += 8 {
		binary.LittleEndian.PutUint64(out[i:], d.Uint64())
	}
	return out[:n]
}

// Values are the columns of a row besides its key, in the table's order: a pure
// function, so that a reader with the seed can compute again what the writer sent.
func (w *Workload) Values(seed uint64, table int, key, version uint64) []any {
	d := drawOf(seed, table, key, version)
	out := make([]any, len(w.Tables[table].Columns))
	for i, c := range w.Tables[table].Columns {
		out[i] = c.Value(d, version)
	}
	return out
}

// copies is how many equal rows a key has where there is no primary key.
func copies(key uint64) int64 { return 1 + int64(key%3) }

// cell is a value as text; b is nil for NULL and never else.
type cell []byte

func cellOf(c Column, b []byte, null bool) cell {
	switch {
	case null:
		return nil
	case c.Plain != nil:
		b = c.Plain(b)
	}
	if b == nil {
		b = []byte{}
	}
	return b
}

// cells are the texts of a row's values.
func (t Table) cells(values []any) []cell {
	out := make([]cell, len(values))
	for i, v := range values {
		b, null := textOf(v)
		out[i] = cellOf(t.Columns[i], b, null)
	}
	return out
}

// digest stands for a row in the ledger: the first eight bytes of the SHA-256 of
// its cells, each with its length plus one before it, NULL as length zero.
func digest(cells []cell) uint64 {
	h := make([]byte, 0, 256)
	for _, c := range cells {
		if c == nil {
			h = append(h, 0)
			continue
		}
		h = append(binary.AppendUvarint(h, uint64(len(c))+1), c...)
	}
	sum := sha256.Sum256(h)
	return binary.LittleEndian.Uint64(sum[:])
}

// String shows a value: text quoted, other bytes as 0x..., long ones cut.
func (c cell) String() string {
	const shown = 80
	switch {
	case c == nil:
		return "NULL"
	case len(c) > shown:
		return fmt.Sprintf("%s... (%d bytes)", cell(cut(c, shown)), len(c))
	case utf8.Valid(c):
		return strconv.Quote(string(c))
	}
	return fmt.Sprintf("0x%x", []byte(c))
}

// cut takes the first n bytes, and no half of a character.
func cut(b []byte, n int) []byte {
	for n > 0 && utf8.Valid(b) && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}
