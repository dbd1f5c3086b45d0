package scenarios

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// program builds the command once, into a file beside bin/ndbproof: another process
// may be running that one.
var program = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs(harness.Root())
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", "scenarios", "ndbproof")
	build := exec.Command("go", "build", "-o", path, "./harness/cmd/ndbproof")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w: %s", err, out)
	}
	return path, nil
})

// place is where commands of one scenario keep things: folders of their own, so
// that what they leave behind can be told from what others do.
type place struct {
	tmp, results string
}

func newPlace(t *testing.T) place {
	t.Helper()
	return place{tmp: t.TempDir(), results: filepath.Join(t.TempDir(), "results")}
}

// process is the command while it runs.
type process struct {
	place
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr lines
	ended  chan struct{} // closed when it has ended
}

// lines is standard error, read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start starts the command. A setting in env goes before the scenario's own
// environment. When ctx ends the command is interrupted.
func (at place) start(ctx context.Context, t *testing.T, env []string, args ...string) *process {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	p := &process{place: at, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Env = append(append(os.Environ(), "NDB_IMAGE=", "TMPDIR="+at.tmp), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 40 * time.Second
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the exit code says it
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // has ended, unless the test failed
		<-p.ended
		if t.Failed() {
			t.Logf("%s: exit %d\n%s%s", p.cmd.Args, p.cmd.ProcessState.ExitCode(), p.stderr.String(), p.stdout.String())
		}
	})
	return p
}

// run is start for ndbproof run, of the release under test unless args name one.
func (at place) run(ctx context.Context, t *testing.T, env []string, args ...string) *process {
	t.Helper()
	all := []string{"run", "--results", at.results, "--accept", "F1", "--duration", "5s", "--rows", "200"}
	if r := harness.Release(); r != "" {
		all = append(all, "--release", r)
	}
	return at.start(ctx, t, env, append(all, args...)...)
}

// says waits for a word in the command's progress.
func (p *process) says(ctx context.Context, t *testing.T, word *regexp.Regexp) {
	t.Helper()
	require.NoError(t, poll.Until(ctx, fmt.Sprintf("the command to say %q", word), func(context.Context) error {
		if word.MatchString(p.stderr.String()) {
			return nil
		}
		return p.going("it has not said so")
	}))
}

// writes waits for a word in the timeline of its run.
func (p *process) writes(ctx context.Context, t *testing.T, word string) {
	t.Helper()
	require.NoError(t, poll.Until(ctx, fmt.Sprintf("%q in the timeline", word), func(context.Context) error {
		found, err := filepath.Glob(filepath.Join(p.results, "*", evidence.TimelineFile))
		if err != nil {
			return err
		}
		for _, name := range found {
			if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte(word)) {
				return nil
			}
		}
		return p.going("it does not stand there")
	}))
}

// makes waits until a run that is not in others has a container, and gives it.
func (p *process) makes(ctx context.Context, t *testing.T, others ...string) (run string) {
	t.Helper()
	require.NoError(t, poll.Every(ctx, 200*time.Millisecond, "a container of the run", func(context.Context) error {
		for _, h := range harness.Leftovers(t, p.tmp) {
			if len(h.Containers) > 0 && !strings.Contains(strings.Join(others, " "), h.Run) {
				run = h.Run
				return nil
			}
		}
		return p.going("there is none")
	}))
	return run
}

// going is why a wait goes on; it stops one for a command that has ended.
func (p *process) going(why string) error {
	select {
	case <-p.ended:
		return poll.Stop(fmt.Errorf("%s, and it has ended: exit %d", why, p.cmd.ProcessState.ExitCode()))
	default:
		return fmt.Errorf("%s", why)
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// ends waits for the end and gives the exit code.
func (p *process) ends(ctx context.Context, t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-ctx.Done():
		require.FailNow(t, "the command goes on", "%v", context.Cause(ctx))
	}
	return p.cmd.ProcessState.ExitCode()
}

// exits waits for the end, wants this exit code, and for every exit but that of
// wrong usage gives the results, whose headline is the first thing printed.
func (p *process) exits(ctx context.Context, t *testing.T, want evidence.Exit) evidence.Results {
	t.Helper()
	require.EqualValues(t, want, p.ends(ctx, t))
	if want == evidence.ExitUsage {
		return evidence.Results{}
	}
	where := regexp.MustCompile(`(?m)^evidence: (.+)$`).FindStringSubmatch(p.stdout.String())
	require.NotNil(t, where, "standard output does not say where the evidence lies")
	res, err := evidence.Read(filepath.Join(where[1], evidence.ResultsFile))
	require.NoError(t, err)
	require.NoError(t, evidence.Verify(where[1]))
	require.Equal(t, want, res.Exit)
	first, _, _ := strings.Cut(p.stdout.String(), "\n")
	require.Equal(t, res.Verdict.Headline, first)
	return res
}

// refused is an end with one line, which has all the words, in the headline and
// in the progress alike.
func (p *process) refused(ctx context.Context, t *testing.T, want evidence.Exit, words ...string) evidence.Results {
	t.Helper()
	res := p.exits(ctx, t, want)
	var line string
	if want == evidence.ExitUsage {
		require.Empty(t, p.stdout.String())
		line = p.only(t, "ndbproof: ")
		require.NoFileExists(t, p.results, "wrong usage leaves nothing")
	} else {
		require.NotContains(t, p.stderr.String(), "ndbproof: ", "a second complaint")
		line = p.only(t, "ended: ")
		require.NotNil(t, res.Error)
		require.Equal(t, res.Error.Text, line)
		require.NotContains(t, res.Error.Text, "\n")
	}
	for _, w := range words {
		require.Contains(t, line, w)
	}
	t.Log(line)
	return res
}

// only gives what follows on the only line of standard error that has mark: the
// last one.
func (p *process) only(t *testing.T, mark string) string {
	t.Helper()
	all := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	require.Equal(t, 1, strings.Count(p.stderr.String(), mark), "lines with %q", mark)
	_, line, found := strings.Cut(all[len(all)-1], mark)
	require.True(t, found, "the last line is %q", all[len(all)-1])
	return line
}

// clean wants nothing on the engine and no temporary file of any command here.
func (at place) clean(t *testing.T) {
	t.Helper()
	require.Empty(t, harness.Leftovers(t, at.tmp), "left on the engine")
	left, err := os.ReadDir(at.tmp)
	require.NoError(t, err)
	require.Empty(t, left, "left among temporary files")
}

// bounded declares a scenario's budget.
func bounded(t *testing.T, budget time.Duration) context.Context {
	t.Helper()
	ctx, cancel := poll.WithLimit(harness.Context(t), budget, t.Name())
	t.Cleanup(cancel)
	return ctx
}

// inSession runs statements in one session of a side, and leaves that as it was.
func inSession(ctx context.Context, p *cluster.Pair, side topology.Side, statements ...string) error {
	conn, err := p.Server(side).DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	for _, s := range append(statements, "SET SESSION sql_log_bin=1, sql_mode=DEFAULT, cte_max_recursion_depth=DEFAULT") {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("on the %s: %.200s: %w", side, s, err)
		}
	}
	return nil
}

// deepRecursion lets a statement count as far as a test has rows.
const deepRecursion = "SET SESSION cte_max_recursion_depth=1000000"

// unlogged runs statements that the channel does not carry.
func unlogged(ctx context.Context, p *cluster.Pair, side topology.Side, statements ...string) error {
	return inSession(ctx, p, side, append([]string{"SET SESSION sql_log_bin=0", deepRecursion}, statements...)...)
}
