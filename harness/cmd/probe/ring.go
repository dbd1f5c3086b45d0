package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/afpacket"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"ndbproof/harness/wire"
)

// ring is a packet socket on all interfaces of this network namespace, whose
// packets the kernel writes into blocks of memory that it shares with us
// (packet(7), TPACKET_V3). It keeps what comes while we do not run.
type ring struct {
	socket *afpacket.TPacket
	bare   map[int]bool // by an interface's index: its frames have no header of Ethernet
}

// The ring's shape: 16 blocks of 1 MiB each, a packet of 64 KiB fits into one.
// A block is handed over when it is full, or after retire.
const (
	blockSize  = 1 << 20
	blockCount = 16
	retire     = 20 * time.Millisecond
)

// once leaves out what goes out on the loopback interface, where each packet comes
// twice: going, and coming. It is set some microseconds after packets begin to come;
// one of those may be seen twice.
var once = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtLinkLayerType},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ARPHRD_LOOPBACK, SkipTrue: 2},
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
	bpf.RetConstant{Val: blockSize}, // so many bytes of the packet, which are all
	bpf.RetConstant{Val: 0},
}

// openRing begins to capture. That needs CAP_NET_RAW.
func openRing() (*ring, error) {
	filter, err := bpf.Assemble(once)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter of packets: %w", err)
	}
	socket, err := openSocket()
	if err != nil {
		return nil, fmt.Errorf("open a packet socket with %d MiB of blocks: %w", blockCount*blockSize>>20, err)
	}
	if err := socket.SetBPF(filter); err != nil {
		socket.Close()
		return nil, fmt.Errorf("set the filter of packets: %w", err)
	}
	return &ring{socket, map[int]bool{}}, nil
}

// openSocket keeps standard output clean: afpacket prints a word there when it
// cannot share the blocks, and the command's one JSON document goes there.
func openSocket() (*afpacket.TPacket, error) {
	out := os.Stdout
	os.Stdout = os.Stderr
	defer func() { os.Stdout = out }()
	return afpacket.NewTPacket(
		afpacket.SocketRaw, // else afpacket does not tell a frame's type
		afpacket.TPacketVersion3,
		afpacket.OptBlockSize(blockSize), afpacket.OptNumBlocks(blockCount), afpacket.OptFrameSize(2048),
		afpacket.OptBlockTimeout(retire), afpacket.OptPollTimeout(3*retire),
	)
}

func (r *ring) close() { r.socket.Close() }

// read hands on all frames until ctx ends, and then those of before that the
// kernel has not handed over yet.
func (r *ring) read(ctx context.Context, take func(wire.Frame)) error {
	var ended time.Time
	for {
		data, info, err := r.socket.ZeroCopyReadPacketData()
		switch {
		case errors.Is(err, afpacket.ErrTimeout):
			if !ended.IsZero() {
				return nil
			}
		case err != nil:
			return fmt.Errorf("wait for packets: %w", err)
		case !ended.IsZero() && info.Timestamp.After(ended):
			return nil
		default:
			take(r.frame(data, info))
		}
		if ended.IsZero() && ctx.Err() != nil {
			ended = time.Now()
		}
	}
}

// frame takes the link's header off, and the tags of a VLAN that the kernel left
// in it: those of frames that go out.
func (r *ring) frame(data []byte, info gopacket.CaptureInfo) wire.Frame {
	const head, tag = 14, 4
	f := wire.Frame{At: info.Timestamp, Ether: unix.ETH_P_802_2, Data: data}
	switch {
	case r.isBare(info.InterfaceIndex) && len(data) > 0 && data[0]>>4 == 6:
		f.Ether = unix.ETH_P_IPV6
		return f
	case r.isBare(info.InterfaceIndex):
		f.Ether = unix.ETH_P_IP
		return f
	case len(data) < head:
		return f
	}
	kind := binary.BigEndian.Uint16(data[head-2:])
	f.Data = data[head:]
	for (kind == unix.ETH_P_8021Q || kind == unix.ETH_P_8021AD) && len(f.Data) >= tag {
		kind, f.Data = binary.BigEndian.Uint16(f.Data[tag-2:]), f.Data[tag:]
	}
	if kind >= unix.ETH_P_802_3_MIN { // else it is a length
		f.Ether = kind
	}
	return f
}

// isBare tells whether frames of an interface begin with IP, as a tunnel's do. One
// that is gone, because a network was disconnected, was of Ethernet.
func (r *ring) isBare(index int) bool {
	bare, known := r.bare[index]
	if !known {
		i, err := net.InterfaceByIndex(index)
		bare = err == nil && len(i.HardwareAddr) != 6 && i.Flags&net.FlagLoopback == 0
		r.bare[index] = bare
	}
	return bare
}

// dropped is how many packets the kernel had no room for.
func (r *ring) dropped() (int64, error) {
	_, s, err := r.socket.SocketStats()
	if err != nil {
		return 0, fmt.Errorf("ask how many packets were dropped: %w", err)
	}
	return int64(s.Drops()), nil //nolint:gosec // the kernel counts in 32 bits
}
