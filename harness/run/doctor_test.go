package run

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAPIAtLeast(t *testing.T) {
	for _, c := range []struct {
		have, want string
		enough     bool
	}{
		{"1.41", "1.41", true},
		{"1.40", "1.41", false},
		{"1.9", "1.41", false},
		{"1.100", "1.41", true},
		{"2.0", "1.41", true},
		{"0.99", "1.41", false},
		{"", "1.41", false},
		{"new", "1.41", false},
		{"1", "1.41", false},
		{"1.41", "", false},
	} {
		assert.Equal(t, c.enough, apiAtLeast(c.have, c.want), "%q against %q", c.have, c.want)
	}
}

// What is fine needs no advice.
func TestFinding(t *testing.T) {
	assert.Equal(t, Finding{Need: "x", Fine: true, Seen: "some"}, finding("x", true, "some", "get more"))
	assert.Equal(t, Finding{Need: "x", Seen: "none", Do: "get more"}, finding("x", false, "none", "get more"))
	assert.Empty(t, text(nil))
	assert.Equal(t, "too little", text(errors.New("too little")))
}

func TestDisk(t *testing.T) {
	here := disk(t.TempDir())
	assert.Contains(t, here.Seen, "free in")
	assert.Equal(t, here.Fine, here.Do == "")
	far := disk(t.TempDir() + "/of-another-machine")
	assert.True(t, far.Fine, "the check passes for an engine on another machine")
	assert.Contains(t, far.Seen, "cannot be told")
}
