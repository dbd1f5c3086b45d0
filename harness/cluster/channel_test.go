package cluster

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/release"
)

func TestWaitingForAReplicaIsPointless(t *testing.T) {
	for _, r := range []string{"8.0.21", "9.7.4"} {
		w := release.MustParse(r).Words()
		status := func(receiver, applier, errno, message string) map[string]string {
			return map[string]string{w.IORunning: receiver, w.SQLRunning: applier, w.LastIOErrno: errno, w.LastIOError: message}
		}
		refused := func(retries int) string {
			return fmt.Sprintf("error connecting to source 'user1@source:3306' - retry-time: 1 retries: %d message: Access denied", retries)
		}
		for _, c := range []struct {
			what   string
			status map[string]string
			want   string
		}{
			{"no channel", nil, "no channel"},
			{"applier stopped", status("Yes", "No", "0", ""), "the applier has stopped"},
			{"receiver stopped", status("No", "Yes", "0", ""), "the receiver has stopped"},
			{"running", status("Yes", "Yes", "0", ""), ""},
			{"connecting for the first time", status("Connecting", "Yes", "0", ""), ""},
			{"refused, as it was before", status("Connecting", "Yes", "1045", refused(300)), ""},
			{"an error of yesterday", status("Yes", "Yes", "1045", refused(300)), ""},
		} {
			if got := new(refusals).hopeless(c.status, w); c.want == "" {
				assert.Empty(t, got, c.what)
			} else {
				assert.Contains(t, got, c.want, c.what)
			}
		}
		for errno, want := range map[string]string{"1045": "the receiver was refused 3 times", "2026": "the receiver was refused 3 times", "2003": ""} {
			var seen refusals
			for n := 7; n < 10; n++ {
				assert.Empty(t, seen.hopeless(status("Connecting", "Yes", errno, refused(n)), w))
			}
			assert.Equal(t, want, seen.hopeless(status("Connecting", "Yes", errno, refused(10)), w))
			assert.Empty(t, seen.hopeless(status("Yes", "Yes", "0", ""), w))
			assert.Empty(t, seen.hopeless(status("Connecting", "Yes", errno, refused(10)), w), "it had connected between")
		}
	}
}
