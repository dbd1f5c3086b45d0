package parity

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// kind is how values of a column become canonical bytes.
type kind int

const (
	kindInteger  kind = iota // decimal digits, no padding
	kindDecimal              // decimal digits, no padding on either end
	kindFloat                // the eight bytes of the IEEE double
	kindTemporal             // the server's text, in UTC
	kindText                 // bytes as stored
	kindBytes                // bytes as stored
	kindJSON                 // sorted keys, no white space, numbers as printed
)

// kindOf maps information_schema's DATA_TYPE. What is not known is compared as
// bytes, as the server sends them.
func kindOf(dataType string) kind {
	switch dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year":
		return kindInteger
	case "decimal":
		return kindDecimal
	case "float", "double":
		return kindFloat
	case "date", "time", "datetime", "timestamp":
		return kindTemporal
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		return kindText
	case "json":
		return kindJSON
	}
	return kindBytes
}

// appendRow appends the canonical bytes of a row: for each column a length and
// that many bytes. NULL is length 0, everything else its length plus one, so that
// NULL is not the empty string and no two rows run into the same bytes.
func appendRow(dst, scratch []byte, columns []column, row []driver.Value) (out, grown []byte, err error) {
	for i := range row {
		if row[i] == nil {
			dst = append(dst, 0)
			continue
		}
		// Most values are bytes already and need no copy in between.
		if b, ok := row[i].([]byte); ok && columns[i].kind.verbatim() {
			dst = binary.AppendUvarint(dst, uint64(len(b))+1)
			dst = append(dst, b...)
			continue
		}
		scratch, err = appendValue(scratch[:0], columns[i].kind, row[i])
		if err != nil {
			return dst, scratch, fmt.Errorf("read column %s: %w", columns[i].name, err)
		}
		dst = binary.AppendUvarint(dst, uint64(len(scratch))+1)
		dst = append(dst, scratch...)
	}
	return dst, scratch, nil
}

// verbatim tells that bytes from the server are canonical as they are.
func (k kind) verbatim() bool { return k == kindText || k == kindBytes || k == kindTemporal }

// appendValue appends the canonical bytes of one value that is not NULL. The
// text protocol gives integers as int64 or uint64, DOUBLE as float64, the rest
// as bytes.
func appendValue(dst []byte, k kind, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float64:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), nil
	case []byte:
		return appendBytes(dst, k, v)
	}
	return dst, fmt.Errorf("canonical bytes of a %T: not known", v)
}

func appendBytes(dst []byte, k kind, b []byte) ([]byte, error) {
	switch k {
	case kindInteger:
		return appendDigits(dst, b), nil
	case kindDecimal:
		if bytes.IndexByte(b, '.') >= 0 {
			b = bytes.TrimSuffix(bytes.TrimRight(b, "0"), []byte("."))
		}
		return appendDigits(dst, b), nil
	case kindFloat:
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil {
			return dst, err
		}
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
	case kindJSON:
		return appendJSON(dst, b), nil
	case kindTemporal, kindText, kindBytes:
	}
	return append(dst, b...), nil
}

// appendDigits appends a decimal number without leading zeros (ZEROFILL) and
// without a sign on zero.
func appendDigits(dst, b []byte) []byte {
	sign, digits := []byte(nil), b
	if len(b) > 0 && b[0] == '-' {
		sign, digits = b[:1], b[1:]
	}
	digits = bytes.TrimLeft(digits, "0")
	switch {
	case len(digits) == 0:
		return append(dst, '0')
	case digits[0] == '.':
		return append(append(append(dst, sign...), '0'), digits...)
	}
	return append(append(dst, sign...), digits...)
}

// appendJSON appends a JSON document with sorted keys and no white space. Numbers
// keep their digits: a DECIMAL inside JSON holds more of them than a float64, and
// 1 and 1.0 are different values to the server. What does not parse is kept as it
// is.
func appendJSON(dst, b []byte) []byte {
	if !utf8.Valid(b) {
		return append(dst, b...)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return append(dst, b...)
	}
	if _, err := d.Token(); err != io.EOF {
		return append(dst, b...)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return append(dst, b...)
	}
	return append(dst, out...)
}
