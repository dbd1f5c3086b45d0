package rest

import (
	"slices"
	"testing"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

func stat(path string, mode uint32, uid int) node.Stat {
	return node.Stat{Path: path, Mode: claimtest.FileMode(mode), UID: uid, GID: uid, Size: 100}
}

func goodFiles() *Secrecy {
	server := func(side topology.Side) ServerFiles {
		f := ServerFiles{Side: side, Node: "sql", UID: 27}
		f.sortFiles([]node.Stat{
			stat(topology.TLSDir+"/ca.pem", 0o644, 0), stat(topology.TLSDir+"/server-cert.pem", 0o644, 0),
			stat(topology.TLSDir+"/server-key.pem", 0o600, 27), stat(topology.TLSDir+"/client-cert.pem", 0o644, 0),
			stat(topology.TLSDir+"/client-key.pem", 0o400, 27), stat(topology.DataDir+"/private_key.pem", 0o600, 27),
			stat(topology.DataDir+"/public_key.pem", 0o644, 27), stat(topology.DataDir+"/ibdata1", 0o640, 27),
			{Path: topology.KeyringDir, Mode: claimtest.FolderMode(0o750), UID: 27},
			stat(topology.KeyringDir+"/keyring", 0o600, 27),
			{Path: topology.DataDir, Mode: claimtest.FolderMode(0o755), UID: 27},
		})
		return f
	}
	return &Secrecy{[]ServerFiles{server(topology.Source), server(topology.Replica)}}
}

func TestFiles(t *testing.T) {
	key := func(o *Secrecy, path string) *node.Stat {
		for i := range o.Servers[1].Keys {
			if k := &o.Servers[1].Keys[i]; k.Path == path {
				return k
			}
		}
		t.Fatalf("no key %s", path)
		return nil
	}
	claimtest.RequireJudges(t, claimOf(t, claim.RestKeyFilesID), goodFiles, []claimtest.Broken[*Secrecy]{
		claimtest.Break("key readable", func(o *Secrecy) { key(o, topology.TLSDir+"/client-key.pem").Mode = claimtest.FileMode(0o640) }, []string{"loose-mode"}),
		claimtest.Break("keyring readable", func(o *Secrecy) { key(o, topology.KeyringDir+"/keyring").Mode = claimtest.FileMode(0o604) }, []string{"loose-mode"}),
		claimtest.Break("key executable", func(o *Secrecy) { key(o, topology.TLSDir+"/server-key.pem").Mode = claimtest.FileMode(0o700) }, []string{"loose-mode"}),
		claimtest.Break("root's key", func(o *Secrecy) { key(o, topology.TLSDir+"/server-key.pem").UID = 0 }, []string{"owner"}),
		claimtest.Break("certificate writable", func(o *Secrecy) { o.Servers[0].Public[0].Mode = claimtest.FileMode(0o664) }, []string{"writable"}),
		claimtest.Break("folder open", func(o *Secrecy) { o.Servers[0].Folders[0].Mode = claimtest.FolderMode(0o751) }, []string{"loose-folder"}),
		claimtest.Break("no certificate", func(o *Secrecy) { o.Servers[0].Public = o.Servers[0].Public[1:] }, []string{"missing"}),
		claimtest.Break("no keyring file", func(o *Secrecy) {
			o.Servers[1].Keys = slices.DeleteFunc(o.Servers[1].Keys, func(s node.Stat) bool { return claim.LiesWithin(s.Path, topology.KeyringDir) })
		}, []string{"missing"}),
	})
	none := goodFiles()
	none.Servers[1].Keys = nil
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no key on a side": none})
}
