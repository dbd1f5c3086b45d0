package cluster

import (
	"context"
	"net"
	"sync"
)

// lines are the connections that a pool has open.
type lines struct {
	mu   sync.Mutex
	open map[*line]struct{}
}

// line leaves them when it is closed.
type line struct {
	net.Conn
	of *lines
}

func (l *lines) dial(ctx context.Context, reach func(context.Context) (net.Conn, error)) (net.Conn, error) {
	conn, err := reach(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*line]struct{}{}
	}
	n := &line{conn, l}
	l.open[n] = struct{}{}
	return n, nil
}

// sever closes all open lines, also those on which a caller waits for an answer.
func (l *lines) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range l.open {
		_ = n.Conn.Close()
	}
	clear(l.open)
}

func (n *line) Close() error {
	n.of.mu.Lock()
	delete(n.of.open, n)
	n.of.mu.Unlock()
	return n.Conn.Close()
}
