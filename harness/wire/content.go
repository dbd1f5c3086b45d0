package wire

import (
	"bytes"
	"crypto/tls"
	"slices"

	"ndbproof/harness/greeting"
	"ndbproof/harness/node"
)

// Words for what a stream opens with.
const (
	OpensGreeting   = "mysql-greeting"
	OpensError      = "mysql-error"
	OpensSSLRequest = "ssl-request"
	OpensLogin      = "mysql-login" // without TLS
	OpensTLS        = "tls"
	OpensNDB        = "ndb"
	OpensOther      = "other"
)

// content reads one direction of a connection in order, says what its bytes
// are, and keeps none of them but those that it needs to go on.
type content struct {
	whole   bool // the first byte read is the first one sent
	state   state
	buf     []byte // of a header that has not come whole
	left    int    // bytes of the current packet or record that are to come
	kind    byte   // type of the current record
	hello   []byte // the body of a record that may begin with a ServerHello
	run     int64  // whole records since the stream was out of step
	waiting int64  // bytes of these, headers included
	markers map[string][]byte
	tail    []byte // of what was searched, in case a marker lies across two segments
}

type state int

const (
	atStart  state = iota
	inPacket       // of MySQL's, before TLS
	inTLS
	inClear
	seeking // for a record, at the beginning of a segment
)

// inStep is how many records must follow one another before a stream that was
// open before counts as TLS: five bytes alone can be like a header by chance.
const inStep = 2

// helloMost bounds what is kept of a record: a ServerHello has about 100 bytes.
const helloMost = 4096

func (c *content) read(facts *node.Stream, data []byte) {
	c.search(facts, data)
	if c.state == atStart && !c.whole {
		c.state = seeking
	}
	if c.state == seeking && !looksLikeRecord(data) {
		facts.Unread += int64(len(data))
		return
	}
	if c.state == seeking {
		c.state = inTLS
	}
	for len(data) > 0 {
		data = c.step(facts, data)
	}
}

// looksLikeRecord tells whether a segment begins with the header of a record.
func looksLikeRecord(data []byte) bool {
	if len(data) < recordHead {
		return false
	}
	_, _, ok := recordHeader(data)
	return ok
}

// step reads some bytes and gives the others back.
func (c *content) step(facts *node.Stream, data []byte) []byte {
	switch c.state {
	case atStart:
		return c.open(facts, data)
	case inPacket:
		n := min(c.left, len(data))
		if c.left -= n; c.left == 0 {
			c.state = inTLS
		}
		return data[n:]
	case inTLS:
		return c.record(facts, data)
	case seeking:
		facts.Unread += int64(len(data))
	case inClear:
		facts.Clear += int64(len(data))
	}
	return nil
}

// open tells what the first bytes are: a record of TLS, a packet of MySQL's (3
// bytes of length, a sequence number, a payload), NDB's greeting, or another thing.
func (c *content) open(facts *node.Stream, data []byte) []byte {
	const enough = 8 // a packet's head, and so much of its payload as tells what it is
	n := min(enough-len(c.buf), len(data))
	c.buf = append(c.buf, data[:n]...)
	if len(c.buf) < enough {
		return nil
	}
	size := int(c.buf[0]) | int(c.buf[1])<<8 | int(c.buf[2])<<16
	first, seq := c.buf[4], c.buf[3]
	capabilities := uint32(first) | uint32(c.buf[5])<<8
	_, _, record := recordHeader(c.buf)
	facts.Opens, c.state = OpensOther, inClear
	switch {
	case record:
		facts.Opens, c.state = OpensTLS, inTLS
	case string(c.buf[:4]) == "ndbd":
		facts.Opens = OpensNDB
	case seq == 0 && first == greeting.Protocol10 && size <= greeting.MaxFirst:
		facts.Opens, c.state = OpensGreeting, inPacket
	case seq == 0 && first == greeting.ErrPacket && size <= greeting.MaxFirst:
		facts.Opens, c.state = OpensError, inPacket
	case seq == 1 && size == greeting.SSLRequestSize && capabilities&greeting.ClientSSL != 0:
		facts.Opens, c.state = OpensSSLRequest, inPacket
	case seq == 1 && capabilities&greeting.ClientProtocol41 != 0 && size > greeting.SSLRequestSize:
		facts.Opens = OpensLogin
	}
	read := c.buf
	c.buf = nil
	if c.state == inPacket {
		c.left = size + 4 // and its head
	}
	// What was read to decide is read again as what it is, and then the rest.
	for len(read) > 0 {
		read = c.step(facts, read)
	}
	return data[n:]
}

// record reads headers and bodies of TLS records.
func (c *content) record(facts *node.Stream, data []byte) []byte {
	if c.left == 0 {
		n := min(recordHead-len(c.buf), len(data))
		c.buf = append(c.buf, data[:n]...)
		data = data[n:]
		if len(c.buf) < recordHead {
			return data
		}
		kind, size, ok := recordHeader(c.buf)
		c.waiting += recordHead
		if !ok {
			c.outOfStep(facts)
			return data
		}
		c.kind, c.left, c.buf, c.hello = kind, size, nil, c.hello[:0]
	}
	n := min(c.left, len(data))
	if c.kind == recordHandshake && len(c.hello) < helloMost {
		c.hello = append(c.hello, data[:min(n, helloMost-len(c.hello))]...)
	}
	c.waiting += int64(n)
	if c.left -= n; c.left == 0 {
		c.recordEnd(facts)
	}
	return data[n:]
}

func (c *content) recordEnd(facts *node.Stream) {
	facts.Records++
	if c.run++; c.run >= inStep {
		c.waiting = 0
	}
	if c.kind != recordHandshake || facts.TLSVersion != "" {
		return
	}
	if h, ok := parseServerHello(c.hello); ok {
		facts.TLSVersion, facts.CipherSuite = versionName(h.Version), tls.CipherSuiteName(h.Suite)
	}
}

// outOfStep is called where a record should begin and none does. In a stream
// whose beginning was seen, or that was in step, what follows is not TLS; else
// its records may have been none.
func (c *content) outOfStep(facts *node.Stream) {
	clear := int64(len(c.buf))
	c.buf = nil
	if c.whole || c.run >= inStep {
		facts.Clear += clear
		c.state = inClear
		return
	}
	facts.Records -= c.run
	facts.Unread += c.waiting
	c.run, c.waiting = 0, 0
	c.state = seeking
}

// gap is called when bytes are missing from here on.
func (c *content) gap() {
	c.tail, c.buf, c.left, c.run, c.waiting = nil, nil, 0, 0, 0
	if c.state != inClear {
		c.whole, c.state = false, seeking
	}
}

// end gives what has not been told to be anything its name.
func (c *content) end(facts *node.Stream) {
	if c.state == atStart && len(c.buf) > 0 {
		facts.Opens = OpensOther
		facts.Clear += int64(len(c.buf))
		c.buf = nil
	}
}

// search looks for markers, those that lie across two segments too. One that
// was found is not looked for again.
func (c *content) search(facts *node.Stream, data []byte) {
	longest := 0
	for name, m := range c.markers {
		if slices.Contains(facts.Markers, name) {
			continue
		}
		longest = max(longest, len(m))
		edge := data[:min(len(data), len(m)-1)]
		if bytes.Contains(data, m) || bytes.Contains(append(slices.Clip(c.tail), edge...), m) {
			facts.Markers = append(facts.Markers, name)
			slices.Sort(facts.Markers)
		}
	}
	if longest == 0 {
		return
	}
	c.tail = append(c.tail, data[max(0, len(data)-longest+1):]...)
	c.tail = slices.Clone(c.tail[max(0, len(c.tail)-longest+1):])
}
