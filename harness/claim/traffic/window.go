package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Claims about what travels. Each captures in a window of its own, which begins
// before what it looks for, and ends after it.
// Names of markers, as the evidence has them.
const (
	markerRow     = "row"
	markerControl = "control"
)

// Window is what a capture saw while something was done.
type Window struct {
	Addresses []node.Address `json:"addresses"`
	Nodes     []WindowNode   `json:"nodes"`
}

// WindowNode is what one node's namespace saw.
type WindowNode struct {
	topology.NodeRef
	Packets int64        `json:"packets"`
	Dropped int64        `json:"dropped"`
	Headers string       `json:"headers"` // a pcap file without payloads, beside this evidence
	Flows   []WindowFlow `json:"flows"`
}

// WindowFlow is a flow and what it is, "" when no class fits.
type WindowFlow struct {
	Class wire.Class `json:"class"`
	node.Flow
}

// window captures at some nodes while something is done, and keeps the headers
// of what it saw in a folder.
func window(ctx context.Context, s claim.Subject, dir *evidence.Dir, folder string, at []topology.NodeRef, markers map[string]string, during func(context.Context) error) (Window, error) {
	var w Window
	var err error
	if w.Addresses, err = s.Wire.Addresses(ctx); err != nil {
		return w, err
	}
	end, err := s.Wire.Capture(ctx, at, node.CaptureOrder{Markers: markers})
	if err != nil {
		return w, err
	}
	done := during(ctx)
	seen, err := end(ctx)
	if err := errors.Join(done, err); err != nil {
		return w, err
	}
	for _, c := range seen {
		n := WindowNode{NodeRef: c.NodeRef, Packets: c.Packets, Dropped: c.Dropped, Flows: []WindowFlow{}}
		for _, f := range c.Flows {
			n.Flows = append(n.Flows, WindowFlow{Flow: f})
		}
		n.Headers = path.Join("claims", folder, fmt.Sprintf("%s-%s.pcap", c.Side, c.Node))
		if err := dir.Write(n.Headers, c.Headers); err != nil {
			return w, err
		}
		w.Nodes = append(w.Nodes, n)
	}
	w.classify()
	return w, nil
}

// classify tells what each flow is, from what was kept.
func (w *Window) classify() {
	book := wire.NewBook(w.Addresses)
	for i := range w.Nodes {
		n := &w.Nodes[i]
		for j := range n.Flows {
			f := &n.Flows[j]
			f.Class = book.Classify(w.holder(n.NodeRef), f.Flow)
		}
	}
}

// holder gives an address of a node, for its side, name and role.
func (w *Window) holder(n topology.NodeRef) node.Address {
	i := slices.IndexFunc(w.Addresses, func(a node.Address) bool { return a.Side == n.Side && a.Node == n.Node })
	if i < 0 {
		return node.Address{Side: n.Side, Node: n.Node}
	}
	return w.Addresses[i]
}

// of gives the flows of one class that a node saw.
func (n WindowNode) of(c wire.Class) []WindowFlow {
	return slices.DeleteFunc(slices.Clone(n.Flows), func(f WindowFlow) bool { return f.Class != c })
}

// port gives the flow of a class whose client has this port.
func (n WindowNode) port(c wire.Class, port int) (WindowFlow, bool) {
	for _, f := range n.of(c) {
		if strings.HasSuffix(f.Client, ":"+strconv.Itoa(port)) {
			return f, true
		}
	}
	return WindowFlow{}, false
}

// blind says why a window does not count for a class: a node that saw nothing,
// or packets that the capture missed. "" when it does.
func (w *Window) blind(c wire.Class) string {
	if len(w.Nodes) == 0 {
		return "nothing was captured"
	}
	for _, n := range w.Nodes {
		if n.Packets == 0 {
			return fmt.Sprintf("no packet was seen at %s %s", n.Side, n.Node)
		}
		if n.Dropped > 0 {
			return fmt.Sprintf("the capture at %s %s was too slow for %d of %d packets", n.Side, n.Node, n.Dropped, n.Packets)
		}
		for _, f := range n.of(c) {
			if missed := f.Up.Missed + f.Down.Missed; missed > 0 {
				return fmt.Sprintf("the capture at %s %s missed %d bytes of %s to %s", n.Side, n.Node, missed, f.Client, f.Server)
			}
		}
	}
	return ""
}

// Control is a window of its own, in which a login without TLS was tried, whose
// user name is a marker: it shows that the capture would have seen one.
type Control struct {
	Window Window `json:"window"`
	Answer string `json:"answer"` // to the login, which is refused
}

// unseen says why the control did not work: the marker was not seen in a flow of
// the class, at one of the nodes. "" when it did.
func (c *Control) unseen(class wire.Class) string {
	if why := c.Window.blind(class); why != "" {
		return "the control did not work: " + why
	}
	for _, n := range c.Window.Nodes {
		if !slices.ContainsFunc(n.of(class), func(f WindowFlow) bool {
			return f.Up.Opens == wire.OpensLogin && slices.Contains(f.Up.Markers, markerControl)
		}) {
			return fmt.Sprintf("the control did not work: the capture at %s %s did not see the name of a login without TLS", n.Side, n.Node)
		}
	}
	return ""
}

// sqlNodes are the mysqlds of both sides.
func sqlNodes(s claim.Subject) []topology.NodeRef {
	var all []topology.NodeRef
	for _, side := range topology.Sides {
		all = append(all, topology.NodeRef{Side: side, Node: claim.SQLNode(s, side)})
	}
	return all
}

// receiverAgain stops the replica's receiver and starts it, so that its
// handshake can be seen, and commits a row that then travels. The receiver is
// started whatever happens.
func receiverAgain(ctx context.Context, s claim.Subject, marker string) error {
	start := s.Channel.Replica.Words().StartReceiver
	if err := s.Channel.StopReceiver(ctx); err != nil {
		return errors.Join(err, s.Channel.Resume(ctx, start))
	}
	_, marked := s.Channel.MarkAs(ctx, marker)
	return errors.Join(marked, s.Channel.Resume(ctx, start))
}

// session is one of SHOW PROCESSLIST, with the port of its client.
type session struct {
	id      string
	command string
	port    int
}

// sessions are those of a server that came by TCP.
func sessions(ctx context.Context, db replication.Querier) ([]session, error) {
	rows, err := replication.Rows(ctx, db, "SHOW PROCESSLIST")
	if err != nil {
		return nil, err
	}
	var all []session
	for _, r := range rows {
		_, port, _ := strings.Cut(r["Host"], ":")
		if n, err := strconv.Atoi(port[strings.LastIndexByte(port, ':')+1:]); err == nil {
			all = append(all, session{r["Id"], r["Command"], n})
		}
	}
	slices.SortFunc(all, func(a, b session) int { return cmp.Compare(a.port, b.port) })
	return all, nil
}
