package claim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const channelID = "seed.6.channel"

// Channel is the running channel, as the source sees it, and as the replica has
// it configured.
type Channel struct {
	Dumps  []Dump `json:"dumps"`
	Wanted Wanted `json:"wanted"`
}

// Dump is a thread of the source that sends its binary log.
type Dump struct {
	User    string `json:"user"`
	Host    string `json:"host"`
	Type    string `json:"connection_type"` // "SSL/TLS", "TCP/IP", "Socket"
	Version string `json:"ssl_version"`
	Cipher  string `json:"ssl_cipher"`
}

// Wanted is what the replica was told of its source.
type Wanted struct {
	Host   string `json:"host"`
	User   string `json:"user"`
	TLS    string `json:"ssl_allowed"` // "YES", "NO", "IGNORED"
	CA     string `json:"ssl_ca_file"`
	Verify string `json:"ssl_verify_server_certificate"`
}

// Seen counts dump threads. A channel that does not run shows nothing.
func (o *Channel) Seen() (int, string) {
	return len(o.Dumps), "no thread of the source sends its binary log: the channel does not run"
}

func channel() Claim {
	rewired := func(name, word string, change func(*secure.ChannelOptions), also ...string) Sabotage {
		return Sabotage{
			Name: name, Effect: Disturbs, Want: channelID + "." + word, Also: also,
			Do: func(ctx context.Context, b Bench) error {
				o := b.Channel()
				change(&o)
				return rewire(ctx, b, o)
			},
			Undo: func(ctx context.Context, b Bench) error { return rewire(ctx, b, b.Channel()) },
		}
	}
	plain := rewired("channel without TLS", "plain", func(o *secure.ChannelOptions) {
		o.TLS, o.CA, o.Cert, o.Key, o.VerifyIdentity, o.GetPublicKey = false, "", "", "", false, true
	}, plainChannelID, clientID)
	plain.Do = inTurn(statements(topology.Source, transportOpen), plain.Do)
	plain.Undo = inTurn(plain.Undo, statements(topology.Source, transportClosed))
	return observed(Claim{
		ID: channelID, Step: 6, Effect: Reads,
		Title:    "the running channel is TLS, told by the source, and the replica checks the source's certificate and name",
		Promised: func(p secure.Profile) bool { return p.ChannelTLS },
		Codes:    codes(channelID, "plain", "old-protocol", "no-cipher", "other-account", "not-required", "no-ca", "unverified"),
		Sabotage: []Sabotage{
			plain,
			rewired("channel without a CA", "no-ca", func(o *secure.ChannelOptions) { o.CA, o.VerifyIdentity = "", false }),
			rewired("channel that does not check the host name", "unverified", func(o *secure.ChannelOptions) { o.VerifyIdentity = false }),
		},
	}, lookChannel, judgeChannel)
}

// Switches of the source's insistence on TLS.
const (
	transportOpen   = "SET GLOBAL require_secure_transport=OFF"
	transportClosed = "SET GLOBAL require_secure_transport=ON"
)

// rewire configures the channel anew, where it stands. The position is given,
// because naming a host makes the replica forget it.
func rewire(ctx context.Context, b Bench, o secure.ChannelOptions) error {
	w, db := b.Spec(topology.Replica).Release.Words(), b.Admin(topology.Replica)
	if _, err := db.ExecContext(ctx, w.StopReplica); err != nil {
		return on(topology.Replica, err)
	}
	t, err := threads(ctx, b)
	if err != nil {
		return err
	}
	o.File, o.Pos = t.Applied.File, t.Applied.Pos
	for _, q := range []string{secure.ChannelSQL(w, o), w.StartReplica} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return on(topology.Replica, err)
		}
	}
	_, err = b.CatchUp(ctx)
	return err
}

func lookChannel(ctx context.Context, s Subject) (*Channel, error) {
	o := &Channel{}
	source := s.Admin(topology.Source)
	rows, err := records(ctx, source, `SELECT t.PROCESSLIST_USER AS user, t.PROCESSLIST_HOST AS host, t.CONNECTION_TYPE AS type,
		(SELECT VARIABLE_VALUE FROM performance_schema.status_by_thread s WHERE s.THREAD_ID = t.THREAD_ID AND VARIABLE_NAME = 'Ssl_version') AS version,
		(SELECT VARIABLE_VALUE FROM performance_schema.status_by_thread s WHERE s.THREAD_ID = t.THREAD_ID AND VARIABLE_NAME = 'Ssl_cipher') AS cipher
		FROM performance_schema.threads t WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%'`)
	if err != nil {
		return nil, on(topology.Source, err)
	}
	for _, r := range rows {
		o.Dumps = append(o.Dumps, Dump{r["user"], r["host"], r["type"], r["version"], r["cipher"]})
	}
	rows, err = records(ctx, s.Admin(topology.Replica), `SELECT HOST, USER, SSL_ALLOWED, SSL_CA_FILE, SSL_VERIFY_SERVER_CERTIFICATE
		FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''`)
	if err != nil {
		return nil, on(topology.Replica, err)
	}
	for _, r := range rows {
		o.Wanted = Wanted{r["HOST"], r["USER"], r["SSL_ALLOWED"], r["SSL_CA_FILE"], r["SSL_VERIFY_SERVER_CERTIFICATE"]}
	}
	return o, nil
}

func judgeChannel(o *Channel, p secure.Profile, _ release.Release) []Violation {
	f := found{id: channelID}
	for _, d := range o.Dumps {
		switch {
		case d.Type != "SSL/TLS":
			f.add("plain", topology.Source, fmt.Sprintf("the binary log goes to %s@%s over %q; expected SSL/TLS", d.User, d.Host, d.Type))
		case !slices.Contains(protocols, d.Version):
			f.add("old-protocol", topology.Source, fmt.Sprintf("the binary log goes to %s@%s over %q; expected one of %q", d.User, d.Host, d.Version, protocols))
		case d.Cipher == "":
			f.add("no-cipher", topology.Source, fmt.Sprintf("the binary log goes to %s@%s under no cipher", d.User, d.Host))
		}
		if d.User != secure.ReplicationUser {
			f.add("other-account", topology.Source, fmt.Sprintf("%s@%s reads the binary log; expected %s alone", d.User, d.Host, secure.ReplicationUser))
		}
	}
	w := o.Wanted
	if w.TLS != "YES" {
		f.add("not-required", topology.Replica, fmt.Sprintf("SSL_ALLOWED of the channel is %q; expected YES", w.TLS))
	}
	if p.VerifyIdentity && strings.TrimSpace(w.CA) == "" {
		f.add("no-ca", topology.Replica, "the channel has no CA to check its source's certificate by")
	}
	if p.VerifyIdentity && w.Verify != "YES" {
		f.add("unverified", topology.Replica, fmt.Sprintf("SSL_VERIFY_SERVER_CERTIFICATE of the channel is %q; expected YES", w.Verify))
	}
	return f.all
}
