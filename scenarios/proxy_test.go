package scenarios

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// between stands between the command and the engine, so that the engine can
// seem to be another, or to stop.
type between struct {
	env    []string // makes the command use it
	server *http.Server
	heard  *listener
}

// meddling is what the engine is made to seem: both may be nil.
type meddling struct {
	answer func(http.ResponseWriter, *http.Request) bool // true: answered, the engine is not asked
	change func(*http.Response) error                    // the engine's answer
}

// listener remembers its connections: the server forgets those whose protocol
// was upgraded (sessions in containers).
type listener struct {
	*net.UnixListener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.UnixListener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

func newBetween(t *testing.T, m meddling) *between {
	t.Helper()
	engine, err := url.Parse(cmp.Or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock"))
	require.NoError(t, err)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		if engine.Scheme == "unix" {
			return d.DialContext(ctx, "unix", engine.Path)
		}
		return d.DialContext(ctx, "tcp", engine.Host)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		Transport:     transport,
		FlushInterval: -1, // events and logs come one by one
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	if m.change != nil {
		forward.ModifyResponse = m.change
	}
	socket := filepath.Join(t.TempDir(), "engine.sock")
	heard, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	require.NoError(t, err)
	b := &between{env: []string{"DOCKER_HOST=unix://" + socket}, heard: &listener{UnixListener: heard}}
	b.server = &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: forward.ErrorLog, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.answer == nil || !m.answer(w, r) {
			forward.ServeHTTP(w, r)
		}
	})}
	go func() { _ = b.server.Serve(b.heard) }() // ends with cut
	t.Cleanup(b.cut)
	return b
}

// cut ends every connection, and refuses new ones: the engine has gone.
func (b *between) cut() {
	_ = b.server.Close() // also after the first time
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	for _, c := range b.heard.conns {
		_ = c.Close() // may have ended
	}
}

// memory lets the engine seem to have so many bytes.
func memory(total int64) func(*http.Response) error {
	return func(r *http.Response) error {
		if !strings.HasSuffix(r.Request.URL.Path, "/info") {
			return nil
		}
		info := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&info); err != nil {
			return err
		}
		info["MemTotal"] = total
		b, err := json.Marshal(info)
		if err != nil {
			return err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		r.Header.Set("Content-Length", strconv.Itoa(len(b)))
		return nil
	}
}

// full lets the engine seem to have no room for volumes.
func full(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/volumes/create") {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, `{"message":"create volume: mkdir: no space left on device"}`) // to a command that may have gone
	return true
}
