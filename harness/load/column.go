package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"ndbproof/harness/secure"
)

// Column is a column of a table: how it is made, how its values are drawn, and
// how they are read again.
type Column struct {
	Name string
	Type string
	// Value draws a value: nil, int64, uint64, string or []byte.
	Value func(d *draw, version uint64) any
	// Read is the expression that gives the value's text, with %s for the name;
	// "" is the name.
	Read string
	// Plain brings a text that was read or sent into one form; nil leaves it.
	Plain func([]byte) []byte
}

func (c Column) read() string {
	if c.Read == "" {
		return secure.QuoteName(c.Name)
	}
	return fmt.Sprintf(c.Read, secure.QuoteName(c.Name))
}

// Ways of reading: text as the bytes stored, times and enumerations as printed.
const (
	asBytes  = "CAST(%s AS BINARY)"
	asText   = "CAST(%s AS CHAR)"
	asNumber = "%s+0"
)

// narrow is the row of the procedure: an integer, a text, a time, bytes.
func narrow() []Column {
	return []Column{
		{Name: "n", Type: "INT NOT NULL", Value: integer},
		{Name: "c", Type: "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", Read: asBytes, Value: text(8, 64)},
		{Name: "at", Type: "DATETIME(6) NOT NULL", Read: asText, Value: moment},
		{Name: "b", Type: "VARBINARY(32) NULL", Value: orNull(16, octets(32))},
	}
}

// wide has one column of each kind that replication treats in a way of its own.
func wide() []Column {
	return []Column{
		{Name: "small", Type: "TINYINT NULL", Value: orNull(4, func(d *draw, _ uint64) any { return int64(int8(d.Uint64())) })}, //nolint:gosec // the low byte is meant
		{Name: "large", Type: "BIGINT UNSIGNED NOT NULL", Value: func(d *draw, _ uint64) any { return d.Uint64() }},
		{Name: "price", Type: "DECIMAL(20,6) NULL", Value: orNull(8, decimal)},
		{Name: "at", Type: "DATETIME(6) NULL", Read: asText, Value: orNull(8, moment)},
		{Name: "flags", Type: "BIT(12) NULL", Read: asNumber, Value: orNull(8, func(d *draw, _ uint64) any { return d.Uint64() & 0xfff })},
		{Name: "state", Type: "ENUM('new','on hold','done','naïve','') NULL", Read: asText, Value: orNull(8, condition)},
		{Name: "name", Type: "VARCHAR(200) CHARACTER SET utf8mb4 NULL", Read: asBytes, Value: orNull(8, text(0, 200))},
		{Name: "fixed", Type: "BINARY(16) NOT NULL", Value: exactly(16)},
		{Name: "note", Type: "TEXT CHARACTER SET utf8mb4 NULL", Read: asBytes, Value: orNull(8, long(text(0, 300), text(2000, 4000)))},
		{Name: "body", Type: "BLOB NULL", Value: orNull(8, long(octets(600), octets(20000)))},
		{Name: "doc", Type: "JSON NULL", Value: orNull(8, document), Plain: plainJSON},
	}
}

// account holds a balance, which is the row's version.
func account() []Column {
	return []Column{{Name: "balance", Type: "BIGINT NOT NULL", Value: asVersion}}
}

// journal notes an amount, which is the row's version.
func journal() []Column {
	return []Column{
		{Name: "amount", Type: "BIGINT NOT NULL", Value: asVersion},
		{Name: "note", Type: "VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL", Read: asBytes, Value: text(0, 64)},
	}
}

// made tells how many columns a table has.
func made() []Column { return []Column{{Name: "columns", Value: asVersion}} }

func asVersion(_ *draw, version uint64) any { return int64(version) } //nolint:gosec // two's complement both ways

func integer(d *draw, _ uint64) any { return int64(int32(d.Uint64())) } //nolint:gosec // the low half is meant

func decimal(d *draw, _ uint64) any {
	n := d.Uint64()
	sign := ""
	if n&1 == 1 {
		sign = "-"
	}
	return fmt.Sprintf("%s%d.%06d", sign, 1+n>>1%100_000_000_000_00, n>>40%1_000_000)
}

func moment(d *draw, _ uint64) any {
	const tenYears = 10 * 365 * 24 * 3600 * 1_000_000
	micros := int64(d.Uint64() % tenYears)
	return time.UnixMicro(1_577_836_800_000_000 + micros).UTC().Format("2006-01-02 15:04:05.000000")
}

func condition(d *draw, _ uint64) any {
	return []string{"new", "on hold", "done", "naïve", ""}[d.Uint64()%5]
}

// text draws between least and most characters of one to four bytes.
func text(least, most uint64) func(*draw, uint64) any {
	return func(d *draw, _ uint64) any { return d.text(least + d.Uint64()%(most-least+1)) }
}

// octets draws up to most bytes.
func octets(most uint64) func(*draw, uint64) any {
	return func(d *draw, _ uint64) any { return d.bytes(d.Uint64() % (most + 1)) }
}

func exactly(n uint64) func(*draw, uint64) any {
	return func(d *draw, _ uint64) any { return d.bytes(n) }
}

// orNull is NULL once in so many times.
func orNull(times uint64, value func(*draw, uint64) any) func(*draw, uint64) any {
	return func(d *draw, v uint64) any {
		if d.Uint64()%times == 0 {
			return nil
		}
		return value(d, v)
	}
}

// long is usually short: one value in eight is so long that NDB keeps parts of
// it in a table of their own.
func long(short, long func(*draw, uint64) any) func(*draw, uint64) any {
	return func(d *draw, v uint64) any {
		if d.Uint64()%8 == 0 {
			return long(d, v)
		}
		return short(d, v)
	}
}

// document draws a JSON document.
func document(d *draw, _ uint64) any {
	n := d.Uint64()
	doc, _ := json.Marshal(map[string]any{ // nothing in it can fail
		"n": int64(n >> 12), "text": d.text(n % 40), "list": []any{n%2 == 0, nil, "x"},
		"deep": map[string]any{"bb": n % 7, "a": "", "": "no name"},
	})
	return string(doc)
}

// plainJSON sorts keys and drops white space; a document that does not parse
// stays as it is. Numbers keep their digits.
func plainJSON(b []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return b
	}
	out, err := json.Marshal(v)
	if err != nil {
		return b
	}
	return out
}

// textOf is the text of a value, as the server gives it.
func textOf(v any) (b []byte, null bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case int64:
		return strconv.AppendInt(nil, v, 10), false
	case uint64:
		return strconv.AppendUint(nil, v, 10), false
	case string:
		return []byte(v), false
	case []byte:
		return v, false
	}
	return fmt.Append(nil, v), false
}
