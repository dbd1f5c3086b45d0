package epoch

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const binlogStatus = "latest_epoch=8589934594, latest_trans_epoch=0, latest_received_binlog_epoch=73014444042, " +
	"latest_handled_binlog_epoch=73014444041, latest_applied_binlog_epoch=68719476736"

func TestParseBinlog(t *testing.T) {
	b, err := ParseBinlog(binlogStatus)
	require.NoError(t, err)
	assert.Equal(t, Binlog{
		Latest: 8589934594, LatestTrans: 0, LatestReceived: 73014444042,
		LatestHandled: 73014444041, LatestApplied: 68719476736,
	}, b)
	assert.Equal(t, "17/9", b.LatestHandled.String())
}

func TestParseBinlogRefuses(t *testing.T) {
	for name, c := range map[string]struct{ status, want string }{
		"nothing":         {"", "parse SHOW ENGINE NDB STATUS: no latest_"},
		"a field missing": {"latest_epoch=1, latest_trans_epoch=1, latest_received_binlog_epoch=1, latest_applied_binlog_epoch=1", "no latest_handled_binlog_epoch"},
		"not a number": {
			"latest_epoch=1, latest_trans_epoch=1, latest_received_binlog_epoch=1, latest_handled_binlog_epoch=x, latest_applied_binlog_epoch=1",
			"no latest_handled_binlog_epoch",
		},
		"too large": {"latest_epoch=18446744073709551616", "parse latest_epoch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseBinlog(c.status)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestEpochHalves(t *testing.T) {
	e := Epoch(math.MaxUint64)
	assert.EqualValues(t, math.MaxUint32, e.GCI())
	assert.EqualValues(t, math.MaxUint32, e.Micro())
	assert.Equal(t, "2/2", Epoch(8589934594).String())
}

func FuzzParseBinlog(f *testing.F) {
	f.Add(binlogStatus)
	f.Add("latest_epoch=, latest_trans_epoch=-1")
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := ParseBinlog(s); err != nil {
			assert.Zero(t, b)
		}
	})
}
