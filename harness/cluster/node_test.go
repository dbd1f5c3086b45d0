package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/engine"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// A node makes only the harness's folders: those of the image keep owner and mode.
func TestFolders(t *testing.T) {
	files := func(paths ...string) []topology.File {
		var all []topology.File
		for _, p := range paths {
			all = append(all, topology.File{Path: p})
		}
		return all
	}
	assert.Equal(t, []string{"/etc/ndbproof"}, folders(files(topology.MyCnfPath)))
	assert.Equal(t, []string{"/etc/ndbproof", "/etc/ndbproof/tls"},
		folders(files(topology.TLSDir+"/ca.pem", topology.TLSDir+"/server-key.pem", topology.ConfigPath)), "parents first, each once")
	assert.Empty(t, folders(files("/usr/sbin/mysqld.my", "/var/lib/mysql/x")))
	assert.Empty(t, folders(nil))
}

func TestNodesOfACluster(t *testing.T) {
	c := standing(t)
	n, err := c.Node("ndb3")
	require.NoError(t, err)
	assert.Equal(t, "source ndb3", n.String())
	_, err = c.Node("ndb9")
	assert.EqualError(t, err, `the source cluster has no node "ndb9"`)
	assert.Equal(t, "sql", c.SQLNode().Name)
	assert.Nil(t, (&Cluster{}).first(topology.Mysqld))
}

// A node's HostName is an alias on its cluster's network only, and the link
// knows the server by the name in its certificate.
func TestAttachments(t *testing.T) {
	c := standing(t)
	c.networks.cluster, c.networks.door, c.options.Link = "net", "door", "link"
	assert.Equal(t, []engine.Attachment{{Network: "net", Aliases: []string{"source-ndb1"}}}, c.attachments(c.first(topology.Ndbmtd)))
	assert.Equal(t, []engine.Attachment{{Network: "net", Aliases: []string{"source-sql"}}, {Network: "link", Aliases: []string{"source.link"}}, {Network: "door"}}, c.attachments(c.SQLNode()))
	c.options.Link = ""
	assert.Equal(t, []engine.Attachment{{Network: "net", Aliases: []string{"source-sql"}}, {Network: "door"}}, c.attachments(c.SQLNode()), "a cluster alone")
}

func TestPasswordsOfTheHarness(t *testing.T) {
	c := standing(t)
	for user, known := range map[string]bool{secure.AdminUser: true, secure.Root: true, secure.ReplicationUser: false, "": false} {
		_, ok := c.password(user)
		assert.Equal(t, known, ok, user)
	}
}
