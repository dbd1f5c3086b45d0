package scan

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ndbproof/harness/node"
)

// SocketTables are the files of /proc/net that list sockets, and at the same
// time the words for topology.Socket.Proto.
var SocketTables = []string{"tcp", "tcp6", "udp", "udp6", "unix"}

// The states that mean "any client may connect": TCP_LISTEN; TCP_CLOSE, in which an
// unconnected UDP socket is; __SO_ACCEPTCON of a unix socket
// (net/ipv4/tcp_ipv4.c, udp.c, net/unix/af_unix.c).
const (
	tcpListen      = "0A"
	udpUnconnected = "07"
	unixAccepting  = 0x10000
)

// ParseSockets reads one of the SocketTables and gives what listens in it, in
// a fixed order. A line that cannot be read is an error, and so is a table
// without its heading: a socket must not go unseen.
func ParseSockets(proto, table string) ([]node.Socket, error) {
	parse, err := socketLine(proto)
	if err != nil {
		return nil, err
	}
	heading := true
	var sockets []node.Socket
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case heading:
			if !strings.Contains(line, "local_address") && !strings.Contains(line, "RefCount") {
				return nil, fmt.Errorf("parse /proc/net/%s: no heading in %q", proto, line)
			}
			heading = false
			continue
		case strings.TrimSpace(line) == "":
			continue
		}
		s, listens, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("parse /proc/net/%s: %w in %q", proto, err, line)
		}
		if s.Proto = proto; listens {
			sockets = append(sockets, s)
		}
	}
	if heading {
		return nil, fmt.Errorf("parse /proc/net/%s: it is empty, not even a heading", proto)
	}
	slices.SortFunc(sockets, func(a, b node.Socket) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address))
	})
	return sockets, nil
}

func socketLine(proto string) (func(string) (node.Socket, bool, error), error) {
	switch proto {
	case "tcp", "tcp6":
		return inetLine(tcpListen), nil
	case "udp", "udp6":
		return inetLine(udpUnconnected), nil
	case "unix":
		return unixLine, nil
	}
	return nil, fmt.Errorf("parse /proc/net/%s: want one of %s", proto, strings.Join(SocketTables, ", "))
}

// inetLine reads "0: 0100007F:0CEA 00000000:0000 0A ...".
func inetLine(listening string) func(string) (node.Socket, bool, error) {
	return func(line string) (node.Socket, bool, error) {
		f := strings.Fields(line)
		if len(f) < 4 {
			return node.Socket{}, false, fmt.Errorf("want at least 4 fields, have %d", len(f))
		}
		host, port, found := strings.Cut(f[1], ":")
		if !found {
			return node.Socket{}, false, fmt.Errorf("no port in %q", f[1])
		}
		addr, err := parseAddress(host)
		if err != nil {
			return node.Socket{}, false, err
		}
		p, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			return node.Socket{}, false, fmt.Errorf("port: %w", err)
		}
		return node.Socket{Address: addr.String(), Port: int(p)}, f[3] == listening, nil
	}
}

// parseAddress reads an address as the kernel prints it: words of 32 bits, each
// in the order of the machine, which is little-endian on all that we run on.
func parseAddress(s string) (netip.Addr, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("address: %w", err)
	}
	if len(b) != 4 && len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("address %q has %d bytes, want 4 or 16", s, len(b))
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.LittleEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b) // 4 or 16 bytes: cannot fail
	return addr, nil
}

// unixLine reads "Num: RefCount Protocol Flags Type St Inode Path". The path
// may hold blanks; an abstract one begins with "@".
func unixLine(line string) (node.Socket, bool, error) {
	const pathAt = 7
	rest, f := line, make([]string, 0, pathAt)
	for range pathAt {
		rest = strings.TrimLeft(rest, " ")
		field, after, _ := strings.Cut(rest, " ")
		if field == "" {
			return node.Socket{}, false, fmt.Errorf("want at least %d fields, have %d", pathAt, len(f))
		}
		f, rest = append(f, field), after
	}
	flags, err := strconv.ParseUint(f[3], 16, 32)
	if err != nil {
		return node.Socket{}, false, fmt.Errorf("flags: %w", err)
	}
	return node.Socket{Address: rest}, flags&unixAccepting != 0, nil
}
