package images

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/engine"
)

const built974 = "mysql-cluster-9.7.4-linux-glibc2.36-x86_64.tar.gz"

// builder is an engine on which builds from source go as a test wants. It knows
// the base image, and pulls nothing.
type builder struct {
	t      *testing.T
	engine *engine.Run
	says   map[string]string // what each step writes
	fails  string            // the step that ends with 1
	during func(step string) // called while a step runs
	packed map[string][]byte // what lies in /build/out after packing

	mu     sync.Mutex
	labels map[string]map[string]string // of images, by reference
	boxes  map[string]box               // containers that are there
	ran    []box                        // steps that ran, in order
	count  int
}

// box is a container as it was asked for.
type box struct {
	step   string // "" for one that is no step of a build
	Image  string
	User   string
	Cmd    []string
	Env    []string
	files  []string // put in before it ran
	Labels map[string]string

	HostConfig struct {
		NetworkMode string
		CPUShares   int64 `json:"CpuShares"`
		Binds       []string
	}
}

// script is what a shell is to run.
func (c box) script() string {
	if len(c.Cmd) == 0 {
		return ""
	}
	return c.Cmd[len(c.Cmd)-1]
}

// newBuilder is an engine on which everything goes well, and the options to
// build there.
func newBuilder(t *testing.T) (*builder, Options) {
	t.Helper()
	b := &builder{
		t: t, boxes: map[string]box{}, during: func(string) {},
		labels: map[string]map[string]string{"ndbproof/base:bookworm": {labelBase: recipe}},
		says: map[string]string{
			"room":    "disk 80000000000\nused 4096\nmemory 16000000000\n",
			"ask":     asked,
			"compile": "[1/2] Building CXX object a.o\n[2/2] Linking mysqld\n",
			"smoke":   "/usr/local/mysql/bin/mysqld  Ver 9.7.4-cluster for Linux on x86_64\n",
		},
		packed: map[string][]byte{built974: gzipped(t, pack(t, complete()))},
	}
	s := httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(s.Close)
	b.engine = dialled(t, s)
	dir := t.TempDir()
	return b, Options{BuiltDir: dir, BundleDirs: []string{dir}, Getenv: env()}
}

func (b *builder) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("API-Version", "1.41")
	_, p, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the API's version
	kind, name, _ := strings.Cut(p, "/")
	switch {
	case r.URL.Path == "/_ping":
	case p == "info":
		b.answer(w, map[string]any{"NCPU": 2, "Architecture": "x86_64"})
	case p == "networks":
		b.answer(w, []any{map[string]any{"Name": "bridge"}})
	case p == "volumes/create":
		w.WriteHeader(http.StatusCreated)
		b.answer(w, map[string]any{"Name": "v"})
	case kind == "images":
		b.image(w, name)
	case p == "commit":
		var c struct{ Labels map[string]string }
		_ = json.NewDecoder(r.Body).Decode(&c)
		b.mu.Lock()
		b.labels[strings.TrimPrefix(r.URL.Query().Get("repo"), "docker.io/")+":"+r.URL.Query().Get("tag")] = c.Labels
		b.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		b.answer(w, map[string]any{"Id": "sha256:1"})
	case p == "containers/json":
		b.answer(w, []any{})
	case p == "containers/create":
		b.create(w, r)
	default:
		id, act := path.Split(name)
		b.container(w, r, strings.Trim(id, "/"), act)
	}
}

func (b *builder) answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func (b *builder) refuse(w http.ResponseWriter, why string) {
	w.WriteHeader(http.StatusNotFound)
	b.answer(w, map[string]any{"message": why})
}

func (b *builder) image(w http.ResponseWriter, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	labels, ok := b.labels[strings.TrimSuffix(name, "/json")]
	switch {
	case name == "json":
		b.answer(w, []any{})
	case name == "create":
		b.refuse(w, "no registry")
	case ok:
		b.answer(w, map[string]any{"Id": "sha256:1", "Config": map[string]any{"Labels": labels}})
	default:
		b.refuse(w, "no such image")
	}
}

func (b *builder) create(w http.ResponseWriter, r *http.Request) {
	var c box
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		b.t.Errorf("create: %v", err)
	}
	for _, j := range sourcePlan() {
		if strings.Contains(c.script(), j.Script) {
			c.step = j.Name
		}
	}
	b.mu.Lock()
	b.count++
	id := fmt.Sprintf("c%063d", b.count)
	b.boxes[id] = c
	b.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	b.answer(w, map[string]any{"Id": id})
}

func (b *builder) container(w http.ResponseWriter, r *http.Request, id, act string) {
	b.mu.Lock()
	c := b.boxes[id]
	b.mu.Unlock()
	switch {
	case r.Method == http.MethodDelete:
		b.mu.Lock()
		delete(b.boxes, act)
		b.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case act == "archive" && r.Method == http.MethodPut:
		for t := tar.NewReader(r.Body); ; {
			h, err := t.Next()
			if err != nil {
				break
			}
			c.files = append(c.files, h.Name)
		}
		b.mu.Lock()
		b.boxes[id] = c
		b.mu.Unlock()
	case act == "archive":
		b.archive(w, r)
	case act == "start":
		w.WriteHeader(http.StatusNoContent)
	case act == "logs":
		b.mu.Lock()
		b.ran = append(b.ran, c)
		b.mu.Unlock()
		b.during(c.step)
		_, _ = w.Write(onStdout(b.says[c.step]))
	case act == "wait":
		code := 0
		if c.step != "" && c.step == b.fails {
			code = 1
		}
		b.answer(w, map[string]any{"StatusCode": code})
	default:
		b.refuse(w, "no such path: "+r.URL.Path)
	}
}

// onStdout is a text as an engine sends it of a standard output: behind the
// stream's number and the length.
func onStdout(text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(text))), text...)
}

// archive gives /build/out, and tells that the base image has apt.
func (b *builder) archive(w http.ResponseWriter, r *http.Request) {
	stat, _ := json.Marshal(map[string]any{"name": "x"})
	w.Header().Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString(stat))
	if r.Method == http.MethodHead {
		return
	}
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	_ = t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "out/", Mode: 0o755})
	for name, f := range b.packed {
		_ = t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "out/" + name, Mode: 0o644, Size: int64(len(f))})
		_, _ = t.Write(f)
	}
	_ = t.Close()
	_, _ = w.Write(out.Bytes())
}

// steps are the steps that ran.
func (b *builder) steps() (names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.ran {
		if c.step != "" {
			names = append(names, c.step)
		}
	}
	return names
}

// of gives the container of a step that ran.
func (b *builder) of(step string) box {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.ran, func(c box) bool { return c.step == step })
	require.GreaterOrEqual(b.t, i, 0, "step %s did not run", step)
	return b.ran[i]
}
