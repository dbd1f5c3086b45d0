package release_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/release"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		release                                      string
		start, change, column, reset, skip, position string
		applierWaits                                 string
	}{
		{"8.0.22", "START SLAVE", "CHANGE MASTER TO", "Slave_IO_Running", "RESET MASTER", "skip_slave_start", "MASTER_POS_WAIT", "Slave has read all relay log; waiting for more updates"},
		{"8.0.23", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET MASTER", "skip_slave_start", "MASTER_POS_WAIT", "Slave has read all relay log; waiting for more updates"},
		{"8.0.25", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET MASTER", "skip_slave_start", "MASTER_POS_WAIT", "Slave has read all relay log; waiting for more updates"},
		{"8.0.44", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET MASTER", "skip_replica_start", "SOURCE_POS_WAIT", "Replica has read all relay log; waiting for more updates"},
		{"8.4.10", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET BINARY LOGS AND GTIDS", "skip_replica_start", "SOURCE_POS_WAIT", "Replica has read all relay log; waiting for more updates"},
		{"9.7.4", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET BINARY LOGS AND GTIDS", "skip_replica_start", "SOURCE_POS_WAIT", "Replica has read all relay log; waiting for more updates"},
		{"9.7.4-fix1", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET BINARY LOGS AND GTIDS", "skip_replica_start", "SOURCE_POS_WAIT", "Replica has read all relay log; waiting for more updates"},
		{"26.7.0", "START REPLICA", "CHANGE REPLICATION SOURCE TO", "Replica_IO_Running", "RESET BINARY LOGS AND GTIDS", "skip_replica_start", "SOURCE_POS_WAIT", "Replica has read all relay log; waiting for more updates"},
	} {
		w := release.MustParse(c.release).Words()
		assert.Equal(t, c.start, w.StartReplica, c.release)
		assert.Equal(t, c.change, w.ChangeSource, c.release)
		assert.Equal(t, c.column, w.IORunning, c.release)
		assert.Equal(t, c.reset, w.ResetBinaryLogs, c.release)
		assert.Equal(t, c.skip, w.SkipReplicaStart, c.release)
		assert.Equal(t, c.position, w.PositionWait, c.release)
		assert.Equal(t, c.applierWaits, w.ApplierWaits, c.release)
	}
}

// Of 8.4 on, the old words are errors: not one may be left, but in the names
// of privileges.
func TestNoOldWordsFrom84(t *testing.T) {
	for _, s := range []string{"8.4.0", "9.7.4", "26.7.0"} {
		for field, word := range fields(release.MustParse(s).Words()) {
			if strings.HasPrefix(field, "Replication") {
				continue
			}
			assert.NotRegexp(t, `(?i)slave|master`, word, "%s of %s", field, s)
		}
	}
}

// Statements of 8.0.22 and before must not know the new words, and no word of
// any release may be missing.
func TestOldWordsBefore8023(t *testing.T) {
	for field, word := range fields(release.MustParse("8.0.22").Words()) {
		assert.NotRegexp(t, `(?i)replica\b|replica_|source`, word, field)
	}
	for _, s := range []string{"8.0.22", "8.0.25", "8.0.44", "8.4.10", "9.7.4", "26.7.0"} {
		for field, word := range fields(release.MustParse(s).Words()) {
			assert.NotEmpty(t, word, "%s of %s", field, s)
		}
	}
}

func fields(v any) map[string]string {
	out := map[string]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if f.Type.Kind() == reflect.String {
			out[f.Name] = reflect.ValueOf(v).FieldByIndex(f.Index).String()
		}
	}
	return out
}
