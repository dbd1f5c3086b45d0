package claim

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// rowsOnLinks is gap G2. That a marker is not seen does not close it by itself:
// what travels must be TLS.
func rowsOnLinks(o *WireFlows) (string, bool) {
	var read []string
	var nodes, plain int
	for _, n := range o.Window.Nodes {
		here := false
		for _, f := range n.Flows {
			if !f.Class.NDB() {
				continue
			}
			if len(f.Up.Markers)+len(f.Down.Markers) > 0 {
				here = true
				read = append(read, string(f.Class))
			}
			if f.Up.Segments+f.Down.Segments > 2 && f.Up.Records+f.Down.Records == 0 {
				plain++
			}
		}
		if here {
			nodes++
		}
	}
	switch {
	case len(read) > 0:
		slices.Sort(read)
		return fmt.Sprintf("a row committed in the window was read at %d nodes, in flows %s", nodes, strings.Join(slices.Compact(read), " and ")), true
	case plain > 0:
		return fmt.Sprintf("the row was not read in passing, and %d flows inside the clusters are without TLS", plain), true
	}
	return "all flows inside the clusters are TLS, and the row was not read in passing", false
}

// unwanted is what an NDB that wants certificates says to who has none. A stranger
// that could not connect for another reason has tried nothing.
const unwanted = "Not Authorized"

// rowsForStrangers is gap G3.
func rowsForStrangers(o *WireFlows) (string, bool) {
	var got []string
	for _, s := range o.Strangers {
		if !s.Shown && !s.Read && !strings.Contains(s.Says, unwanted) {
			return fmt.Sprintf("not looked at: a container on the network of the %s was neither let in nor refused: %s", s.Side, s.Says), true
		}
		if s.Shown {
			got = append(got, fmt.Sprintf("ndb_mgmd of the %s shows its nodes", s.Side))
		}
		if s.Read {
			got = append(got, fmt.Sprintf("ndb_select_all prints rows of the %s", s.Side))
		}
	}
	switch {
	case len(o.Strangers) == 0:
		return "no stranger was let try", true
	case got != nil:
		return "to a container on the cluster's network, without any credentials: " + strings.Join(got, ", "), true
	}
	return fmt.Sprintf("a container on the cluster's network, without credentials, is refused: %s", o.Strangers[0].Says), false
}

// channelUnverified is gap G5.
func channelUnverified(o *Channel) (string, bool) {
	if w := o.Wanted; w.TLS != "YES" || w.CA == "" || w.Verify != "YES" {
		return fmt.Sprintf("SSL_ALLOWED is %q, SSL_CA_FILE %q, SSL_VERIFY_SERVER_CERTIFICATE %q", w.TLS, w.CA, w.Verify), true
	}
	return fmt.Sprintf("the replica checks certificate and name of its source by %s", o.Wanted.CA), false
}

// accountFromAnywhere is gap G6.
func accountFromAnywhere(o *Accounts) (string, bool) {
	var hosts []string
	for _, s := range o.Servers {
		for _, a := range s.Accounts {
			if a.User != secure.ReplicationUser || s.Side != topology.Source {
				continue
			}
			if strings.ContainsAny(a.Host, "%_/") {
				return fmt.Sprintf("%s exists, with ssl_type %q", a, a.TLS), true
			}
			hosts = append(hosts, a.Host)
		}
	}
	if hosts == nil {
		return "the source has no account of the channel's", true
	}
	return "the channel's account is bound to " + strings.Join(hosts, ", "), false
}

// rowsForReader is gap G7.
func rowsForReader(o *RemoteRead) (string, bool) {
	if o.Found {
		return fmt.Sprintf("mysqlbinlog as %s, over TLS, printed a row in clear that stands encrypted on disk", secure.ReplicationUser), true
	}
	return fmt.Sprintf("mysqlbinlog as %s showed no row: exit %d: %s", secure.ReplicationUser, o.Exit, o.Stderr), o.Exit == 0
}

// contentsCompared is gap G10: it is closed by looking at rows instead.
func contentsCompared(o *Contents) (string, bool) {
	source, replica := o.Report.Rows()
	if source == 0 {
		return "no row was compared", true
	}
	return fmt.Sprintf("%d rows of the source and %d of the replica were compared by their contents, and with what the writers have sent", source, replica), false
}
