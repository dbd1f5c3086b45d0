// Command probe looks at a node from a container beside it that shares the
// node's namespaces, where there is no other program. It is static
// (CGO_ENABLED=0). Each subcommand prints one JSON document; errors go to
// stderr. Exit: 0 done, 1 could not look, 2 wrong usage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: probe COMMAND [ARGUMENT...]

  sockets       what listens in this network namespace
  exe           the program of process 1: path, sha256, size, arguments, peak memory
  stat DIR...   every directory entry under DIR; links are not followed
  scan DIR...   search every byte of every file under DIR for the needles on standard input
  open DIR...   the same of files without a name that are open here, and of those under DIR
  listen PORT   listen on 0.0.0.0:PORT until SIGTERM; 0 takes any free port
  wait          do nothing until SIGTERM
  capture       what travels in this network namespace: reads an order, says {} when it
                has begun, and reports when its standard input ends
`

// Exits.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage is a command that cannot be understood.
var errUsage = errors.New("wrong usage")

// probe is what the subcommands look at and print to.
type probe struct {
	proc string // "/proc", another directory in tests
	out  io.Writer
}

// print writes a subcommand's one document.
func (p probe) print(v any) error {
	if err := json.NewEncoder(p.out).Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// command is a subcommand and the numbers of arguments that it takes; most < 0
// is any number.
type command struct {
	least, most int
	run         func(ctx context.Context, p probe, args []string) error
}

var commands = map[string]command{
	"sockets": {0, 0, func(_ context.Context, p probe, _ []string) error { return p.sockets() }},
	"exe":     {0, 0, func(_ context.Context, p probe, _ []string) error { return p.exe() }},
	"stat":    {1, -1, func(ctx context.Context, p probe, dirs []string) error { return p.stat(ctx, dirs) }},
	"listen":  {1, 1, func(ctx context.Context, p probe, args []string) error { return p.listen(ctx, args[0]) }},
	"scan":    {1, -1, func(ctx context.Context, p probe, dirs []string) error { return p.scan(ctx, os.Stdin, dirs) }},
	"open":    {0, -1, func(ctx context.Context, p probe, dirs []string) error { return p.scanOpen(ctx, os.Stdin, dirs) }},
	"wait":    {0, 0, func(ctx context.Context, p probe, _ []string) error { return p.wait(ctx) }},
	"capture": {0, 0, func(ctx context.Context, p probe, _ []string) error { return p.capture(ctx, os.Stdin) }},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, probe{"/proc", os.Stdout}, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, p probe, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	if err := flags.Parse(args); err != nil {
		return exitUsage // flag has said why
	}
	c, known := commands[flags.Arg(0)]
	n := flags.NArg() - 1
	if !known || n < c.least || (c.most >= 0 && n > c.most) {
		flags.Usage()
		return exitUsage
	}
	err := c.run(ctx, p, flags.Args()[1:])
	switch {
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(stderr, "probe:", err)
		flags.Usage()
		return exitUsage
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "probe:", err)
		return exitFailed
	}
	return exitDone
}
