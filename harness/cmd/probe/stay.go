package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"ndbproof/harness/node"
)

// listen opens a port that no configuration has, says which, and keeps it open.
// It accepts every connection, and closes it.
func (p probe) listen(ctx context.Context, port string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: port %q: want 0 to 65535", errUsage, port)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", fmt.Sprintf("0.0.0.0:%d", number))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", number, err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	if addr, ok := listener.Addr().(*net.TCPAddr); ok { // always, of tcp4
		if err := p.print(node.Socket{Proto: "tcp", Address: "0.0.0.0", Port: addr.Port}); err != nil {
			return err
		}
	}
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen on port %d: %w", number, err)
		}
		_ = conn.Close()
	}
}

// wait keeps the container, and with it a place to run the other commands, until
// it is stopped.
func (p probe) wait(ctx context.Context) error {
	if err := p.print(struct{}{}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
