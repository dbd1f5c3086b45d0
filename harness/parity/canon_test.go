package parity

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func canonical(t require.TestingT, k kind, v driver.Value) string {
	out, _, err := appendRow(nil, nil, []column{{name: "c", kind: k}}, []driver.Value{v})
	require.NoError(t, err)
	return string(out)
}

func TestSameValueHasTheSameBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		kind kind
		a, b driver.Value
	}{
		{"zerofill", kindInteger, []byte("00042"), int64(42)},
		{"signed and unsigned", kindInteger, int64(42), uint64(42)},
		{"zero", kindInteger, []byte("000"), int64(0)},
		{"negative", kindInteger, []byte("-07"), int64(-7)},
		{"scale", kindDecimal, []byte("1.500"), []byte("1.5")},
		{"whole decimal", kindDecimal, []byte("10.00"), []byte("10")},
		{"decimal below one", kindDecimal, []byte("-.50"), []byte("-0.5")},
		{"decimal zero", kindDecimal, []byte("-0.00"), []byte("0")},
		{"float as text", kindFloat, []byte("1e-7"), 0.0000001},
		{"json order and space", kindJSON, []byte(`{"b": 1, "a": [1.0, null]}`), []byte(`{"a":[1.0,null],"b":1}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, canonical(t, c.kind, c.a), canonical(t, c.kind, c.b))
		})
	}
}

func TestDifferentValuesHaveDifferentBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		kind kind
		a, b driver.Value
	}{
		{"NULL and empty", kindText, nil, []byte("")},
		{"NULL and its name", kindText, nil, []byte("NULL")},
		{"NULL and zero", kindInteger, nil, int64(0)},
		{"case", kindText, []byte("a"), []byte("A")},
		{"trailing space", kindText, []byte("a"), []byte("a ")},
		{"trailing zero byte", kindBytes, []byte("a"), []byte("a\x00")},
		{"sign", kindInteger, int64(-1), uint64(math.MaxUint64)},
		{"ten and one", kindDecimal, []byte("10"), []byte("1")},
		{"one bit of a float", kindFloat, 0.1, math.Nextafter(0.1, 1)},
		{"sign of zero", kindFloat, 0.0, math.Copysign(0, -1)},
		{"json types", kindJSON, []byte(`1`), []byte(`1.0`)},
		{"json string", kindJSON, []byte(`"1"`), []byte(`1`)},
		{"json digits beyond a double", kindJSON, []byte(`0.12345678901234567890`), []byte(`0.12345678901234567891`)},
		{"no json", kindJSON, []byte(`{"a":1} x`), []byte(`{"a":1}`)},
		{"zero dates", kindTemporal, []byte("0000-00-00"), []byte("0001-01-01")},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.NotEqual(t, canonical(t, c.kind, c.a), canonical(t, c.kind, c.b))
		})
	}
}

func TestValueOfAnUnknownTypeIsAnError(t *testing.T) {
	_, _, err := appendRow(nil, nil, []column{{name: "at", kind: kindTemporal}}, []driver.Value{time.Time{}})
	require.ErrorContains(t, err, "read column at: canonical bytes of a time.Time")
	_, err = appendValue(nil, kindFloat, []byte("x"))
	require.Error(t, err)
}

func TestKinds(t *testing.T) {
	for dataType, want := range map[string]kind{
		"bigint": kindInteger, "year": kindInteger, "decimal": kindDecimal, "float": kindFloat, "timestamp": kindTemporal,
		"enum": kindText, "longtext": kindText, "bit": kindBytes, "binary": kindBytes, "json": kindJSON, "vector": kindBytes, "new": kindBytes,
	} {
		assert.Equal(t, want, kindOf(dataType), dataType)
	}
}

// No two rows share their bytes, wherever NULLs and column borders lie.
func TestRowsAreInjective(t *testing.T) {
	value := rapid.OneOf(rapid.Just[driver.Value](nil),
		rapid.Map(rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 4), func(b []byte) driver.Value { return b }))
	row := rapid.SliceOfN(value, 3, 3)
	columns := []column{{kind: kindText}, {kind: kindBytes}, {kind: kindTemporal}}
	rapid.Check(t, func(t *rapid.T) {
		a, b := row.Draw(t, "a"), row.Draw(t, "b")
		x, _, err := appendRow(nil, nil, columns, a)
		require.NoError(t, err)
		y, _, err := appendRow(nil, nil, columns, b)
		require.NoError(t, err)
		require.Equal(t, assert.ObjectsAreEqual(a, b), bytes.Equal(x, y))
		require.Equal(t, bytes.Equal(x, y), digestOf(x) == digestOf(y))
	})
}

func TestIntegersAndDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		text := canonical(t, kindInteger, v)
		require.Equal(t, text, canonical(t, kindDecimal, []byte(text[1:])), "an integer is its own decimal")
		padded := strings.Repeat("0", rapid.IntRange(0, 5).Draw(t, "padding")) + text[1:]
		if v >= 0 {
			require.Equal(t, text, canonical(t, kindInteger, []byte(padded)))
		}
	})
}

func TestJSONIsStable(t *testing.T) {
	text := rapid.Map(rapid.String(), func(s string) any { return s })
	doc := rapid.MapOf(rapid.String(), rapid.OneOf(text,
		rapid.Map(rapid.Int64(), func(i int64) any { return i }), rapid.Just[any](nil),
		rapid.Map(rapid.MapOf(rapid.String(), text), func(m map[string]any) any { return m })))
	rapid.Check(t, func(t *rapid.T) {
		compact, err := json.Marshal(doc.Draw(t, "doc"))
		require.NoError(t, err)
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, compact, "", "  "))
		once := appendJSON(nil, compact)
		require.Equal(t, once, appendJSON(nil, indented.Bytes()))
		require.Equal(t, once, appendJSON(nil, once))
	})
}

// The shape that issue and manual use: bigint key, int, varchar(64), datetime(6),
// varbinary(32); the driver gives integers as numbers, the rest as bytes.
func BenchmarkEntry(b *testing.B) {
	columns := []column{{kind: kindInteger}, {kind: kindInteger}, {kind: kindText}, {kind: kindTemporal}, {kind: kindBytes}}
	row := []driver.Value{
		uint64(123456789), int64(4711), bytes.Repeat([]byte("x"), 56),
		[]byte("2024-02-03 04:05:06.789012"), bytes.Repeat([]byte{0xfe}, 32),
	}
	var s session
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.entry(row, columns, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	columns := []column{{kind: kindInteger}, {kind: kindDecimal}, {kind: kindText}, {kind: kindFloat}}
	row := []driver.Value{uint64(123456789), []byte("001.50"), []byte("text"), 0.5}
	var s session
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = s.entry(row, columns, 1) }))
}
