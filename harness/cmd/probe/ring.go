package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"ndbproof/harness/wire"
)

// ring is a packet socket on all interfaces of this network namespace, whose
// packets the kernel writes into blocks of memory that it shares with us
// (packet(7), TPACKET_V3). It holds what comes while we do not run.
type ring struct {
	fd     int
	blocks []byte
	at     int // block to be read next
}

// The ring's shape: 16 blocks of 1 MiB each, a packet of 64 KiB fits into one.
// A block is handed over when it is full, or after retire milliseconds.
const (
	blockSize  = 1 << 20
	blockCount = 16
	retire     = 20
)

// Offsets in a block's header and in a packet's (linux/if_packet.h,
// tpacket_block_desc, tpacket3_hdr), and in the address that follows the latter.
const (
	blockStatus, blockPackets, blockFirst                            = 8, 12, 16
	packetNext, packetSec, packetNsec, packetSnap, packetNet         = 0, 4, 8, 12, 26
	packetAddress                                                    = 48
	addressProtocol, addressHardware, addressKind, addressEnd        = 2, 8, 10, 12
	statusUser                                                       = 1 // TP_STATUS_USER
	statusKernel                                                     = 0
	loopback                                                  uint16 = unix.ARPHRD_LOOPBACK
)

// openRing begins to capture. That needs CAP_NET_RAW.
func openRing() (r *ring, err error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return nil, fmt.Errorf("ask for packets in blocks: %w", err)
	}
	shape := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: blockCount, Frame_size: 2048, Frame_nr: blockSize / 2048 * blockCount, Retire_blk_tov: retire,
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &shape); err != nil {
		return nil, fmt.Errorf("ask for %d MiB of blocks: %w", blockCount, err)
	}
	blocks, err := unix.Mmap(fd, 0, blockSize*blockCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("share the blocks: %w", err)
	}
	// From here on packets come, of every protocol and from every interface.
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL)}); err != nil {
		return nil, errors.Join(fmt.Errorf("listen to all interfaces: %w", err), unix.Munmap(blocks))
	}
	return &ring{fd: fd, blocks: blocks}, nil
}

func bigEndian(v uint16) uint16 { return v<<8 | v>>8 }

func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.blocks), unix.Close(r.fd))
}

// read hands on all frames until ctx ends, and then those of before that the
// kernel has not handed over yet.
func (r *ring) read(ctx context.Context, take func(wire.Frame)) error {
	var ended, newest time.Time
	for {
		ready, err := r.wait()
		switch {
		case err != nil:
			return err
		case ready:
			newest = r.block(take)
		case !ended.IsZero():
			return nil
		}
		if ended.IsZero() && ctx.Err() != nil {
			ended = time.Now()
		}
		if !ended.IsZero() && newest.After(ended) {
			return nil
		}
	}
}

// wait waits for the next block, but for no more than it takes the kernel to
// hand over one that is not full. Waiting is also what makes sure that a block's
// status is read before what it holds.
func (r *ring) wait() (ready bool, err error) {
	const patience = 3 * retire
	set := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}} //nolint:gosec // descriptors are small
	n, err := unix.Poll(set, patience)
	if errors.Is(err, unix.EINTR) {
		return r.status() == statusUser, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for packets: %w", err)
	}
	if n > 0 && set[0].Revents&unix.POLLERR != 0 {
		code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		return false, fmt.Errorf("wait for packets: %w", errors.Join(unix.Errno(code), err))
	}
	return r.status() == statusUser, nil
}

// current is the block to be read next.
func (r *ring) current() []byte { return r.blocks[r.at*blockSize : (r.at+1)*blockSize] }

func (r *ring) status() uint32 {
	return binary.NativeEndian.Uint32(r.current()[blockStatus:]) & statusUser
}

// block reads the current block, gives it back to the kernel, and tells when its
// last frame came.
func (r *ring) block(take func(wire.Frame)) (newest time.Time) {
	b := r.current()
	word := func(at uint32) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	at := word(blockFirst)
	for range word(blockPackets) {
		newest = time.Unix(int64(word(at+packetSec)), int64(word(at+packetNsec)))
		address := b[at+packetAddress : at+packetAddress+addressEnd]
		// On the loopback interface each packet comes twice: going, and coming.
		twice := binary.NativeEndian.Uint16(address[addressHardware:]) == loopback && address[addressKind] == unix.PACKET_OUTGOING
		if !twice {
			begin := at + uint32(binary.NativeEndian.Uint16(b[at+packetNet:]))
			take(wire.Frame{
				At:    newest,
				Ether: binary.BigEndian.Uint16(address[addressProtocol:]),
				Data:  b[begin : begin+word(at+packetSnap)],
			})
		}
		at += word(at + packetNext)
	}
	binary.NativeEndian.PutUint32(b[blockStatus:], statusKernel)
	r.at = (r.at + 1) % blockCount
	return newest
}

// dropped is how many packets the kernel had no room for.
func (r *ring) dropped() (int64, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("ask how many packets were dropped: %w", err)
	}
	return int64(s.Drops), nil
}
