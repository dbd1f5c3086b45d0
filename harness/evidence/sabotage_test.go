package evidence

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// broken is a run with a matrix that has something of everything.
func broken() Results {
	r := example()
	r.Claims = claims(3)
	r.Sabotage = &Sabotage{
		Claims: []string{"channel.certificates", "channel.tls", "logs.relaylog-encrypted", "logs.plugin"},
		Rows: []SabotageRow{
			{
				Name: "server certificate of another CA", Claim: "channel.certificates", Effect: "disturbs", Want: "channel.certificates.untrusted",
				Got: []string{"channel.certificates.untrusted"}, Also: []string{"channel.tls"}, Done: true, Caught: true, Healed: true, Seconds: 7.25,
				Cells:    []Status{Violated, NotLooked, "", NotApplicable},
				Fell:     []Fall{{"channel.certificates", Violated, []string{"source: strange (channel.certificates.untrusted)"}}, {"channel.tls", NotLooked, []string{"no login"}}},
				Evidence: "sabotage/01",
			},
			{
				Name: "channel | without TLS", Claim: "channel.tls", Effect: "disturbs", Want: "channel.tls.plain", Done: true, Healed: true,
				Reason: "the claim held", Cells: []Status{Held, Held, "", NotApplicable}, Seconds: 4,
			},
			{
				Name: "clear relay log", Claim: "logs.relaylog-encrypted", Effect: "disturbs", Want: "logs.relaylog-encrypted.clear", Done: true, Caught: true,
				FalseAlarms: []string{"channel.tls"}, Cells: []Status{Held, Violated, Violated, NotApplicable}, Seconds: 90,
				Fell:    []Fall{{"channel.tls", Violated, []string{"plain", "no CA"}}, {"logs.relaylog-encrypted", Violated, []string{"clear"}}},
				Trouble: "the claims still fall",
			},
			{
				Name: "keyring absent", Claim: "logs.plugin", Effect: "restarts", Want: "logs.plugin.inactive", Healed: true,
				Reason: "not done: source sql died (exit 2)", Cells: make([]Status, 4), Seconds: 61,
			},
		},
		Controls: []SabotageControl{
			{After: "disturbs", Cells: []Status{Held, Held, Held, NotApplicable}, Seconds: 9},
			{After: "restarts", Cells: []Status{Held, Held, NotLooked, NotApplicable}, Seconds: 9, Fell: []Fall{{"logs.relaylog-encrypted", NotLooked, []string{"there was none"}}}},
		},
	}
	*r.Sabotage = r.Sabotage.Scored(5)
	return Conclude(r, nil)
}

func TestScore(t *testing.T) {
	s := broken().Sabotage
	assert.Equal(t, "caught 2/5, false alarms 2, 1 did not heal", s.Score())
	assert.Equal(t, "caught 0/0, false alarms 0", (&Sabotage{}).Score())
	words := []string{}
	for _, r := range s.Rows {
		words = append(words, r.Word())
	}
	assert.Equal(t, []string{"caught", "not caught", "false alarm", "not done"}, words)
	assert.Len(t, s.Bad(), 3)
	assert.Empty(t, s.Rows[0].Details())
}

func TestMatrixDecidesTheExit(t *testing.T) {
	caught := SabotageRow{Name: "a", Claim: "rows.0", Done: true, Caught: true, Healed: true}
	alarm := caught
	alarm.FalseAlarms = []string{"rows.1"}
	sick := caught
	sick.Healed, sick.Trouble = false, "it is slow"
	for name, tt := range map[string]struct {
		rows     []SabotageRow
		controls []SabotageControl
		total    int
		exit     Exit
		headline string
	}{
		"all caught":     {[]SabotageRow{caught}, nil, 1, ExitHeld, "9.7.4: 2 of 2 claims held; sabotage: caught 1/1, false alarms 0"},
		"did not heal":   {[]SabotageRow{sick}, nil, 1, ExitHeld, "9.7.4: 2 of 2 claims held; sabotage: caught 1/1, false alarms 0, 1 did not heal"},
		"missed":         {[]SabotageRow{caught, {Name: "b", Done: true, Healed: true}}, nil, 2, ExitViolated, "9.7.4: sabotage: caught 1/2, false alarms 0; 2 of 2 claims held"},
		"not done":       {[]SabotageRow{{Name: "b", Healed: true}}, nil, 1, ExitViolated, "9.7.4: sabotage: caught 0/1, false alarms 0; 2 of 2 claims held"},
		"false alarm":    {[]SabotageRow{alarm}, nil, 1, ExitViolated, "9.7.4: sabotage: caught 1/1, false alarms 1; 2 of 2 claims held"},
		"control falls":  {[]SabotageRow{caught}, []SabotageControl{{Fell: []Fall{{Claim: "x"}}}}, 1, ExitViolated, "9.7.4: sabotage: caught 1/1, false alarms 1; 2 of 2 claims held"},
		"not to the end": {[]SabotageRow{caught}, nil, 2, ExitNotLooked, "9.7.4: sabotage: caught 1/2, false alarms 0; 2 of 2 claims held"},
		"nothing":        {nil, nil, 0, ExitNotLooked, "9.7.4: sabotage: caught 0/0, false alarms 0; 2 of 2 claims held"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Sabotage{Rows: tt.rows, Controls: tt.controls}.Scored(tt.total)
			r := Conclude(Results{Release: "9.7.4", Claims: claims(2), Sabotage: &s, Provenance: Provenance{Listed: true}}, nil)
			assert.Equal(t, tt.exit, r.Exit)
			assert.Equal(t, tt.headline, r.Verdict.Headline)
		})
	}
}

func TestMatrixHasNoNull(t *testing.T) {
	b, err := json.Marshal(Sabotage{Rows: []SabotageRow{{}}, Controls: []SabotageControl{{}}})
	require.NoError(t, err)
	assert.NotContains(t, string(b), "null")
	b, err = json.Marshal(Sabotage{})
	require.NoError(t, err)
	assert.NotContains(t, string(b), "null")
	var back Sabotage
	want, err := json.Marshal(broken().Sabotage)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(want, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(again))
}
