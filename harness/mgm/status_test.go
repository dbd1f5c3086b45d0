package mgm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const show = `Connected to management server at localhost port 1186 (using cleartext)
Cluster Configuration
---------------------
[ndbd(NDB)]	4 node(s)
id=2	@172.18.0.3  (mysql-9.7.2 ndb-9.7.2, Nodegroup: 0, *)
id=3	@172.18.0.4  (mysql-9.7.4 ndb-9.7.4, starting, Nodegroup: 0)
id=4 (not connected, accepting connect from a-ndb3)
id=5	@172.18.0.6  (mysql-9.7.2 ndb-9.7.2, no nodegroup)

[ndb_mgmd(MGM)]	1 node(s)
id=1	@172.18.0.2  (mysql-9.7.2 ndb-9.7.2)

[mysqld(API)]	3 node(s)
id=49	@172.18.0.7  (mysql-9.7.2 ndb-9.7.2)
id=50 (not connected, accepting connect from any host)
id=51   (mysql-26.7.0 ndb-26.7.0)

`

func TestParseShow(t *testing.T) {
	nodes, err := ParseShow(show)
	require.NoError(t, err)
	assert.Equal(t, []NodeStatus{
		{ID: 2, Kind: DataNode, State: Started, Phase: -1, Version: "9.7.2", NodeGroup: 0, Master: true, Address: "172.18.0.3", Connected: true},
		{ID: 3, Kind: DataNode, State: Starting, Phase: -1, Version: "9.7.4", NodeGroup: 0, Address: "172.18.0.4", Connected: true},
		{ID: 4, Kind: DataNode, State: NotConnected, Phase: -1, NodeGroup: -1, Accepts: "a-ndb3"},
		{ID: 5, Kind: DataNode, State: Started, Phase: -1, Version: "9.7.2", NodeGroup: -1, Address: "172.18.0.6", Connected: true},
		{ID: 1, Kind: ManagementNode, State: Connected, Phase: -1, Version: "9.7.2", NodeGroup: -1, Address: "172.18.0.2", Connected: true},
		{ID: 49, Kind: APINode, State: Connected, Phase: -1, Version: "9.7.2", NodeGroup: -1, Address: "172.18.0.7", Connected: true},
		{ID: 50, Kind: APINode, State: NotConnected, Phase: -1, NodeGroup: -1, Accepts: "any host"},
		{ID: 51, Kind: APINode, State: Connected, Phase: -1, Version: "26.7.0", NodeGroup: -1, Connected: true},
	}, nodes)
}

func TestParseShowReadsOlderShapes(t *testing.T) {
	nodes, err := ParseShow("[ndbd(NDB)]     1 node(s)\nid=1    @10.0.10.6  (8.4.7-ndb-8.4.7, Nodegroup: 0, Master)\n")
	require.NoError(t, err)
	assert.Equal(t, "8.4.7", nodes[0].Version)
	assert.True(t, nodes[0].Master)
}

func TestParseShowRefuses(t *testing.T) {
	for name, c := range map[string]struct{ out, want string }{
		"nothing":              {"", "0 nodes announced, 0 seen"},
		"no server":            {"Unable to connect with connect string: nodeid=0,localhost:1186", "Unable to connect"},
		"a node cut off":       {"[ndbd(NDB)]\t2 node(s)\nid=2\t@a  (mysql-9.7.2 ndb-9.7.2, Nodegroup: 0)\n", "2 nodes announced, 1 seen"},
		"a line cut off":       {"[ndbd(NDB)]\t1 node(s)\nid=2\t@a  (mysql-9.7.2 ndb-9.7.2, Nodeg", "cannot read"},
		"no section":           {"id=2\t@a  (mysql-9.7.2 ndb-9.7.2, Nodegroup: 0)\n", "cannot read"},
		"no version, state":    {"[mysqld(API)]\t1 node(s)\nid=2\t@a  (*)\n", "neither version nor state"},
		"node group no number": {"[ndbd(NDB)]\t1 node(s)\nid=2\t@a  (mysql-9.7.2 ndb-9.7.2, Nodegroup: x)\n", "invalid syntax"},
		"a node twice":         {"[ndb_mgmd(MGM)]\t2 node(s)\nid=1 @a  (mysql-9.7.2 ndb-9.7.2)\nid=1 @a  (mysql-9.7.2 ndb-9.7.2)\n", "node 1 stands there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseShow(c.out)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

const allStatus = `Connected to management server at localhost port 1186 (using cleartext)
Node 2: started (mysql-9.7.2 ndb-9.7.2)
Node 3: starting (Last completed phase 4) (mysql-9.7.2 ndb-9.7.2)
Node 3: Start initiated (version 9.7.2)
Node 4: not connected
Node 5: shutting down (Last completed phase 0) (mysql-9.7.4 ndb-9.7.4)

`

func TestParseStatus(t *testing.T) {
	nodes, err := ParseStatus(allStatus)
	require.NoError(t, err)
	assert.Equal(t, []NodeStatus{
		{ID: 2, Kind: DataNode, State: Started, Phase: -1, Version: "9.7.2", NodeGroup: -1, Connected: true},
		{ID: 3, Kind: DataNode, State: Starting, Phase: 4, Version: "9.7.2", NodeGroup: -1, Connected: true},
		{ID: 4, Kind: DataNode, State: NotConnected, Phase: -1, NodeGroup: -1},
		{ID: 5, Kind: DataNode, State: "shutting down", Phase: 0, Version: "9.7.4", NodeGroup: -1, Connected: true},
	}, nodes)
}

func TestParseStatusRefuses(t *testing.T) {
	for name, c := range map[string]struct{ out, want string }{
		"nothing":      {"", "no node in"},
		"no server":    {"ERROR: Unable to connect with connect string: nodeid=0,localhost:1186", "Unable to connect"},
		"events only":  {"Node 2: Started (version 9.7.2)\n", "no node in"},
		"a node twice": {"Node 2: started (mysql-9.7.2 ndb-9.7.2)\nNode 2: not connected\n", "node 2 stands there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseStatus(c.out)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzParseShow(f *testing.F) {
	f.Add(show)
	f.Add("[ndbd(NDB)]\t99999999999999999999 node(s)\nid=2\t@ ()")
	f.Fuzz(func(t *testing.T, out string) {
		nodes, err := ParseShow(out)
		assert.Equal(t, err != nil, len(nodes) == 0)
		for _, n := range nodes {
			assert.NotEmpty(t, n.Kind)
			assert.Equal(t, n.Connected, n.State != NotConnected)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add(allStatus)
	f.Add("Node 99999999999999999999: started")
	f.Fuzz(func(t *testing.T, out string) {
		nodes, err := ParseStatus(out)
		assert.Equal(t, err != nil, len(nodes) == 0)
		for _, n := range nodes {
			assert.NotEmpty(t, n.State)
		}
	})
}
