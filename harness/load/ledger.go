package load

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// segmentSize is how long a segment grows before it is compressed.
const segmentSize = 1 << 20

// ledger is a folder of segments, 000001.zst, 000002.zst, ...: the last one is
// not compressed yet and ends in .raw. An entry has reached the kernel when begin
// or settle returns, so nothing is lost when this process is killed; a crash of
// the machine is another matter, and ends the run anyway.
type ledger struct {
	dir    string
	header Header

	mu      sync.Mutex
	file    *os.File
	size    int
	entry   []byte
	packing sync.WaitGroup // segments being compressed
	failed  error          // why one could not be
	closed  bool
}

// createLedger makes the folder. One that is there already and holds anything
// is an error: a ledger is written once.
func createLedger(dir string, h Header) (*ledger, error) {
	h.Format = format
	l := &ledger{dir: dir, header: h}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var there []os.DirEntry
		if there, err = os.ReadDir(dir); err == nil && len(there) > 0 {
			err = fmt.Errorf("there is %s in it already: give another folder", there[0].Name())
		}
	}
	if err == nil {
		err = l.open()
	}
	if err != nil {
		return nil, fmt.Errorf("make a ledger in %s: %w", dir, err)
	}
	return l, nil
}

func (l *ledger) name(segment int, suffix string) string {
	return filepath.Join(l.dir, fmt.Sprintf("%06d%s", segment, suffix))
}

// open begins the next segment.
func (l *ledger) open() (err error) {
	l.header.Segment++
	l.file, err = os.OpenFile(l.name(l.header.Segment, raw), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.entry = appendHeader(l.entry[:0], l.header)
	l.size = len(l.entry)
	_, err = l.file.Write(l.entry)
	return err
}

// begin notes a write that is about to be sent.
func (l *ledger) begin(conn int, op Op) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size >= segmentSize {
		if err := l.turn(); err != nil {
			return fmt.Errorf("begin a segment of the ledger in %s: %w", l.dir, err)
		}
	}
	l.entry = appendBegin(l.entry[:0], conn, op)
	return l.write()
}

// settle notes how the write ended that the connection began last.
func (l *ledger) settle(conn int, f fate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry = appendSettle(l.entry[:0], conn, f)
	return l.write()
}

func (l *ledger) write() error {
	n, err := l.file.Write(l.entry)
	l.size += n
	if err != nil {
		return fmt.Errorf("write to the ledger in %s: %w", l.dir, err)
	}
	return nil
}

// turn ends the segment, begins the next one, and compresses beside it.
func (l *ledger) turn() error {
	if err := errors.Join(l.failed, l.file.Close()); err != nil {
		return err
	}
	full := l.header.Segment
	l.packing.Go(func() {
		if err := l.pack(full); err != nil {
			l.mu.Lock()
			l.failed = errors.Join(l.failed, err)
			l.mu.Unlock()
		}
	})
	return l.open()
}

// close compresses what is left. It may be called more than once.
func (l *ledger) close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	err, last := l.file.Close(), l.header.Segment
	l.mu.Unlock()
	l.packing.Wait()
	if err = errors.Join(err, l.failed, l.pack(last)); err != nil {
		return fmt.Errorf("close the ledger in %s: %w", l.dir, err)
	}
	return nil
}

// Suffixes of segments. A segment that is there in both forms is the same in
// both; a .part is a compression that was not finished.
const (
	raw     = ".raw"
	packed  = ".zst"
	partial = ".part"
)

// pack compresses one segment. zstd puts a checksum of its own behind it.
func (l *ledger) pack(segment int) error {
	content, err := os.ReadFile(l.name(segment, raw))
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.name(segment, partial), z.EncodeAll(content, nil), 0o600); err != nil {
		return err
	}
	if err := os.Rename(l.name(segment, partial), l.name(segment, packed)); err != nil {
		return err
	}
	return os.Remove(l.name(segment, raw))
}

// maxSegment bounds what a segment may unpack to.
const maxSegment = segmentSize + 2*maxEntry

// readSegment gives a segment's entries, and whether its last one may be torn.
// fs.ErrNotExist: there is no such segment.
func readSegment(dir string, segment int) (content []byte, open bool, err error) {
	l := &ledger{dir: dir}
	// The writer may compress the segment during this read: two tries in this
	// order find it in the one form or the other.
	for range 2 {
		if content, err = unpack(l.name(segment, packed)); !errors.Is(err, fs.ErrNotExist) {
			return content, false, err
		}
		if content, err = os.ReadFile(l.name(segment, raw)); !errors.Is(err, fs.ErrNotExist) {
			return content, true, err
		}
	}
	return nil, false, err
}

// hasBegun tells whether a segment is there, in the one form or the other.
func hasBegun(dir string, segment int) bool {
	l := &ledger{dir: dir}
	return slices.ContainsFunc([]string{raw, packed}, func(form string) bool { // raw is removed when packed is there
		_, err := os.Stat(l.name(segment, form))
		return err == nil
	})
}

func unpack(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the caller's own ledger
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	content, err := io.ReadAll(io.LimitReader(z, maxSegment+1))
	if err == nil && len(content) > maxSegment {
		err = errors.New("it is longer than any segment")
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", filepath.Base(name), err)
	}
	return content, nil
}

// replay visits all entries of a ledger in order; torn tells that the last one
// was cut off. Beside a writer it ends with the segment that was the last one when it
// was read: only one that another has followed is whole.
func replay(dir string, visit func(entry) error) (torn bool, err error) {
	for segment := 1; ; segment++ {
		more := hasBegun(dir, segment+1)
		content, open, err := readSegment(dir, segment)
		if err != nil {
			return false, err
		}
		if torn, err = replaySegment(content, segment, visit); err != nil {
			return torn, fmt.Errorf("segment %d: %w", segment, err)
		}
		switch {
		case torn && more:
			return torn, fmt.Errorf("segment %d: %w, and segment %d follows", segment, errTorn, segment+1)
		case torn && !open:
			return torn, fmt.Errorf("segment %d: %w, although it was ended", segment, errTorn)
		case !more:
			return torn, nil
		}
	}
}

func replaySegment(content []byte, segment int, visit func(entry) error) (torn bool, err error) {
	for n := 0; len(content) > 0; n++ {
		var e entry
		e, content, err = cutEntry(content)
		switch {
		case errors.Is(err, errTorn):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("entry %d: %w", n, err)
		case (n == 0) != (e.header != nil), n == 0 && e.header.Segment != segment:
			return false, fmt.Errorf("entry %d: %w", n, errors.New("each segment has one header, with its number, and it comes first"))
		}
		if err := visit(e); err != nil {
			return false, fmt.Errorf("entry %d: %w", n, err)
		}
	}
	return false, nil
}
