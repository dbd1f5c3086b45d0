package traffic

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Channel is what travelled on the link while the replica's receiver was
// stopped and started, seen at both ends.
type Channel struct {
	Dumps   []Known `json:"dumps"` // connections over which the source sends its binary log
	Window  Window  `json:"window"`
	Control Control `json:"control"`
}

// Seen counts flows of the channel. Those that the source sends its binary log
// over must be among them at both ends, from their opening on and with events.
func (o *Channel) Seen() (int, string) {
	if why := o.Window.blind(wire.Channel); why != "" {
		return 0, why
	}
	if len(o.Dumps) == 0 {
		return 0, "no thread of the source sends its binary log: the channel does not run"
	}
	for _, k := range o.Dumps {
		for _, n := range o.Window.Nodes {
			f, ok := n.port(wire.Channel, k.Port)
			if !ok || !f.Begun || f.Down.Bytes == 0 {
				return 0, fmt.Sprintf("the channel that the source knows at port %d was not seen from its opening at %s %s", k.Port, n.Side, n.Node)
			}
		}
	}
	if why := o.Control.unseen(wire.Channel); why != "" {
		return 0, why
	}
	return o.Window.count(wire.Channel), "the channel was not seen"
}

func channelClaim() claim.Claim {
	return claim.DefineKeeping(claim.Claim{
		ID: claim.TrafficChannelID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost | claim.PartWire,
		Title:    "the channel is TLS from its opening on, 1.2 or later with a strong suite, as the source says, and nothing of a row or of the password can be read",
		Promised: func(p secure.Profile) bool { return p.ChannelTLS },
		Codes:    claim.MakeCodes(claim.TrafficChannelID, tlsWords...),
	}, lookChannel, judgeChannel)
}

func lookChannel(ctx context.Context, s claim.Subject, dir *evidence.Dir) (*Channel, error) {
	o := &Channel{}
	marker := replication.NewMarker()
	markers := map[string]string{
		markerRow:                               marker,
		"password of " + secure.ReplicationUser: s.Keys.Password(topology.Source, secure.ReplicationUser).Reveal(),
	}
	var err error
	o.Window, err = window(ctx, s, dir, claim.TrafficChannelID, sqlNodes(s), markers, func(ctx context.Context) (err error) {
		if err := receiverAgain(ctx, s, marker); err != nil {
			return err
		}
		o.Dumps, err = dumps(ctx, s)
		return err
	})
	if err != nil {
		return o, err
	}
	o.Control, err = plainNameOnLink(ctx, s, dir)
	return o, err
}

// dumps asks the source over which connections it sends its binary log, and
// what it knows of their TLS.
func dumps(ctx context.Context, s claim.Subject) ([]Known, error) {
	db := s.Server(topology.Source).DB
	all, err := sessions(ctx, db)
	if err != nil {
		return nil, claim.WithSide(topology.Source, err)
	}
	var out []Known
	for _, x := range all {
		if !strings.HasPrefix(x.command, "Binlog Dump") {
			continue
		}
		rows, err := replication.Rows(ctx, db, `SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value FROM performance_schema.status_by_thread
			JOIN performance_schema.threads USING (THREAD_ID) WHERE PROCESSLIST_ID = `+x.id+` AND VARIABLE_NAME IN ('Ssl_version', 'Ssl_cipher')`)
		if err != nil {
			return nil, claim.WithSide(topology.Source, err)
		}
		k := Known{Side: topology.Source, Port: x.port}
		for _, r := range rows {
			k.setVariable(r["name"], r["value"])
		}
		out = append(out, k)
	}
	return out, nil
}

// setVariable takes over a status variable of a connection.
func (k *Known) setVariable(name, value string) {
	switch name {
	case "Ssl_version":
		k.Version = value
	case "Ssl_cipher":
		k.Cipher = value
	}
}

// plainNameOnLink tries a login without TLS from the replica to the source, in a
// window of its own: the user's name is a marker.
func plainNameOnLink(ctx context.Context, s claim.Subject, dir *evidence.Dir) (c Control, err error) {
	marker := replication.NewMarker()
	argv := []string{
		"mysql", "--no-defaults", "--protocol=TCP", "--host=" + s.Spec(topology.Source).LinkHost(), "--port=" + strconv.Itoa(topology.MysqlPort),
		"--user=" + marker, "--ssl-mode=DISABLED", "--connect-timeout=10", "--execute=DO 1",
	}
	c.Window, err = window(ctx, s, dir, claim.TrafficChannelID+"/control", sqlNodes(s), map[string]string{markerControl: marker}, func(ctx context.Context) error {
		out, err := claim.RunTool(ctx, s, topology.Replica, claim.SQLNode(s, topology.Replica), node.Command{
			Argv: argv, Env: map[string]string{"MYSQL_PWD": secret.New().Reveal()},
		})
		if err == nil && out.Exit == 0 {
			err = errors.New("log in to the source under a name that no account has: it succeeds")
		}
		c.Answer = brief.Line(out.Stderr)
		return err
	})
	return c, err
}

func judgeChannel(o *Channel, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.TrafficChannelID}
	for _, n := range o.Window.Nodes {
		for _, w := range n.of(wire.Channel) {
			judgeTLS(&f, n, w)
		}
		for _, k := range o.Dumps {
			if w, ok := n.port(wire.Channel, k.Port); ok {
				judgeKnown(&f, n, k, w)
			}
		}
	}
	return f.All
}
