package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

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

func channel() claim.Claim {
	otherChannel := func(name, word string, o func(secure.ChannelOptions) secure.ChannelOptions) claim.Sabotage {
		return claim.Sabotage{Name: name, Effect: claim.Disturbs, Want: claim.ChannelTLSID + "." + word, Do: rewire(o)}
	}
	plain := otherChannel("channel without TLS", "plain", withoutTLS)
	plain.Do, plain.Also = claim.ChainChanges(claim.AllowPlainTransport(topology.Source), plain.Do), []string{claim.ChannelPlainID, claim.AccountsPlainClientID}
	return claim.Define(claim.Claim{
		ID: claim.ChannelTLSID, Step: 6, Effect: claim.Reads, Uses: claim.PartSQL,
		Title:    "the running channel is TLS, as the source says, and the replica checks the source's certificate and name where the profile promises that",
		Promised: func(p secure.Profile) bool { return p.ChannelTLS },
		Codes:    claim.MakeCodes(claim.ChannelTLSID, "plain", "old-protocol", "no-cipher", "other-account", "not-required", "no-ca", "unverified"),
		Sabotage: []claim.Sabotage{
			plain,
			otherChannel("channel without a CA", "no-ca", func(o secure.ChannelOptions) secure.ChannelOptions {
				o.CA, o.VerifyIdentity = "", false
				return o
			}),
			otherChannel("channel that does not check the host name", "unverified", func(o secure.ChannelOptions) secure.ChannelOptions {
				o.VerifyIdentity = false
				return o
			}),
		},
	}, lookChannel, judgeChannel)
}

// rewire changes how the replica reaches its source, where the channel stands.
func rewire(options func(secure.ChannelOptions) secure.ChannelOptions) claim.Change {
	reconfigure := func(options func(secure.ChannelOptions) secure.ChannelOptions) claim.Act {
		return func(ctx context.Context, b claim.Bench) error {
			return b.Channel.Reconfigure(ctx, options(b.Channel.Options()))
		}
	}
	return claim.MakeChange(reconfigure(options), reconfigure(func(o secure.ChannelOptions) secure.ChannelOptions { return o }))
}

// UsePlainChannel has the replica follow its source without TLS.
func UsePlainChannel() claim.Change { return rewire(withoutTLS) }

// withoutTLS is a channel that asks for the source's RSA key instead: without it a
// cold account ends with 2061, before the source can refuse it.
func withoutTLS(o secure.ChannelOptions) secure.ChannelOptions {
	o.TLS, o.CA, o.Cert, o.Key, o.VerifyIdentity, o.GetPublicKey = false, "", "", "", false, true
	return o
}

func lookChannel(ctx context.Context, s claim.Subject) (*Channel, error) {
	o := &Channel{}
	source := s.Server(topology.Source).DB
	rows, err := replication.Rows(ctx, source, `SELECT t.PROCESSLIST_USER AS user, t.PROCESSLIST_HOST AS host, t.CONNECTION_TYPE AS type,
		(SELECT VARIABLE_VALUE FROM performance_schema.status_by_thread s WHERE s.THREAD_ID = t.THREAD_ID AND VARIABLE_NAME = 'Ssl_version') AS version,
		(SELECT VARIABLE_VALUE FROM performance_schema.status_by_thread s WHERE s.THREAD_ID = t.THREAD_ID AND VARIABLE_NAME = 'Ssl_cipher') AS cipher
		FROM performance_schema.threads t WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%'`)
	if err != nil {
		return nil, claim.WithSide(topology.Source, err)
	}
	for _, r := range rows {
		o.Dumps = append(o.Dumps, Dump{r["user"], r["host"], r["type"], r["version"], r["cipher"]})
	}
	rows, err = replication.Rows(ctx, s.Server(topology.Replica).DB, `SELECT HOST, USER, SSL_ALLOWED, SSL_CA_FILE, SSL_VERIFY_SERVER_CERTIFICATE
		FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''`)
	if err != nil {
		return nil, claim.WithSide(topology.Replica, err)
	}
	for _, r := range rows {
		o.Wanted = Wanted{r["HOST"], r["USER"], r["SSL_ALLOWED"], r["SSL_CA_FILE"], r["SSL_VERIFY_SERVER_CERTIFICATE"]}
	}
	return o, nil
}

func judgeChannel(o *Channel, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.ChannelTLSID}
	for _, d := range o.Dumps {
		switch {
		case d.Type != "SSL/TLS":
			f.Add("plain", topology.Source, fmt.Sprintf("the binary log goes to %s@%s over %q; expected SSL/TLS", d.User, d.Host, d.Type))
		case !slices.Contains(claim.TLSVersions, d.Version):
			f.Add("old-protocol", topology.Source, fmt.Sprintf("the binary log goes to %s@%s over %q; expected one of %q", d.User, d.Host, d.Version, claim.TLSVersions))
		case d.Cipher == "":
			f.Add("no-cipher", topology.Source, fmt.Sprintf("the binary log goes to %s@%s under no cipher", d.User, d.Host))
		}
		if d.User != secure.ReplicationUser {
			f.Add("other-account", topology.Source, fmt.Sprintf("%s@%s reads the binary log; expected %s alone", d.User, d.Host, secure.ReplicationUser))
		}
	}
	w := o.Wanted
	if w.TLS != "YES" {
		f.Add("not-required", topology.Replica, fmt.Sprintf("SSL_ALLOWED of the channel is %q; expected YES", w.TLS))
	}
	if p.VerifyIdentity && strings.TrimSpace(w.CA) == "" {
		f.Add("no-ca", topology.Replica, "the channel has no CA to check its source's certificate by")
	}
	if p.VerifyIdentity && w.Verify != "YES" {
		f.Add("unverified", topology.Replica, fmt.Sprintf("SSL_VERIFY_SERVER_CERTIFICATE of the channel is %q; expected YES", w.Verify))
	}
	return f.All
}
