package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// created is a container as a client asked for it.
type created struct {
	container.Config
	HostConfig       container.HostConfig
	NetworkingConfig network.NetworkingConfig
	name             string
	also             []string // networks that it was connected to afterwards
	files            []*tar.Header
}

// fake is an engine that notes what it is asked for, and answers as a test wants.
type fake struct {
	t       *testing.T
	refuses string                                        // an act that it refuses: "archive", "start"
	exit    int                                           // of every program
	stdout  string                                        // of every container
	stderr  string                                        // of every container
	exec    func(in *bufio.Reader, say func(int, string)) // what a program in a container does
	answer  map[string]any                                // by path, for GET
	out     []byte                                        // what is copied out of a container, as tar
	mu      sync.Mutex                                    //
	boxes   map[string]*created                           // that are there, by id
	made    []*created                                    // in order
	removed []string                                      // paths of DELETE
	execs   []container.ExecOptions                       // in order
	posts   map[string]map[string]any                     // bodies of other calls, by path
	queries map[string][]string                           // their queries
}

// newFake gives an engine, and a run on it.
func newFake(t *testing.T) (*fake, *Run) {
	t.Helper()
	f := &fake{t: t, boxes: map[string]*created{}, posts: map[string]map[string]any{}, queries: map[string][]string{}}
	f.answer = map[string]any{
		"info":     map[string]any{"NCPU": 2, "Architecture": "x86_64"},
		"networks": []any{map[string]any{"Name": "bridge"}}, "containers/json": []any{}, "volumes": map[string]any{},
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+s.Listener.Addr().String())
	t.Setenv("TMPDIR", t.TempDir())
	e, err := Dial(t.Context())
	require.NoError(t, err)
	lease, err := Take(false, 7)
	require.NoError(t, err)
	r := e.With(lease)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return f, r
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("API-Version", "1.41")
	_, p, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the API's version
	kind, name, _ := strings.Cut(p, "/")
	id, act := path.Split(name)
	id = strings.Trim(id, "/")
	f.mu.Lock()
	f.queries[p] = append(f.queries[p], r.URL.RawQuery)
	refused := act == f.refuses && act != ""
	f.mu.Unlock()
	switch {
	case r.URL.Path == "/_ping":
	case refused:
		f.say(w, http.StatusInternalServerError, map[string]any{"message": "refused"})
	case r.Method == http.MethodDelete:
		f.remove(w, p, act)
	case p == "containers/create":
		f.create(w, r)
	case kind == "containers" && r.Method != http.MethodGet || act == "logs" || act == "archive":
		f.container(w, r, id, act)
	case kind == "exec":
		f.execute(w, r, act)
	case r.Method == http.MethodPost:
		f.post(w, r, p, id)
	case f.answer[p] != nil:
		f.say(w, http.StatusOK, f.answer[p])
	case kind == "images":
		f.say(w, http.StatusOK, map[string]any{"Id": "sha256:1", "Config": map[string]any{}})
	case kind == "networks":
		f.say(w, http.StatusOK, map[string]any{"Name": name, "Id": "id of " + name})
	default:
		f.say(w, http.StatusNotFound, map[string]any{"message": "no such path: " + p})
	}
}

// refuse has it refuse an act from now on. A call that its client broke off may still
// be at work.
func (f *fake) refuse(act string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuses = act
}

func (f *fake) say(w http.ResponseWriter, code int, v any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fake) remove(w http.ResponseWriter, p, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.boxes, id)
	f.removed = append(f.removed, p)
	w.WriteHeader(http.StatusNoContent)
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	c := &created{name: r.URL.Query().Get("name")}
	assert.NoError(f.t, json.NewDecoder(r.Body).Decode(c))
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("%064d", len(f.made)+1)
	f.boxes[id], f.made = c, append(f.made, c)
	f.say(w, http.StatusCreated, map[string]any{"Id": id})
}

func (f *fake) post(w http.ResponseWriter, r *http.Request, p, id string) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts[p] = body
	if box, ok := body["Container"].(string); ok {
		f.boxes[box].also = append(f.boxes[box].also, id)
	}
	f.say(w, http.StatusCreated, map[string]any{"Id": "made"})
}

func (f *fake) container(w http.ResponseWriter, r *http.Request, id, act string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case act == "archive" && r.Method == http.MethodPut:
		for in := tar.NewReader(r.Body); ; {
			h, err := in.Next()
			if err != nil {
				break
			}
			f.boxes[id].files = append(f.boxes[id].files, h)
		}
	case act == "archive" && f.out == nil:
		f.say(w, http.StatusNotFound, map[string]any{"message": "no such file"})
	case act == "archive":
		stat, _ := json.Marshal(map[string]any{"name": "x"})
		w.Header().Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString(stat))
		_, _ = w.Write(f.out)
	case act == "logs":
		_, _ = w.Write(append(frame(1, f.stdout), frame(2, f.stderr)...))
	case act == "wait":
		f.say(w, http.StatusOK, map[string]any{"StatusCode": f.exit})
	case act == "exec":
		var o container.ExecOptions
		_ = json.NewDecoder(r.Body).Decode(&o)
		f.execs = append(f.execs, o)
		f.say(w, http.StatusCreated, map[string]any{"Id": "e1"})
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// execute is the way of a program in a container: a connection that both ends
// write to.
func (f *fake) execute(w http.ResponseWriter, r *http.Request, act string) {
	if act == "json" {
		f.say(w, http.StatusOK, map[string]any{"ExitCode": f.exit})
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	conn, in, err := w.(http.Hijacker).Hijack()
	if !assert.NoError(f.t, err) {
		return
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	f.exec(in.Reader, func(stream int, text string) { _, _ = conn.Write(frame(stream, text)) })
}

// frame is a text as the engine sends it: behind the stream's number and the
// length.
func frame(stream int, text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{byte(stream), 0, 0, 0}, uint32(len(text))), text...)
}

// packed is a tar stream of one entry.
func packed(t *testing.T, h tar.Header, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h.Size = int64(len(content))
	require.NoError(t, w.WriteHeader(&h))
	_, err := io.WriteString(w, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
