package replication

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWaitingForAReplicaIsPointless(t *testing.T) {
	status := func(receiver, applier string, number uint64, message string) Status {
		return Status{Configured: true, Receiver: receiver, Applier: applier, ReceiverErr: LastError{number, message}}
	}
	refused := func(retries int) string {
		return fmt.Sprintf("error connecting to source 'user1@source:3306' - retry-time: 1 retries: %d message: Access denied", retries)
	}
	for _, c := range []struct {
		what   string
		status Status
		want   string
	}{
		{"no channel", Status{}, "no channel"},
		{"applier stopped", status("Yes", "No", 0, ""), "the applier has stopped"},
		{"receiver stopped", status("No", "Yes", 0, ""), "the receiver has stopped"},
		{"running", status("Yes", "Yes", 0, ""), ""},
		{"connecting for the first time", status("Connecting", "Yes", 0, ""), ""},
		{"refused, as it was before", status("Connecting", "Yes", 1045, refused(300)), ""},
		{"an error of yesterday", status("Yes", "Yes", 1045, refused(300)), ""},
	} {
		if got := new(waiting).hopeless(c.status); c.want == "" {
			assert.NoError(t, got, c.what)
		} else {
			assert.ErrorContains(t, got, c.want, c.what)
		}
	}
	for errno, want := range map[uint64]string{1045: "the receiver was refused 3 times", 2026: "the receiver was refused 3 times", 2003: ""} {
		var seen waiting
		for n := 7; n < 10; n++ {
			assert.NoError(t, seen.hopeless(status("Connecting", "Yes", errno, refused(n))))
		}
		got := seen.hopeless(status("Connecting", "Yes", errno, refused(10)))
		if want == "" {
			assert.NoError(t, got)
		} else {
			assert.EqualError(t, got, want)
		}
		assert.NoError(t, seen.hopeless(status("Yes", "Yes", 0, "")))
		assert.NoError(t, seen.hopeless(status("Connecting", "Yes", errno, refused(10))), "it had connected between")
	}
}
