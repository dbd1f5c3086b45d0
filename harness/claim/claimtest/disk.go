package claimtest

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

// Scan searches what the fake has on disk: all of it lies on the volumes of the
// mysqlds and of the management nodes. Data nodes have a redo log and a local
// checkpoint with all that the source heard.
func (f *Pair) Scan(_ context.Context, needles []node.Needle) (node.PairSearch, error) {
	finder, err := scan.NewFinder(needles)
	if err != nil {
		return node.PairSearch{}, err
	}
	out := node.PairSearch{Needles: len(needles), Hidden: 3, Seen: 3, Seconds: 0.5, Bytes: 1 << 30}
	for _, side := range topology.Sides {
		for _, n := range f.Specs[side].Nodes {
			searched := node.NodeSearch{Side: side, Node: n.Name}
			add := func(place node.Place, path string, content []byte) {
				s, err := finder.Bytes(content)
				require.NoError(f.t, err)
				s.Place, s.Path = place, path
				searched.Files = append(searched.Files, s)
			}
			switch n.Role {
			case topology.Ndbmtd:
				fs := fmt.Sprintf("%s/ndb_%d_fs", topology.NdbDir, n.ID)
				add(node.InVolume, fs+"/D8/DBLQH/S0.FragLog", f.ClearLog())
				add(node.InVolume, fs+"/LCP/0/T13F0.Data", f.ClearLog())
			case topology.Mgmd, topology.Mysqld:
				volume := map[topology.Role]string{topology.Mgmd: topology.NdbDir, topology.Mysqld: topology.MysqlDir}[n.Role]
				for path, file := range f.Disk[side] {
					if claim.LiesWithin(path, volume) {
						add(node.InVolume, path, file.Content)
					}
				}
			}
			if n.Role == topology.Mysqld {
				add(node.InUnlinked, "/tmp/#10010782", make([]byte, 180224))
			}
			out.Nodes = append(out.Nodes, searched)
		}
	}
	if f.OnScan != nil {
		f.OnScan(&out)
	}
	return out, nil
}

// Log is a line that names the node.
func (f *Pair) Log(_ context.Context, side topology.Side, node string) ([]byte, error) {
	return []byte("ready: " + string(side) + " " + node), nil
}

// Inspect is an empty document.
func (f *Pair) Inspect(context.Context, topology.Side, string) ([]byte, error) {
	return []byte("{}"), nil
}

var drawn = regexp.MustCompile(`rest\d{3}-[A-Z2-7]{26}`)

// ClearLog is what a log in clear would hold of all that the source heard.
func (f *Pair) ClearLog() []byte {
	var b strings.Builder
	b.WriteString("data")
	seen := map[string]bool{}
	for _, q := range f.Servers[topology.Source].Heard {
		if strings.Contains(q, "ndbproof_rest.held VALUES") {
			continue // never committed
		}
		for _, text := range drawn.FindAllString(q, -1) {
			if seen[text] {
				continue
			}
			seen[text] = true
			for _, n := range scan.Needles(text) {
				b.WriteString("....")
				b.Write(n.Bytes())
			}
		}
	}
	return []byte(b.String())
}

// NewRestingPair is a pair on which all is well for a search of what stands on disk.
func NewRestingPair(t *testing.T) *Pair {
	t.Helper()
	f := NewHealthyPair(t)
	f.Servers[topology.Source].Answer("@@binlog_cache_size", "size", []any{"32768"})
	const log = topology.NdbDir + "/ndb_1_cluster.log"
	for _, side := range topology.Sides {
		f.Disk[side][topology.KeyringDir+"/keyring"] = File{[]byte("keys"), 0o600}
		f.Disk[side][topology.DataDir+"/mysql.ibd"] = File{[]byte("tables"), 0o600}
		f.Disk[side][log] = File{[]byte(ClusterLog(1)), 0o644}
	}
	f.OnRun = func(side topology.Side, c node.Command) (node.Output, error) {
		switch c.Argv[0] {
		case "ndb_mgm":
			f.Disk[side][log] = File{[]byte(ClusterLog(1) + ClusterLog(2)), 0o644}
		case "mysqlbinlog":
			for _, a := range c.Argv {
				if dir, ok := strings.CutPrefix(a, "--result-file="); ok {
					f.Disk[side][dir+"binlog.000002"] = File{append([]byte("\xfebin"), f.ClearLog()...), 0o600}
				}
			}
		case "rm":
			dir := c.Argv[len(c.Argv)-1]
			maps.DeleteFunc(f.Disk[side], func(p string, _ File) bool { return strings.HasPrefix(p, dir+"/") })
		}
		return node.Output{}, nil
	}
	return f
}

// ClusterLog has the lines of one local checkpoint.
func ClusterLog(n int) string {
	return fmt.Sprintf("2026-11-24T03:10:07.832497Z [MgmtSrvr] INFO     -- Node 2: Local checkpoint %d started. Keep GCI = 1 oldest restorable GCI = 1\n"+
		"2026-11-24T03:10:07.876016Z [MgmtSrvr] INFO     -- Node 2: Local checkpoint %d completed\n", n, n)
}

// FileMode is the mode of a file.
func FileMode(perm uint32) fs.FileMode { return fs.FileMode(perm) }

// FolderMode is the mode of a folder.
func FolderMode(perm uint32) fs.FileMode { return fs.ModeDir | fs.FileMode(perm) }
