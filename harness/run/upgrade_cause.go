package run

import (
	"strings"

	"ndbproof/harness/cluster"
	"ndbproof/harness/upgrade"
)

// refusals are what the programs write when they do not take their configuration:
// mysqld (sql/mysqld.cc, mysys/my_getopt.cc), ndb_mgmd (ConfigInfo.cpp), data
// nodes (Configuration.cpp).
var configRefusals = []string{
	"unknown variable", "unknown option", "[ERROR] [MY-000067]", "Unknown parameter", "Could not load configuration",
	"Illegal configuration", "Configuration error", "invalid configuration", "Could not parse", "Can't start server : ",
}

// causeOfDeath tells a node's death in the words of a report.
func causeOfDeath(d *cluster.Death) *upgrade.Cause {
	c := &upgrade.Cause{
		Kind: upgrade.Died, Side: d.Side, Node: d.Node, Exit: d.Exit, Signal: d.Signal, At: d.At(), Stack: d.Stack,
		Defect: d.Defect, Log: d.Tail,
	}
	switch {
	case d.OOM:
		c.Kind = upgrade.Killed
	case d.Signal == "":
		for line := range strings.Lines(d.Tail) {
			for _, word := range configRefusals {
				if strings.Contains(line, word) {
					c.Kind, c.Reason = upgrade.Refused, strings.TrimSpace(line)
					return c
				}
			}
		}
	}
	return c
}
