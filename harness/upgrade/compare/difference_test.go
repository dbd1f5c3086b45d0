package compare

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// Every rule of Compare: what is changed, and the one difference that follows.
func TestCompare(t *testing.T) {
	const both = "replica sql, source sql"
	for name, c := range map[string]struct {
		change func(*Snapshot)
		want   Difference
	}{
		"a claim is violated": {
			func(s *Snapshot) {
				s.Claims[0].Status, s.Claims[0].Violations = evidence.Violated, []evidence.Violation{{Code: "channel.tls.plain", Text: "no TLS"}}
			},
			Difference{Area: AreaClaim, Name: "channel.tls", From: "held", To: "violated", Why: "no TLS (channel.tls.plain)", Fails: true},
		},
		"a claim is not looked at": {
			func(s *Snapshot) { s.Claims[0].Status, s.Claims[0].Reason = evidence.NotLooked, "no channel" },
			Difference{Area: AreaClaim, Name: "channel.tls", From: "held", To: "not-looked", Why: "no channel", Fails: true},
		},
		"a claim does not apply any more": {
			func(s *Snapshot) {
				s.Claims[0].Status, s.Claims[0].Reason = evidence.NotApplicable, "needs a channel"
			},
			Difference{Area: AreaClaim, Name: "channel.tls", From: "held", To: "not-applicable", Why: "needs a channel", Fails: true},
		},
		"a claim is missing": {
			func(s *Snapshot) { s.Claims = s.Claims[1:] },
			Difference{Area: AreaClaim, Name: "channel.tls", From: "held", To: Absent, Why: "it was not judged", Fails: true},
		},
		"a claim begins to apply and holds": {
			func(s *Snapshot) { s.Claims[2].Status = evidence.Held },
			Difference{Area: AreaClaim, Name: "logs.plugin", From: "not-applicable", To: "held"},
		},
		"a new claim is violated": {
			func(s *Snapshot) {
				s.Claims = append(s.Claims, evidence.Outcome{ID: "new", Status: evidence.Violated})
			},
			Difference{Area: AreaClaim, Name: "new", From: Absent, To: "violated", Why: "no reason was given", Fails: true},
		},
		"a gap opens": {
			func(s *Snapshot) { s.Gaps[1].Status, s.Gaps[1].Text = evidence.GapOpen, "no CA" },
			Difference{Area: AreaGap, Name: "G5", From: "closed", To: "open", Why: "the channel does not check its source's certificate: no CA", Fails: true},
		},
		"a gap is not looked at": {
			func(s *Snapshot) {
				s.Gaps[1] = evidence.GapResult{ID: "G5", Title: "t", Status: evidence.GapOpen, Text: "not looked at: x"}
			},
			Difference{Area: AreaGap, Name: "G5", From: "closed", To: "not-looked", Why: "t: not looked at: x", Fails: true},
		},
		"a gap is missing": {
			func(s *Snapshot) { s.Gaps = s.Gaps[:1] },
			Difference{Area: AreaGap, Name: "G5", From: "closed", To: Absent, Fails: true},
		},
		"a gap is closed": {
			func(s *Snapshot) { s.Gaps[0].Status, s.Gaps[0].Text = evidence.GapClosed, "encrypted" },
			Difference{Area: AreaGap, Name: "G1", From: "open", To: "closed", Why: "data nodes' files hold rows in clear: encrypted"},
		},
		"a privilege is new": {
			func(s *Snapshot) { s.Privileges["source"] = append(s.Privileges["source"], "X_ADMIN") },
			Difference{Area: AreaPrivilege, Where: "source", Name: "X_ADMIN", From: Absent, To: "known", Why: "new in this release"},
		},
		"a privilege is dropped": {
			func(s *Snapshot) { s.Privileges["source"] = s.Privileges["source"][1:] },
			Difference{Area: AreaPrivilege, Where: "source", Name: "Select", From: "known", To: Absent, Why: "dropped by this release", Fails: true},
		},
		"an account gets more": {
			func(s *Snapshot) {
				s.Grants["source user1@%"][1] = "GRANT SELECT, INSERT, UPDATE, DELETE, DROP ON `test1`.* TO `user1`@`%`"
			},
			Difference{Area: AreaGrant, Where: "source user1@%", Name: "DROP ON `test1`.*", From: Absent, To: "granted", Why: "the account may do more", Fails: true},
		},
		"an account gets less": {
			func(s *Snapshot) {
				s.Grants["source user1@%"][1] = "GRANT INSERT, UPDATE, DELETE ON `test1`.* TO `user1`@`%`"
			},
			Difference{Area: AreaGrant, Where: "source user1@%", Name: "SELECT ON `test1`.*", From: "granted", To: Absent, Why: "the account may do less", Fails: true},
		},
		"an account may grant": {
			func(s *Snapshot) { s.Grants["source user1@%"][1] += " WITH GRANT OPTION" },
			Difference{Area: AreaGrant, Where: "source user1@%", Name: "GRANT OPTION ON `test1`.*", From: Absent, To: "granted", Why: "the account may do more", Fails: true},
		},
		"an account gets a role": {
			func(s *Snapshot) {
				s.Grants["replica user1@%"] = append(s.Grants["replica user1@%"], "GRANT `r`@`%` TO `user1`@`%`")
			},
			Difference{Area: AreaGrant, Where: "replica user1@%", Name: "GRANT `r`@`%` TO `user1`@`%`", From: Absent, To: "granted", Why: "the account may do more", Fails: true},
		},
		"an account is gone": {
			func(s *Snapshot) { delete(s.Grants, "source user1@%") },
			Difference{Area: AreaGrant, Where: "source user1@%", Name: "account", From: "there", To: Absent, Why: "the account is gone", Fails: true},
		},
		"an account is new": {
			func(s *Snapshot) { s.Grants["replica x@%"] = []string{"GRANT USAGE ON *.* TO `x`@`%`"} },
			Difference{Area: AreaGrant, Where: "replica x@%", Name: "account", From: Absent, To: "there", Why: "a new account, with USAGE ON *.*", Fails: true},
		},
		"a suite is new": {
			func(s *Snapshot) {
				s.TLS = append(s.TLS, Negotiated{topology.Source, "channel", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"})
			},
			Difference{Area: AreaTLS, Where: "source channel", Name: "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256", From: Absent, To: "negotiated"},
		},
		"a weak suite is taken": {
			func(s *Snapshot) {
				s.TLS = append(s.TLS, Negotiated{topology.Source, "client", "TLSv1.2", "TLS_ECDHE_RSA_WITH_RC4_128_SHA"})
			},
			Difference{
				Area: AreaTLS, Where: "source client", Name: "TLSv1.2 TLS_ECDHE_RSA_WITH_RC4_128_SHA", From: Absent, To: "negotiated",
				Why: "a weak suite, which was refused before", Fails: true,
			},
		},
		"a component is gone": {
			func(s *Snapshot) { s.Components["source"] = s.Components["source"][:3] },
			Difference{
				Area: AreaComponent, Where: "source", Name: "file://component_validate_password", From: "there", To: Absent,
				Why: "what was installed as a component (passwords, audit) is a part of the protection", Fails: true,
			},
		},
		"the keyring is not active": {
			func(s *Snapshot) { s.Components["source"][1] = "Component_status Disabled" },
			Difference{Area: AreaComponent, Where: "source", Name: "Component_status", From: "Active", To: "Disabled", Why: keyring, Fails: true},
		},
		"a component has another version": {
			func(s *Snapshot) { s.Components["source"][2] = "Version 1.1" },
			Difference{Area: AreaComponent, Where: "source", Name: "Version", From: "1.0", To: "1.1"},
		},
		"a plugin is gone": {
			func(s *Snapshot) { s.Plugins["source"] = s.Plugins["source"][:2] },
			Difference{Area: AreaPlugin, Where: "source", Name: "mysql_native_password", From: "1.1 DISABLED", To: Absent},
		},
		"a plugin that is needed is off": {
			func(s *Snapshot) { s.Plugins["source"][0] = "ndbcluster 1.0 DISABLED" },
			Difference{Area: AreaPlugin, Where: "source", Name: "ndbcluster", From: "1.0 ACTIVE", To: "1.0 DISABLED", Why: "without it there is no NDB", Fails: true},
		},
		"a variable changes": {
			func(s *Snapshot) { s.Variables["source sql"]["max_connections"] = "200" },
			Difference{Area: AreaVariable, Where: "source sql", Name: "max_connections", From: "151", To: "200"},
		},
		"a variable is new on both servers": {
			func(s *Snapshot) {
				for _, v := range s.Variables {
					v["ssl_new"] = ""
				}
			},
			Difference{Area: AreaVariable, Where: both, Name: "ssl_new", From: Absent, To: ""},
		},
		"a variable is gone": {
			func(s *Snapshot) { delete(s.Variables["source sql"], "max_connections") },
			Difference{Area: AreaVariable, Where: "source sql", Name: "max_connections", From: "151", To: Absent},
		},
		"a variable of the protection changes": {
			func(s *Snapshot) { s.Variables["replica sql"]["require_secure_transport"] = "OFF" },
			Difference{Area: AreaVariable, Where: "replica sql", Name: "require_secure_transport", From: "ON", To: "OFF", Why: plainWay, Fails: true},
		},
		"a variable of the protection is gone": {
			func(s *Snapshot) { delete(s.Variables["source sql"], "ssl_cipher") },
			Difference{Area: AreaVariable, Where: "source sql", Name: "ssl_cipher", From: "", To: Absent, Why: howStrong, Fails: true},
		},
		"a variable that differs by nature": {
			func(s *Snapshot) { s.Variables["source sql"]["hostname"] = "ba9876543210" },
			Difference{
				Area: AreaVariable, Where: "source sql", Name: "hostname", From: "0123456789ab", To: "ba9876543210",
				Ignored: "the id of the container, which is a new one for every image",
			},
		},
		"a parameter changes": {
			func(s *Snapshot) { s.Config["source ndb2"]["DataMemory"] = "1" },
			Difference{Area: AreaConfig, Where: "source ndb2", Name: "DataMemory", From: "67108864", To: "1"},
		},
		"a parameter of the protection changes": {
			func(s *Snapshot) { s.Config["source ndb2"]["RequireTls"] = "1" },
			Difference{Area: AreaConfig, Where: "source ndb2", Name: "RequireTls", From: "0", To: "1", Why: nodeTLS, Fails: true},
		},
		"a start is slow": {
			func(s *Snapshot) { s.StartSeconds["source ndb1"] = 41 },
			Difference{Area: AreaStart, Where: "source ndb1", Name: "time to readiness", From: "20.0 s", To: "41.0 s", Why: "allowed is up to 2x, or 5 s more", Fails: true},
		},
		"throughput falls": {
			func(s *Snapshot) { s.Throughput = 399 },
			Difference{Area: AreaThroughput, Name: "acknowledged writes", From: "800.0 writes/s", To: "399.0 writes/s", Why: "allowed is at least 0.5x", Fails: true},
		},
		"lag grows": {
			func(s *Snapshot) { s.LagSeconds = 5.5 },
			Difference{Area: AreaLag, Name: "mean replication lag", From: "0.4 s", To: "5.5 s", Why: "allowed is up to 5 s more", Fails: true},
		},
	} {
		assert.Equal(t, []Difference{c.want}, Compare(snapshot(), changed(t, c.change), Reviewed()), name)
	}
}

// What is in the tolerance, or means the same, is no difference.
func TestNoDifference(t *testing.T) {
	for name, change := range map[string]func(*Snapshot){
		"a start in the tolerance":   func(s *Snapshot) { s.StartSeconds["source ndb1"] = 40 },
		"a short start that doubles": func(s *Snapshot) { s.StartSeconds["source mgm"] = 5.9 },
		"throughput at the bound":    func(s *Snapshot) { s.Throughput = 400 },
		"lag at the bound":           func(s *Snapshot) { s.LagSeconds = 5.4 },
		"the order of privileges": func(s *Snapshot) {
			s.Grants["source user1@%"] = []string{"GRANT DELETE, UPDATE, INSERT, SELECT ON `test1`.* TO `user1`@`%`", "GRANT USAGE ON *.* TO `user1`@`%`"}
		},
		"the order of lists": func(s *Snapshot) {
			slices.Reverse(s.Components["source"])
			slices.Reverse(s.Plugins["source"])
			slices.Reverse(s.Privileges["source"])
			slices.Reverse(s.TLS)
			slices.Reverse(s.Claims)
			slices.Reverse(s.Gaps)
		},
		"a place that only one release reports": func(s *Snapshot) {
			delete(s.Variables, "source sql")
			delete(s.Grants, "replica user1@%")
			s.Config, s.TLS = nil, s.TLS[:2]
		},
	} {
		assert.Empty(t, Compare(snapshot(), changed(t, change), nil), name)
	}
}

// The claim about rows is judged once the writers have stopped: that it holds at the
// end, and was not judged before, is no difference, nor is what follows from it.
func TestWhatIsJudgedAtTheEnd(t *testing.T) {
	before := changed(t, func(s *Snapshot) {
		s.Claims = s.Claims[1:]
		s.Gaps[1].Status, s.Gaps[1].Evidence = evidence.GapOpen, ""
	})
	require.Empty(t, Compare(before, snapshot(), nil))
	lost := Compare(snapshot(), before, nil)
	require.Len(t, lost, 2)
	assert.True(t, lost[0].Fails && lost[1].Fails)
}

// An ignored difference never fails, and no list can hide a claim.
func TestIgnored(t *testing.T) {
	to := changed(t, func(s *Snapshot) {
		s.Variables["source sql"]["require_secure_transport"] = "OFF"
		s.Claims[0].Status = evidence.Violated
	})
	all := Compare(snapshot(), to, Ignored{
		{Area: AreaVariable, Where: "source *", Name: "require_*", Reason: "as agreed"},
		{Area: AreaClaim, Name: "*", Reason: "no"},
	})
	require.Len(t, all, 2)
	assert.True(t, all[0].Fails, all[0])
	assert.Equal(t, AreaClaim, all[0].Area)
	assert.Equal(t, "as agreed", all[1].Ignored)
	assert.False(t, all[1].Fails)
	other := Compare(snapshot(), to, Ignored{{Area: AreaVariable, Where: "replica *", Name: "require_*", Reason: "elsewhere"}})
	assert.True(t, slices.ContainsFunc(other, func(d Difference) bool { return d.Area == AreaVariable && d.Fails }))
}

func TestIgnoredListsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[{"area":"variable","name":"x","reason":"  "}]`:       "entry 1 (variable x) has no reason",
		`[{"area":"variable","name":"","reason":"y"}]`:         "no area that is known, or no name",
		`[{"area":"nothing","name":"x","reason":"y"}]`:         "no area that is known, or no name",
		`[{"area":"claim","name":"x","reason":"y"}]`:           "claims are never ignored",
		`[{"area":"gap","name":"x","reason":"y","because":1}]`: "unknown field",
		`{`: "read the list of ignored differences",
	} {
		_, err := parseIgnored([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

// The lists of this repository: each entry has a reason, none stands there
// twice, and none that differs by nature is one of the protection.
func TestListsOfThisRepository(t *testing.T) {
	reviewed, err := parseIgnored(ignoredText)
	require.NoError(t, err)
	require.NotEmpty(t, reviewed)
	assert.Equal(t, reviewed, Reviewed())
	seen := map[Rule]bool{}
	for _, r := range slices.Concat(reviewed, relevant) {
		assert.NotEmpty(t, strings.TrimSpace(r.Reason), "%s %s", r.Area, r.Name)
		assert.Less(t, r.Area.order(), len(areas), "%s %s", r.Area, r.Name)
		key := Rule{Area: r.Area, Where: r.Where, Name: r.Name}
		assert.False(t, seen[key], "twice %s %s", r.Area, r.Name)
		seen[key] = true
	}
	for _, r := range relevant {
		assert.Empty(t, reviewed.reason(Difference{Area: r.Area, Name: strings.ReplaceAll(r.Name, "*", "x")}), "%s is ignored", r.Name)
	}
	for _, name := range []string{
		"require_secure_transport", "tls_version", "tls_ciphersuites", "ssl_ca", "binlog_encryption", "ndb_log_bin",
		"default_table_encryption", "authentication_policy", "server_uuid",
	} {
		assert.NotEmpty(t, find(relevant, Difference{Area: AreaVariable, Name: name}), name)
	}
}

func TestLike(t *testing.T) {
	for _, yes := range [][2]string{{"a", "a"}, {"*", ""}, {"a*", "a"}, {"a*c", "abcc"}, {"*b*", "abc"}, {"a.*", "a.b"}, {"version_*", "version_comment"}} {
		assert.True(t, like(yes[0], yes[1]), yes)
	}
	for _, no := range [][2]string{{"a", "ab"}, {"a*c", "abd"}, {"a.*", "axb"}, {"*b", "abc"}, {"", "a"}} {
		assert.False(t, like(no[0], no[1]), no)
	}
}

// arbitrary draws a snapshot.
func arbitrary(t *rapid.T) Snapshot {
	word := rapid.StringMatching(`[a-z_@%]{1,6}`)
	s := changed(t, func(*Snapshot) {})
	s.Variables["source sql"] = rapid.MapOf(word, rapid.String()).Draw(t, "variables")
	s.Config["source ndb1"] = rapid.MapOf(word, rapid.String()).Draw(t, "config")
	s.Grants["source x@%"] = rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching("GRANT [A-Z, ()]{1,9} ON `[a-z]`\\.\\* TO `u`@`%`"))).Draw(t, "grants")
	s.Privileges["source"] = rapid.SliceOf(word).Draw(t, "privileges")
	s.Components["source"] = rapid.SliceOf(rapid.String()).Draw(t, "components")
	s.Plugins["source"] = rapid.SliceOf(rapid.StringMatching(`[a-z]{1,3} [0-9]\.[0-9] [A-Z]{2}`)).Draw(t, "plugins")
	s.Messages["source sql"] = rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`2026-11-24T02:15:00Z 0 \[(Warning|ERROR|System)\] \[MY-01[0-9]{4}\] \[Server\] .*`))).Draw(t, "messages")
	s.Throughput = rapid.Float64Range(0, 1e6).Draw(t, "throughput")
	s.LagSeconds = rapid.Float64Range(0, 1e6).Draw(t, "lag")
	for i := range s.Claims {
		s.Claims[i].Status = rapid.SampledFrom([]evidence.Status{evidence.Held, evidence.Violated, evidence.NotLooked, evidence.NotApplicable, "x"}).Draw(t, "claim")
	}
	for i := range s.Gaps {
		s.Gaps[i].Status = rapid.SampledFrom([]evidence.GapStatus{evidence.GapOpen, evidence.GapClosed}).Draw(t, "gap")
		s.Gaps[i].Evidence = rapid.SampledFrom([]string{"", "claims/x.json"}).Draw(t, "evidence")
	}
	return s
}

func TestNothingDiffersFromItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := arbitrary(t)
		require.Empty(t, Compare(s, s, nil))
		require.Empty(t, Compare(s, again(t, s), nil), "nor from what is read back")
	})
}

// The order of the answer does not hang on the order of maps, and what fails
// comes first.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := arbitrary(t), arbitrary(t)
		all := Compare(from, to, Reviewed())
		require.Equal(t, all, Compare(again(t, from), again(t, to), Reviewed()))
		require.True(t, slices.IsSortedFunc(all, func(a, b Difference) int { return a.rank() - b.rank() }))
	})
}

// What one side does not tell of has no difference, and a row that says so.
func TestWhatWasNotSeenIsBlind(t *testing.T) {
	blind := func(from, to Snapshot) []string {
		var out []string
		for _, l := range look(from, to) {
			if l.blind() {
				out = append(out, string(l.Area)+" "+l.Where)
			}
		}
		return out
	}
	assert.Empty(t, blind(snapshot(), snapshot()))
	for name, change := range map[string]func(*Snapshot){
		"claim ": func(s *Snapshot) { s.Claims = nil }, "gap ": func(s *Snapshot) { s.Gaps = nil },
		"grant replica":    func(s *Snapshot) { delete(s.Grants, "replica user1@%") },
		"privilege source": func(s *Snapshot) { delete(s.Privileges, "source") },
		"tls source channel": func(s *Snapshot) {
			s.TLS = s.TLS[:2]
		},
		"plugin source":       func(s *Snapshot) { delete(s.Plugins, "source") },
		"variable source sql": func(s *Snapshot) { delete(s.Variables, "source sql") },
		"config replica ndb1": func(s *Snapshot) { s.Config["replica ndb1"] = nil },
		"message source ndb1": func(s *Snapshot) { delete(s.Messages, "source ndb1") },
		"message replica sql": func(s *Snapshot) { s.Messages["replica sql"] = []string{`{"prio":2,"msg":"x"}`, ""} },
		"start source sql":    func(s *Snapshot) { delete(s.StartSeconds, "source sql") },
		"throughput ":         func(s *Snapshot) { s.Throughput = 0 },
	} {
		assert.Equal(t, []string{name}, blind(snapshot(), changed(t, change)))
		assert.Equal(t, []string{name}, blind(changed(t, change), snapshot()))
	}
	nothing := []string{"claim ", "gap ", "grant ", "privilege ", "tls ", "plugin ", "variable ", "config ", "message ", "start ", "throughput "}
	assert.Equal(t, nothing, blind(Snapshot{}, Snapshot{}), "two empty snapshots are alike, and prove nothing")
}
