package rest

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Secrecy is who may read the files that must stay secret.
type Secrecy struct {
	Servers []ServerFiles `json:"servers"`
}

// ServerFiles are the files of one mysqld that hold keys, or certificates.
type ServerFiles struct {
	Side topology.Side `json:"side"`
	Node string        `json:"node"`
	UID  int           `json:"uid"` // of the servers' user
	// Keys are private keys and the files of the keyring. Public are
	// certificates and public keys. Folders lead to the keyring.
	Keys    []node.Stat `json:"keys"`
	Public  []node.Stat `json:"public"`
	Folders []node.Stat `json:"folders"`
}

// Seen counts files of keys, of the side that has fewest.
func (o *Secrecy) Seen() (int, string) {
	total := 0
	for _, s := range o.Servers {
		if len(s.Keys) == 0 {
			return 0, fmt.Sprintf("the %s has no file with a key at all", s.Side)
		}
		total += len(s.Keys) + len(s.Public)
	}
	return total, "no server was looked at"
}

func files() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.RestKeyFilesID, Step: 2, Effect: claim.Reads, Uses: claim.PartFiles,
		Title: "keys and keyring are the servers' user's own, and closed to everybody else",
		Codes: claim.MakeCodes(claim.RestKeyFilesID, "loose-mode", "owner", "writable", "loose-folder", "missing"),
		Sabotage: []claim.Sabotage{
			looseMode("server key readable by all", topology.Source, topology.TLSDir+"/server-key.pem", "0644", "0600", "loose-mode"),
			looseMode("client key readable by the group", topology.Replica, topology.TLSDir+"/client-key.pem", "0640", "0600", "loose-mode"),
			looseMode("RSA key readable by all", topology.Replica, topology.DataDir+"/private_key.pem", "0644", "0600", "loose-mode"),
			looseMode("keyring's folder open to all", topology.Source, topology.KeyringDir, "0755", "0700", "loose-folder"),
			looseMode("certificate writable by all", topology.Source, topology.TLSDir+"/server-cert.pem", "0666", "0644", "writable"),
			{
				Name: "key owned by root", Effect: claim.Disturbs, Want: claim.RestKeyFilesID + ".owner",
				Do: claim.MakeChange(claim.RunAsRoot(topology.Source, "chown", "0:0", topology.TLSDir+"/server-key.pem"), giveToServer(topology.TLSDir+"/server-key.pem")),
			},
		},
	}, lookFiles, judgeFiles)
}

func lookFiles(ctx context.Context, s claim.Subject) (*Secrecy, error) {
	servers, err := claim.ForEachSide(func(side topology.Side) (ServerFiles, error) {
		f := ServerFiles{Side: side, Node: claim.SQLNode(s, side), UID: s.Spec(side).Layout.UID}
		for _, dir := range []string{topology.TLSDir, topology.DataDir, topology.KeyringDir} {
			all, err := s.Files.List(ctx, side, f.Node, dir)
			if err != nil {
				return f, fmt.Errorf("list %s of the %s: %w", dir, side, err)
			}
			f.sortFiles(all)
		}
		return f, nil
	})
	return &Secrecy{servers}, err
}

// wantedFiles are those that the procedure puts on a side; with a keyring its folder,
// in which a file is wanted.
func wantedFiles(p secure.Profile, side topology.Side) []string {
	all := []string{"ca.pem", "server-cert.pem", "server-key.pem"}
	if side == topology.Replica {
		all = append(all, "client-cert.pem", "client-key.pem")
	}
	for i, name := range all {
		all[i] = path.Join(topology.TLSDir, name)
	}
	all = append(all, path.Join(topology.DataDir, "private_key.pem"))
	if p.Keyring {
		all = append(all, topology.KeyringDir)
	}
	return all
}

// sortFiles puts files where they belong by their names.
func (f *ServerFiles) sortFiles(all []node.Stat) {
	for _, st := range all {
		name, keyring := path.Base(st.Path), claim.LiesWithin(st.Path, topology.KeyringDir)
		switch {
		case st.Mode.IsDir():
			if keyring {
				f.Folders = append(f.Folders, st)
			}
		case keyring, strings.HasSuffix(name, "-key.pem"), name == "private_key.pem":
			f.Keys = append(f.Keys, st)
		case strings.HasSuffix(name, ".pem"):
			f.Public = append(f.Public, st)
		}
	}
}

func judgeFiles(o *Secrecy, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.RestKeyFilesID}
	for _, s := range o.Servers {
		for _, k := range s.Keys {
			if k.Mode.Perm()&^0o600 != 0 {
				f.AddAt("loose-mode", s.Side, s.Node, fmt.Sprintf("%s has mode %04o; expected 0600 or less", k.Path, k.Mode.Perm()))
			}
			if k.UID != s.UID {
				f.AddAt("owner", s.Side, s.Node, fmt.Sprintf("%s belongs to user %d; expected the servers' user, %d", k.Path, k.UID, s.UID))
			}
		}
		for _, c := range s.Public {
			if c.Mode.Perm()&0o022 != 0 {
				f.AddAt("writable", s.Side, s.Node, fmt.Sprintf("%s has mode %04o; expected it writable by its owner only", c.Path, c.Mode.Perm()))
			}
		}
		for _, d := range s.Folders {
			if d.Mode.Perm()&0o007 != 0 {
				f.AddAt("loose-folder", s.Side, s.Node, fmt.Sprintf("%s has mode %04o; expected nothing for others", d.Path, d.Mode.Perm()))
			}
		}
		for _, w := range wantedFiles(p, s.Side) {
			if !s.has(w) {
				f.AddAt("missing", s.Side, s.Node, w+" is not there, or holds no file; the procedure puts it there")
			}
		}
	}
	return f.All
}

// has tells whether a wanted file is there; of the keyring's folder, whether a
// file lies in it.
func (f ServerFiles) has(wanted string) bool {
	return slices.ContainsFunc(slices.Concat(f.Keys, f.Public), func(st node.Stat) bool {
		return st.Path == wanted || wanted == topology.KeyringDir && claim.LiesWithin(st.Path, wanted)
	})
}

// looseMode changes the mode of one path and back.
func looseMode(name string, side topology.Side, p, loose, tight, word string) claim.Sabotage {
	return claim.Sabotage{
		Name: name, Effect: claim.Disturbs, Want: claim.RestKeyFilesID + "." + word,
		Do: claim.MakeChange(claim.RunAsRoot(side, "chmod", loose, p), claim.RunAsRoot(side, "chmod", tight, p)),
	}
}

// giveToServer gives a file of the source back to the servers' user.
func giveToServer(p string) claim.Act {
	return func(ctx context.Context, b claim.Bench) error {
		l := b.Spec(topology.Source).Layout
		return claim.RunAsRoot(topology.Source, "chown", fmt.Sprintf("%d:%d", l.UID, l.GID), p)(ctx, b)
	}
}
