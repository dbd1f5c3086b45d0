package run

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/docker/go-units"

	"ndbproof/harness/engine"
	"ndbproof/images"
)

// Finding is what doctor says of one thing that a run needs.
type Finding struct {
	Need string
	Fine bool
	Seen string
	Do   string // how to get it; "" when fine
}

// diskNeeded is what images of two releases and one run's volumes take.
const diskNeeded = 6 << 30

// Doctor looks for everything that a run needs, and changes nothing.
func Doctor(ctx context.Context) []Finding {
	goFound := Finding{Need: "Go", Fine: true, Seen: runtime.Version()}
	e, err := engine.Dial(ctx)
	if err != nil {
		return []Finding{goFound, {
			Need: "Docker Engine", Seen: err.Error(),
			Do: "install docker.io (Debian) or Docker Engine, start it, and let this user reach its socket",
		}}
	}
	defer e.Close() //nolint:errcheck // read only
	f := e.Facts
	out := []Finding{
		goFound,
		{Need: "Docker Engine", Fine: true, Seen: fmt.Sprintf("%s, %s, %s, %d cores", f.Version, f.Storage, f.OS, f.CPUs)},
		finding("API "+engine.MinAPI+" or later", apiAtLeast(f.API, engine.MinAPI), f.API, "update the engine to 20.10 or later"),
	}
	hs, err := e.Holdings(ctx, "")
	if err == nil {
		err = enough(f.Memory, hs, PairMemory)
	}
	out = append(out, finding("memory for a pair", err == nil, units.BytesSize(float64(f.Memory))+" in all", text(err)))
	out = append(out, disk(f.Root), secondOpinion())
	return append(out, bundles()...)
}

func finding(need string, fine bool, seen, do string) Finding {
	if fine {
		do = ""
	}
	return Finding{need, fine, seen, do}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// apiAtLeast compares versions of two numbers.
func apiAtLeast(have, want string) bool {
	var a, b, c, d int
	if _, err := fmt.Sscanf(have, "%d.%d", &a, &b); err != nil {
		return false
	}
	if _, err := fmt.Sscanf(want, "%d.%d", &c, &d); err != nil {
		return false
	}
	return a > c || a == c && b >= d
}

// disk asks for the room where the engine keeps images and volumes. An engine
// on another machine cannot be asked.
func disk(root string) Finding {
	var s syscall.Statfs_t
	if err := syscall.Statfs(root, &s); err != nil {
		return Finding{Need: "disk", Fine: true, Seen: "cannot be told: " + err.Error()}
	}
	free := int64(s.Bavail) * s.Bsize //nolint:gosec // a disk is smaller than 8 EiB
	return finding("disk of "+units.BytesSize(diskNeeded), free >= diskNeeded, units.BytesSize(float64(free))+" free in "+root,
		"make room, or move the engine's data-root")
}

// secondOpinion tells of openssl, which is asked where it is. Nothing fails without it.
func secondOpinion() Finding {
	f := Finding{Need: "openssl", Fine: true}
	var err error
	if f.Seen, err = exec.LookPath("openssl"); err != nil {
		f.Seen = "none: traffic.client will have no second opinion"
	}
	return f
}

func bundles() []Finding {
	found, err := images.Bundles(images.Options{})
	if err != nil {
		return []Finding{{Need: "tarballs", Seen: err.Error(), Do: `see "Which release is run" in docs/operator.md`}}
	}
	var names []string
	for _, b := range found {
		names = append(names, b.Release.String())
	}
	return []Finding{finding("a release: tarball or image", len(found) > 0, strings.Join(names, ", "),
		"put mysql-cluster-<version>-linux-*.tar.xz into images/bundles/ or NDB_BUNDLE_DIR, set NDB_IMAGE, or give `--release` one that can be pulled; else `make run` builds one from source, for about an hour")}
}
