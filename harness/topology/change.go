package topology

import (
	"slices"

	"ndbproof/harness/release"
)

// NodeGroups are the data nodes that hold the same rows, two and two in the
// order of their NodeId (manual, mysql-cluster-nodes-groups).
func (s Spec) NodeGroups() [][]Node {
	nodes := s.Of(Ndbmtd)
	slices.SortFunc(nodes, func(a, b Node) int { return a.ID - b.ID })
	return slices.Collect(slices.Chunk(nodes, NodeGroupSize))
}

// KeyringByPlugin tells whether the cluster's keyring is the keyring_file plugin.
func (s Spec) KeyringByPlugin() bool { return s.Profile.Keyring && s.KeyringPlugin }

// To is the same cluster on another release, on the volumes that it has: what
// Render writes is for that release, which of some options knows other names and
// of others nothing. It keeps the keyring's plugin as long as there is one;
// encrypts logs at the start where defect F1 does not forbid it; and has ndb_mgmd
// read its configuration again. l is the layout of the release's image. With the
// Spec's own release it is the way back.
func (s Spec) To(r release.Release, l release.Layout) Spec {
	s.Release, s.Layout, s.Reload = r, l, true
	s.KeyringPlugin = s.KeyringPlugin && r.Has(release.KeyringPlugin) || !r.Has(release.KeyringComponent)
	s.EncryptAtStart = s.Profile.BinlogEncryption && !release.F1.Has(r)
	return s
}
