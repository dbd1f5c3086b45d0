package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
)

// procDir is a /proc of our own.
func procDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

// do runs the command and reads what it printed.
func do(t *testing.T, proc string, into any, args ...string) {
	t.Helper()
	var out, stderr bytes.Buffer
	require.Equal(t, exitDone, run(t.Context(), probe{proc, &out}, args, &stderr), stderr.String())
	assert.Empty(t, stderr.String())
	d := json.NewDecoder(&out)
	require.NoError(t, d.Decode(into))
	assert.ErrorIs(t, d.Decode(new(any)), io.EOF, "one document and no more")
}

// fails runs the command and gives what it said.
func fails(t *testing.T, proc string, exit int, args ...string) string {
	t.Helper()
	var out, stderr bytes.Buffer
	assert.Equal(t, exit, run(t.Context(), probe{proc, &out}, args, &stderr), "%q", args)
	assert.Empty(t, out.String())
	return stderr.String()
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"nonsense"},
		{"-x"},
		{"-h"},
		{"sockets", "x"},
		{"exe", "x"},
		{"stat"},
		{"wait", "x"},
		{"listen"},
		{"listen", "1", "2"},
		{"listen", "x"},
		{"listen", "65536"},
		{"listen", "-1"},
	} {
		assert.Contains(t, fails(t, t.TempDir(), exitUsage, args...), "usage: probe COMMAND")
	}
}

const heading = "  sl  local_address rem_address   st\n"

var tables = map[string]string{
	"self/net/tcp":  heading + "   0: 030012AC:089A 00000000:0000 0A 00000000:00000000\n",
	"self/net/udp":  heading + "   0: 0B00007F:8F1C 00000000:0000 07 00000000:00000000\n",
	"self/net/unix": "Num       RefCount Protocol Flags    Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 4672 /var/lib/mysql/mysql.sock\n",
}

func TestSockets(t *testing.T) {
	var got []node.Socket
	do(t, procDir(t, tables), &got, "sockets") // without IPv6
	assert.Equal(t, []node.Socket{
		{Proto: "tcp", Address: "172.18.0.3", Port: 2202},
		{Proto: "udp", Address: "127.0.0.11", Port: 36636},
		{Proto: "unix", Address: "/var/lib/mysql/mysql.sock"},
	}, got)
}

func TestSocketsOfThisMachine(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	require.True(t, ok)

	var got []node.Socket
	do(t, "/proc", &got, "sockets")
	assert.Contains(t, got, node.Socket{Proto: "tcp", Address: "127.0.0.1", Port: addr.Port})
}

func TestSocketsCannotLook(t *testing.T) {
	for _, lost := range []string{"tcp", "udp", "unix"} {
		dir := procDir(t, tables)
		require.NoError(t, os.Remove(filepath.Join(dir, "self/net", lost)))
		assert.Contains(t, fails(t, dir, exitFailed, "sockets"), "list sockets: ")

		dir = procDir(t, tables)
		require.NoError(t, os.Truncate(filepath.Join(dir, "self/net", lost), 0))
		assert.Contains(t, fails(t, dir, exitFailed, "sockets"), "it is empty")
	}
}

func TestExe(t *testing.T) {
	dir := procDir(t, map[string]string{
		"1/cmdline": "ndbmtd\x00--ndb-nodeid=2\x00--foreground\x00",
		"1/status":  "Name:\tndbmtd\nVmPeak:\t  900000 kB\nVmHWM:\t  530000 kB\nVmRSS:\t  500000 kB\n",
		"ndbmtd":    "program",
	})
	require.NoError(t, os.Symlink(filepath.Join(dir, "ndbmtd"), filepath.Join(dir, "1/exe")))
	sum := sha256.Sum256([]byte("program"))
	var got program
	do(t, dir, &got, "exe")
	assert.Equal(t, program{
		Path: filepath.Join(dir, "ndbmtd"), SHA256: hex.EncodeToString(sum[:]), Size: 7,
		Argv: []string{"ndbmtd", "--ndb-nodeid=2", "--foreground"}, PeakKB: 530000,
	}, got)
}

func TestExeCannotLook(t *testing.T) {
	files := map[string]string{"1/cmdline": "ndbmtd\x00", "1/status": "VmHWM:\t1 kB\n", "ndbmtd": "program"}
	for lost, says := range map[string]string{
		"ndbmtd": "the program of process 1", "1/cmdline": "the arguments of process 1", "1/status": "the status of process 1", "1/exe": "readlink",
	} {
		dir := procDir(t, files)
		require.NoError(t, os.Symlink(filepath.Join(dir, "ndbmtd"), filepath.Join(dir, "1/exe")))
		require.NoError(t, os.Remove(filepath.Join(dir, lost)))
		assert.Contains(t, fails(t, dir, exitFailed, "exe"), says)
	}
	_, err := peakKB([]byte("Name:\tndbmtd\nState:\tZ (zombie)\n"))
	assert.ErrorContains(t, err, "no VmHWM")
}

func TestStat(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "keyring"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keyring/file"), []byte("1234"), 0o600))
	require.NoError(t, os.Symlink("/", filepath.Join(dir, "root")))

	var got []node.Stat
	do(t, "", &got, "stat", filepath.Join(dir, "keyring"), filepath.Join(dir, "root"), filepath.Join(dir, "none"))
	require.Len(t, got, 3, "the link is not followed, and what does not exist is empty")
	assert.Equal(t, filepath.Join(dir, "keyring"), got[0].Path)
	assert.Equal(t, fs.ModeDir|0o750, got[0].Mode)
	assert.Equal(t, node.Stat{Path: filepath.Join(dir, "keyring/file"), Mode: 0o600, UID: os.Getuid(), GID: os.Getgid(), Size: 4}, got[1])
	assert.Equal(t, fs.ModeSymlink, got[2].Mode.Type())

	do(t, "", &got, "stat", filepath.Join(dir, "none"))
	assert.NotNil(t, got, "an empty list, not null")
	assert.Empty(t, got)
}

func TestStatCannotLook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.Contains(t, fails(t, "", exitFailed, "stat", filepath.Join(file, "below")), "not a directory")
}

// stays runs a command that ends with its context, and gives the document that
// it prints before it waits.
func stays(t *testing.T, into any, args ...string) (end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		var stderr bytes.Buffer
		c := run(ctx, probe{"", w}, args, &stderr)
		_ = w.CloseWithError(errors.New("it ended: " + stderr.String()))
		code <- c
	}()
	t.Cleanup(cancel)
	require.NoError(t, json.NewDecoder(r).Decode(into))
	return func() int {
		cancel()
		return <-code
	}
}

func TestListen(t *testing.T) {
	var s node.Socket
	end := stays(t, &s, "listen", "0")
	assert.Equal(t, "0.0.0.0", s.Address)
	address := fmt.Sprintf("127.0.0.1:%d", s.Port)

	var dialer net.Dialer
	for range 2 {
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	taken := fails(t, "", exitFailed, "listen", strconv.Itoa(s.Port))
	assert.Contains(t, taken, "address already in use")

	assert.Equal(t, exitDone, end())
	_, err := dialer.DialContext(t.Context(), "tcp", address)
	assert.Error(t, err, "the port is closed again")
}

func TestWait(t *testing.T) {
	var none struct{}
	end := stays(t, &none, "wait")
	assert.Equal(t, exitDone, end())
}
