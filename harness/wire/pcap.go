package wire

import (
	"bytes"
	"encoding/binary"
	"time"
)

// pcap is a capture file (pcap-savefile(5)) of packets cut off at the end of
// their headers: payloads are not kept.
type pcap struct{ buf bytes.Buffer }

const (
	pcapMagic   = 0xA1B23C4D // times in nanoseconds
	pcapSnap    = 256        // more than IP's and TCP's longest headers together need
	pcapRaw     = 101        // LINKTYPE_RAW: each packet begins with IP
	pcapVersion = 2 | 4<<16  // 2.4, as two fields of 16 bits
)

// file gives the whole file, which has a header also when it has no packet.
func (p *pcap) file() []byte {
	head := make([]byte, 0, 24+p.buf.Len())
	for _, v := range []uint32{pcapMagic, pcapVersion, 0, 0, pcapSnap, pcapRaw} {
		head = binary.LittleEndian.AppendUint32(head, v)
	}
	return append(head, p.buf.Bytes()...)
}

// add keeps the first bytes of a packet of IP, headers and no more.
func (p *pcap) add(at time.Time, packet []byte, headers int) {
	headers = min(headers, len(packet), pcapSnap)
	nanos := at.UnixNano()
	for _, v := range []int64{nanos / 1e9, nanos % 1e9, int64(headers), int64(len(packet))} {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(v)) //nolint:gosec // the format has 32 bits
		p.buf.Write(b[:])
	}
	p.buf.Write(packet[:headers])
}
