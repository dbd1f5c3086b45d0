package claim

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/parity"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

var (
	newest = release.MustParse("9.7.4")
	oldest = release.MustParse("8.0.25")
)

// broken is a way to break an observation, and the words of the violations that
// must follow.
type broken[O any] struct {
	name  string
	with  func(O)
	words []string
}

// judges checks one claim's judge: it holds what is good, finds every way in
// which that is broken, gives every code that the claim lists, gives the same
// on evidence that was kept, and takes an empty observation for not looked at.
func judges[T any, O interface {
	*T
	Observation
}](t *testing.T, id string, good func() O, cases []broken[O]) {
	t.Helper()
	c := byID(t, id)
	seed := secure.Seed2021()
	n, unless := good().Seen()
	require.Positive(t, n, "the good observation must count: %s", unless)
	require.Empty(t, c.Judge(good(), seed, newest))

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
			got := c.Judge(o, seed, newest)
			var have []string
			for _, v := range got {
				require.NotEmpty(t, v.Text)
				require.NotContains(t, v.Text, "\n")
				have = append(have, v.Code)
			}
			slices.Sort(have)
			require.Equal(t, codes(id, b.words...), slices.Compact(have))
			for _, code := range have {
				reached[code] = true
			}
			kept, err := json.Marshal(o)
			require.NoError(t, err)
			again, err := Rejudge(c, kept, seed, newest)
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
	for _, code := range c.Codes {
		require.True(t, reached[code], "no case reaches %s", code)
	}
}

func byID(t *testing.T, id string) Claim {
	t.Helper()
	all := All()
	i := slices.IndexFunc(all, func(c Claim) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	return all[i]
}

// unseen checks that observations count for nothing, and say why.
func unseen(t *testing.T, all map[string]Observation) {
	t.Helper()
	for name, o := range all {
		n, unless := o.Seen()
		require.Zero(t, n, name)
		require.NotEmpty(t, unless, name)
	}
}

// second is the reason of Seen.
func second(_ int, unless string) string { return unless }

func stat(path string, mode uint32, uid int) node.Stat {
	return node.Stat{Path: path, Mode: fileMode(mode), UID: uid, GID: uid, Size: 100}
}

func goodFiles() *Secrecy {
	server := func(side topology.Side) ServerFiles {
		f := ServerFiles{Side: side, Node: "sql", UID: 27, Wanted: wantedFiles(side)}
		f.sort([]node.Stat{
			stat(topology.TLSDir+"/ca.pem", 0o644, 0), stat(topology.TLSDir+"/server-cert.pem", 0o644, 0),
			stat(topology.TLSDir+"/server-key.pem", 0o600, 27), stat(topology.TLSDir+"/client-cert.pem", 0o644, 0),
			stat(topology.TLSDir+"/client-key.pem", 0o400, 27), stat(topology.DataDir+"/private_key.pem", 0o600, 27),
			stat(topology.DataDir+"/public_key.pem", 0o644, 27), stat(topology.DataDir+"/ibdata1", 0o640, 27),
			{Path: topology.KeyringDir, Mode: folder(0o750), UID: 27},
			stat(topology.KeyringDir+"/keyring", 0o600, 27),
			{Path: topology.DataDir, Mode: folder(0o755), UID: 27},
		})
		return f
	}
	return &Secrecy{[]ServerFiles{server(topology.Source), server(topology.Replica)}}
}

func TestFiles(t *testing.T) {
	key := func(o *Secrecy, path string) *node.Stat {
		for i := range o.Servers[1].Keys {
			if k := &o.Servers[1].Keys[i]; k.Path == path {
				return k
			}
		}
		t.Fatalf("no key %s", path)
		return nil
	}
	judges(t, filesID, goodFiles, []broken[*Secrecy]{
		{"key readable", func(o *Secrecy) { key(o, topology.TLSDir+"/client-key.pem").Mode = fileMode(0o640) }, []string{"loose-mode"}},
		{"keyring readable", func(o *Secrecy) { key(o, topology.KeyringDir+"/keyring").Mode = fileMode(0o604) }, []string{"loose-mode"}},
		{"key executable", func(o *Secrecy) { key(o, topology.TLSDir+"/server-key.pem").Mode = fileMode(0o700) }, []string{"loose-mode"}},
		{"root's key", func(o *Secrecy) { key(o, topology.TLSDir+"/server-key.pem").UID = 0 }, []string{"owner"}},
		{"certificate writable", func(o *Secrecy) { o.Servers[0].Public[0].Mode = fileMode(0o664) }, []string{"writable"}},
		{"folder open", func(o *Secrecy) { o.Servers[0].Folders[0].Mode = folder(0o751) }, []string{"loose-folder"}},
		{"no certificate", func(o *Secrecy) { o.Servers[0].Public = o.Servers[0].Public[1:] }, []string{"missing"}},
		{"no keyring file", func(o *Secrecy) {
			o.Servers[1].Keys = slices.DeleteFunc(o.Servers[1].Keys, func(s node.Stat) bool { return within(s.Path, topology.KeyringDir) })
		}, []string{"missing"}},
	})
	none := goodFiles()
	none.Servers[1].Keys = nil
	unseen(t, map[string]Observation{"no key on a side": none})
}

func goodGrants() *Grants {
	server := func(side topology.Side) ServerGrants {
		return ServerGrants{Side: side, Lines: []string{"GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`"}}
	}
	return &Grants{secure.ReplicationUser, []ServerGrants{server(topology.Source), server(topology.Replica)}}
}

func TestGrants(t *testing.T) {
	judges(t, grantsID, goodGrants, []broken[*Grants]{
		{"more", func(o *Grants) { o.Servers[1].Lines = append(o.Servers[1].Lines, "GRANT `r`@`%` TO `user1`@`%`") }, []string{"differ"}},
		{"less", func(o *Grants) { o.Servers[0].Lines[0] = "GRANT USAGE ON *.* TO `user1`@`%`" }, []string{"differ"}},
		{"row", func(o *Grants) { o.Servers[0].Rows = []string{"db: Db=test1, User="} }, []string{"rows"}},
		{"mandatory role", func(o *Grants) { o.Servers[1].MandatoryRoles = "`r`@`%`" }, []string{"mandatory-roles"}},
	})
	none := goodGrants()
	none.Servers[1].Lines = nil
	unseen(t, map[string]Observation{"no line on a side": none})
}

func goodRefusals() *Refusals {
	lines := goodGrants().Servers[0].Lines
	o := &Refusals{User: secure.ReplicationUser, Lines: lines, Spare: lines}
	for _, p := range secure.Refused(newest.Words(), 7) {
		o.Tried = append(o.Tried, Answer{Probe: p, Got: p.Errno})
	}
	return o
}

func TestRefusals(t *testing.T) {
	judges(t, refusalsID, goodRefusals, []broken[*Refusals]{
		{"allowed", func(o *Refusals) { o.Tried[0].Got = 0 }, []string{"allowed"}},
		{"another error", func(o *Refusals) { o.Tried[3].Got, o.Tried[3].Message = 1064, "syntax" }, []string{"other-error"}},
		{"more", func(o *Refusals) { o.Lines, o.Spare = []string{"GRANT ALL"}, []string{"GRANT ALL"} }, []string{"more-grants"}},
	})
	other, harmless := goodRefusals(), goodRefusals()
	other.Spare = nil
	harmless.Tried = slices.DeleteFunc(harmless.Tried, func(a Answer) bool { return a.Destructive })
	unseen(t, map[string]Observation{"another account at the spare server": other, "nothing that would do harm": harmless})
}

func goodAccounts() *Accounts {
	server := func(side topology.Side) ServerAccounts {
		s := ServerAccounts{Side: side}
		for _, a := range secure.Seed2021().Accounts {
			tls := ""
			if a.TLS {
				tls = "ANY"
			}
			s.Accounts = append(s.Accounts, Account{User: a.User, Host: a.Host, Plugin: "caching_sha2_password", TLS: tls, Locked: a.Locked})
		}
		return s
	}
	return &Accounts{[]ServerAccounts{server(topology.Source), server(topology.Replica)}}
}

func TestAccounts(t *testing.T) {
	account := func(o *Accounts, user string) *Account {
		i := slices.IndexFunc(o.Servers[1].Accounts, func(a Account) bool { return a.User == user })
		return &o.Servers[1].Accounts[i]
	}
	judges(t, accountsID, goodAccounts, []broken[*Accounts]{
		{"extra", func(o *Accounts) {
			o.Servers[0].Accounts = append(o.Servers[0].Accounts, Account{User: "m", Host: "%"})
		}, []string{"unexpected"}},
		{"anonymous", func(o *Accounts) { o.Servers[0].Accounts = append(o.Servers[0].Accounts, Account{Host: "%"}) }, []string{"anonymous", "unexpected"}},
		{"missing", func(o *Accounts) { o.Servers[0].Accounts = o.Servers[0].Accounts[1:] }, []string{"missing"}},
		{"another host", func(o *Accounts) { account(o, secure.ReplicationUser).Host = "10.%" }, []string{"missing", "unexpected"}},
		{"root from anywhere", func(o *Accounts) { account(o, secure.Root).Host = "%" }, []string{"missing", "root-remote", "unexpected"}},
		{"empty password", func(o *Accounts) { account(o, secure.ReplicationUser).Empty = true }, []string{"empty-password"}},
		{"unlocked", func(o *Accounts) { account(o, "mysql.sys").Locked = false }, []string{"unlocked"}},
		{"plain", func(o *Accounts) { account(o, secure.AdminUser).TLS = "" }, []string{"plain-allowed"}},
	})
	none := goodAccounts()
	none.Servers[0].Accounts = nil
	unseen(t, map[string]Observation{"no account on a side": none})
}

func goodSockets() *Sockets {
	mysqld := node.Socket{Proto: "tcp6", Address: "::", Port: 3306}
	return &Sockets{[]NodeSockets{{
		Side: topology.Source, Node: "sql", Role: topology.Mysqld,
		Listens:  []node.Socket{mysqld, {Proto: "tcp", Address: "127.0.0.11", Port: 41234}},
		Expected: []node.Socket{{Proto: "tcp", Address: AnyAddress, Port: 3306}},
	}}}
}

func TestSockets(t *testing.T) {
	judges(t, socketsID, goodSockets, []broken[*Sockets]{
		{"another port", func(o *Sockets) {
			o.Nodes[0].Listens = append(o.Nodes[0].Listens, node.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 4444})
		}, []string{"unexpected"}},
		{"another protocol", func(o *Sockets) {
			o.Nodes[0].Listens = append(o.Nodes[0].Listens, node.Socket{Proto: "udp", Address: "0.0.0.0", Port: 3306})
		}, []string{"unexpected"}},
		{"missing", func(o *Sockets) { o.Nodes[0].Listens = o.Nodes[0].Listens[1:] }, []string{"missing"}},
	})
	none := goodSockets()
	none.Nodes = append(none.Nodes, NodeSockets{Side: topology.Replica, Node: "ndb1"})
	unseen(t, map[string]Observation{"a node without a socket": none})
}

func goodChannel() *Channel {
	return &Channel{
		Dumps:  []Dump{{secure.ReplicationUser, "10.0.0.2", "SSL/TLS", "TLSv1.3", "TLS_AES_256_GCM_SHA384"}},
		Wanted: Wanted{"source.link", secure.ReplicationUser, "YES", "/etc/ndbproof/tls/ca.pem", "YES"},
	}
}

func TestChannel(t *testing.T) {
	judges(t, channelID, goodChannel, []broken[*Channel]{
		{"plain", func(o *Channel) { o.Dumps[0] = Dump{User: secure.ReplicationUser, Type: "TCP/IP"} }, []string{"plain"}},
		{"a second one, plain", func(o *Channel) { o.Dumps = append(o.Dumps, Dump{User: secure.ReplicationUser, Type: "TCP/IP"}) }, []string{"plain"}},
		{"old", func(o *Channel) { o.Dumps[0].Version = "TLSv1.1" }, []string{"old-protocol"}},
		{"no cipher", func(o *Channel) { o.Dumps[0].Cipher = "" }, []string{"no-cipher"}},
		{"another account", func(o *Channel) { o.Dumps[0].User = "root" }, []string{"other-account"}},
		{"not required", func(o *Channel) { o.Wanted.TLS = "NO" }, []string{"not-required"}},
		{"no CA", func(o *Channel) { o.Wanted.CA = "" }, []string{"no-ca"}},
		{"no check", func(o *Channel) { o.Wanted.Verify = "NO" }, []string{"unverified"}},
	})
}

func TestChannelWithoutPromiseOfIdentity(t *testing.T) {
	o := goodChannel()
	o.Wanted.CA, o.Wanted.Verify = "", "NO"
	p := secure.Weaken(secure.Seed2021(), secure.UnverifiedChannel)
	require.Empty(t, byID(t, channelID).Judge(o, p, newest))
}

func goodContents() *Contents {
	return &Contents{
		Workload: load.Totals{Database: "test1", Table: "t1", Acked: 100, Wanted: 100},
		Report: parity.Report{Tables: []parity.TableReport{
			{Database: "ndbproof", Name: "marker", RowsSource: 3, RowsReplica: 3, Keyed: true},
			{Database: "test1", Name: "t1", RowsSource: 100, RowsReplica: 100, Keyed: true},
		}},
		Ledger: []load.Findings{
			{Side: topology.Source, Workload: "insert-only", Rows: 100, Expected: 100},
			{Side: topology.Replica, Workload: "insert-only", Rows: 100, Expected: 100},
		},
	}
}

func TestContents(t *testing.T) {
	judges(t, parityID, goodContents, []broken[*Contents]{
		{"lost", func(o *Contents) { o.Ledger[0].Missing = 1 }, []string{"missing"}},
		{"wrong on the replica", func(o *Contents) {
			o.Ledger[1].Wrong, o.Ledger[1].First = 1, []load.Finding{{Table: "t1", Key: 7, What: "wrong"}}
		}, []string{"wrong"}},
		{"never sent", func(o *Contents) { o.Ledger[1].Strange = 1 }, []string{"strange"}},
		{"deleted and back", func(o *Contents) { o.Ledger[0].Back = 1 }, []string{"back"}},
		{"half a transaction", func(o *Contents) { o.Ledger[0].Torn = 1 }, []string{"torn"}},
		{"unknown, on one side", func(o *Contents) { o.Ledger[1].There = []string{"t1 5"} }, []string{"unlike"}},
		{"only source", func(o *Contents) {
			o.Report.Tables[0].OnlySource = 1
			o.Report.Tables[0].First = []parity.Mismatch{{Key: "id=1", Source: "1", Replica: parity.Absent}}
		}, []string{"only-source"}},
		{"only replica", func(o *Contents) { o.Report.Tables[1].OnlyReplica = 1 }, []string{"only-replica"}},
		{"differs", func(o *Contents) { o.Report.Tables[1].Mismatched = 2 }, []string{"differs"}},
		{"duplicates", func(o *Contents) { o.Report.Tables[1].Duplicates = 2 }, []string{"duplicates"}},
		{"table's schema", func(o *Contents) { o.Report.Tables[1].Schema = []parity.Difference{{What: "column c"}} }, []string{"schema"}},
		{"database", func(o *Contents) { o.Report.Schema = []parity.Difference{{What: "database x"}} }, []string{"schema"}},
	})
	slow := goodContents()
	slow.Workload.Seconds, slow.Workload.Floor = 101, 1
	require.Contains(t, second(slow.Seen()), "throughput under the floor: 100 rows in 101.0 s")
	fewer, idle := goodContents(), goodContents()
	fewer.Workload.Wanted, idle.Workload.Acked = 101, 0
	unasked, empty := goodContents(), goodContents()
	unasked.Ledger, empty.Ledger[1].Expected = nil, 0
	kindless := goodContents()
	kindless.Ledger[1].Compared = map[string]int64{"delete": 0, "insert": 7}
	require.Contains(t, second(kindless.Seen()), "no delete was compared")
	unseen(t, map[string]Observation{"a kind that was never compared": kindless, "too slow": slow, "no ledger": unasked, "a ledger without rows": empty, "fewer rows than asked": fewer, "no row": idle, "nothing compared": &Contents{Workload: goodContents().Workload}})
}

func TestLoggedTables(t *testing.T) {
	judges(t, loggedID, func() *LoggedTables { return &LoggedTables{parity.Logging{Tables: 3, RulesRead: true}} }, []broken[*LoggedTables]{
		{"blob", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.NoKeyAndBlob}} }, []string{"no-key-and-blob"}},
		{"ndb_log_bin", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.LogBinOff}} }, []string{"log-bin-off"}},
		{"rule", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.NoLog}} }, []string{"nolog"}},
	})
	unseen(t, map[string]Observation{"no table": &LoggedTables{}})
}

func goodRunning() *Running {
	w := newest.Words()
	return &Running{Asked: 2, Status: replication.Status{
		Configured: true, Receiver: "Yes", Applier: "Yes", ReceiverDoes: w.ReceiverWaits, ApplierDoes: w.ApplierWaits,
	}, Before: 7, Applied: 9}
}

func TestRunning(t *testing.T) {
	judges(t, runningID, goodRunning, []broken[*Running]{
		{"no channel", func(o *Running) { o.Status = replication.Status{} }, []string{"no-channel"}},
		{"receiver", func(o *Running) { o.Status.Receiver, o.Status.ReceiverDoes = "No", "" }, []string{"receiver", "receiver-state"}},
		{"applier", func(o *Running) { o.Status.Applier, o.Status.ApplierDoes = "No", "" }, []string{"applier", "applier-state"}},
		{"error", func(o *Running) { o.Status.ReceiverErr = replication.LastError{Number: 2061, Message: "x"} }, []string{"error"}},
		{"applier's error", func(o *Running) { o.Status.ApplierErr = replication.LastError{Number: 13119, Message: "x"} }, []string{"error"}},
		{"behind", func(o *Running) { o.Behind = "gave up" }, []string{"behind"}},
	})
}

func TestRunningInOldWords(t *testing.T) {
	o := goodRunning()
	o.Status.ReceiverDoes = "Waiting for master to send event"
	o.Status.ApplierDoes = "Slave has read all relay log; waiting for more updates"
	c := byID(t, runningID)
	require.Empty(t, c.Judge(o, secure.Seed2021(), oldest))
	require.Len(t, c.Judge(o, secure.Seed2021(), newest), 2)
}

func encryptedLog(path string) Log {
	return Log{Path: path, Size: 4096, Magic: "fd62696e", Kind: scan.EncryptedLog}
}
