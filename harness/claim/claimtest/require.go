package claimtest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Releases at both ends of what is supported.
var (
	Newest = release.MustParse("9.7.4")
	Oldest = release.MustParse("8.0.25")
)

// Broken is a way to break an observation, and the words of the violations that
// must follow.
type Broken[O any] struct {
	name  string
	with  func(O)
	words []string
}

// Break makes one.
func Break[O any](name string, with func(O), words []string) Broken[O] {
	return Broken[O]{name, with, words}
}

// RequireJudges checks one claim's judge: it holds what is good, finds every way in
// which that is broken, gives every code that the claim lists, gives the same
// on evidence that was kept, and takes an empty observation for not looked at.
func RequireJudges[T any, O interface {
	*T
	claim.Observation
}](t *testing.T, c claim.Claim, good func() O, cases []Broken[O]) {
	t.Helper()
	promised := secure.Published2021()
	n, unless := good().Seen()
	require.Positive(t, n, "the good observation must count: %s", unless)
	require.Empty(t, c.Judge(good(), promised, Newest))

	n, unless = c.Blank().Seen()
	require.Zero(t, n)
	require.NotEmpty(t, unless)

	reached := map[string]bool{}
	for _, b := range cases {
		t.Run(b.name, func(t *testing.T) {
			o := good()
			b.with(o)
			n, unless := o.Seen()
			require.Positive(t, n, "must be judged: %s", unless)
			got := c.Judge(o, promised, Newest)
			var have []string
			for _, v := range got {
				require.NotEmpty(t, v.Text)
				require.NotContains(t, v.Text, "\n")
				have = append(have, v.Code)
			}
			slices.Sort(have)
			require.Equal(t, claim.MakeCodes(c.ID, b.words...), slices.Compact(have))
			for _, code := range have {
				reached[code] = true
			}
			kept, err := json.Marshal(o)
			require.NoError(t, err)
			again, err := claim.Rejudge(c, kept, promised, Newest)
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
	for _, code := range c.Codes {
		require.True(t, reached[code], "no case reaches %s", code)
	}
}

// FindClaim finds one of the claims by its id.
func FindClaim(t *testing.T, all []claim.Claim, id string) claim.Claim {
	t.Helper()
	i := slices.IndexFunc(all, func(c claim.Claim) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	return all[i]
}

// RequireUnseen checks that observations count for nothing, and say why.
func RequireUnseen(t *testing.T, all map[string]claim.Observation) {
	t.Helper()
	for name, o := range all {
		n, unless := o.Seen()
		require.Zero(t, n, name)
		require.NotEmpty(t, unless, name)
	}
}

// RunOn looks at a pair for a claim, and judges.
func RunOn(t *testing.T, f *Pair, c claim.Claim) claim.Outcome {
	t.Helper()
	return claim.Run(t.Context(), c, f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
}

// RequireUses checks that a claim sees the same when all parts that it does not declare are
// gone: what it declares is what it uses. There is something to see on the pair.
func RequireUses(t *testing.T, c claim.Claim, pair func() *Pair) {
	t.Helper()
	look := func(s claim.Subject) claim.Outcome {
		o := claim.Run(t.Context(), c, s, evidence.At(t.TempDir()), secure.Published2021())
		o.Seconds = 0
		return o
	}
	all, bare := look(pair().Subject()), look(KeepParts(pair().Subject(), c.Uses))
	require.Equal(t, all, bare)
	require.Contains(t, []claim.Status{claim.Held, claim.Violated}, all.Status, all.Reason)
}

// RequireHeld checks that a claim held, and says why it did not.
func RequireHeld(t *testing.T, o claim.Outcome) {
	t.Helper()
	require.Equal(t, claim.Held, o.Status, "%s %v", o.Reason, o.Violations)
}

// KeepParts strips a subject of all parts but some.
func KeepParts(s claim.Subject, keep claim.Part) claim.Subject {
	o := claim.Subject{Spec: s.Spec}
	if keep&(claim.PartNetwork|claim.PartSQL) != 0 {
		server := func(side topology.Side) *replication.Server {
			x := *s.Server(side)
			if keep&claim.PartNetwork == 0 {
				x.Dial = nil
			}
			if keep&claim.PartSQL == 0 {
				x.DB, x.Login = nil, nil
			}
			return &x
		}
		o.Channel = replication.NewChannel(server(topology.Source), server(topology.Replica), s.Channel.Password)
	}
	for part, set := range map[claim.Part]func(){
		claim.PartKeys: func() { o.Keys = s.Keys }, claim.PartFiles: func() { o.Files = s.Files }, claim.PartHost: func() { o.Host = s.Host },
		claim.PartWire: func() { o.Wire = s.Wire }, claim.PartDisks: func() { o.Disks = s.Disks }, claim.PartWriters: func() { o.Writers = s.Writers },
	} {
		if keep&part != 0 {
			set()
		}
	}
	return o
}

// NewAuthority and issued make certificates for tests.
func NewAuthority(t *testing.T) *secure.Authority {
	t.Helper()
	a, err := secure.NewAuthority("test", time.Now())
	require.NoError(t, err)
	return a
}

// IssueCertificate makes a server's certificate for a host.
func IssueCertificate(t *testing.T, a *secure.Authority, host string) secure.Certificate {
	t.Helper()
	c, err := a.Issue(secure.Subject{CN: host, Names: []string{host}, Use: secure.Server})
	require.NoError(t, err)
	return c
}

// PairAddresses are those of a pair: 10.S.N.I, where S is 1 at the source and 2 at
// the replica, N is 1 on the cluster's network and 3 at the door. The link is 10.9.0.
func PairAddresses() []node.Address {
	var all []node.Address
	for i, side := range topology.Sides {
		s := string(rune('1' + i))
		at := func(ip, name string, role topology.Role, n topology.Network) {
			all = append(all, node.Address{IP: ip, Side: side, Node: name, Role: role, Network: n})
		}
		at("10."+s+".1.1", "", "", topology.ClusterNetwork)
		at("10."+s+".1.2", "mgm", topology.Mgmd, topology.ClusterNetwork)
		for d := range 4 {
			at("10."+s+".1.1"+string(rune('1'+d)), "ndb"+string(rune('1'+d)), topology.Ndbmtd, topology.ClusterNetwork)
		}
		at("10."+s+".1.20", "sql", topology.Mysqld, topology.ClusterNetwork)
		at("10."+s+".3.1", "", "", topology.DoorNetwork)
		at("10."+s+".3.2", "sql", topology.Mysqld, topology.DoorNetwork)
		at("10.9.0.1"+s, "sql", topology.Mysqld, topology.LinkNetwork)
	}
	return append(all, node.Address{IP: "10.9.0.1", Network: topology.LinkNetwork})
}
