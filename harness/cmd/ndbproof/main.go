// Command ndbproof proves, on real MySQL NDB Clusters in containers, that
// replication between two clusters is secure and loses nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

// exit is an error that carries the program's exit code. What is to be said of
// it has been said.
type exit struct{ code evidence.Exit }

func (e *exit) Error() string { return e.code.String() }

func main() {
	ctx, stop := interruptible()
	err := command().ExecuteContext(ctx)
	stop()
	os.Exit(int(code(err)))
}

// interruptible ends with SIGINT or SIGTERM, and says so. A second one ends the
// program at once; what it leaves behind the next start removes.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		s, ok := <-signals
		if !ok {
			return
		}
		signal.Stop(signals)
		fmt.Fprintln(os.Stderr, "\ninterrupted: taking down what was started (once more to leave it)")
		cancel(fmt.Errorf("interrupted by a signal (%s)", s))
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel(nil) }
}

// code is the exit code of a command's error, which is printed here unless it
// has been.
func code(err error) evidence.Exit {
	var e *exit
	var u *run.Usage
	switch {
	case err == nil:
		return evidence.ExitHeld
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &u):
		complain(err)
		return evidence.ExitUsage
	}
	complain(err)
	return evidence.ExitNotLooked
}

// complain says in one line what went wrong.
func complain(err error) {
	fmt.Fprintln(os.Stderr, "ndbproof:", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "ndbproof",
		Short:         "prove that replication between two NDB Clusters is secure and loses nothing",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &run.Usage{Err: fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	root.AddCommand(runCommand(), parityCommand(), imageCommand(), composeCommand(), downCommand(), doctorCommand())
	for _, c := range root.Commands() {
		if c.Args == nil {
			c.Args = noArguments
		}
	}
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &run.Usage{Err: fmt.Errorf("there is no command %q; see `ndbproof --help`", args[0])}
		}
		return nil
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return root
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &run.Usage{Err: fmt.Errorf("%s takes no argument, and %q was given; see `%s --help`", c.CommandPath(), args[0], c.CommandPath())}
	}
	return nil
}
