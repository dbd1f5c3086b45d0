package report

import (
	"fmt"

	"ndbproof/harness/upgrade/compare"
)

// upgradeLimits are those of every upgrade.
var upgradeLimits = []limit{
	{"Your path and your data.", "The pair was made for this run, with little data and the harness's accounts, in containers on one machine and one kernel. " +
		"A data directory that has gone through many releases, your schema, your plugins and your options were not tried.", nil},
	{"Figures.", "Throughput, lag and start-up times are those of a small machine that may have done other work at the same time. " +
		"The tolerance finds what is broken, not what is a little slower; nothing follows for latency or capacity at size.", nil},
	{"Outages for your clients.", "They are those of the load's own connections, which come back by themselves. A client that does not is out for longer.", nil},
	{"Schema changes.", "The run issued no DDL while a cluster ran two releases, as the manual asks. It did not try whether the cluster refuses DDL then.", nil},
	{"Faults during the upgrade.", "Nothing was killed, cut off or filled up on purpose while versions were mixed.", nil},
	{"Messages.", "New messages are those written while this load ran, compared without numbers, paths and names. What another load or a longer time would bring was not seen.", nil},
	{"Ignored differences.", "What harness/upgrade/compare/ignored.json lists was not judged; upgrade.json has each, with its reason.", nil},
	{"What the profile leaves open.", "The gaps that are open under both releases are no difference. summary.md of this folder, where there is one, and docs/threat-model.md have them.", nil},
}

// unprovenByUpgrade gives the limits of this upgrade, in the order in which they are
// shown.
func unprovenByUpgrade(r compare.Report) []limit {
	var out []limit
	if !r.Verdict.Taken {
		out = append(out, limit{"That the release is at fault.", "Not taken means that this run cannot vouch for it. The reasons above say what was seen; could-not-look is the harness's or the machine's fault as often as the release's.", nil})
	}
	for _, d := range r.Defects {
		if d.WorkedAround {
			out = append(out, limit{"The procedure as written.", fmt.Sprintf(
				"Defect %s (%s) was worked around, with the steps that docs/findings.md gives. Until they are done at a restart, log files are written in clear.", d.ID, d.Title), nil})
		}
	}
	if r.RollbackAt == "" {
		out = append(out, limit{"The way back.", "Nothing was rolled back in this run; `--rollback-at` tries it.", nil})
	} else {
		out = append(out, limit{"The rest of the way.", fmt.Sprintf("The plan was undone at step %s: the steps behind it were not tried.", r.RollbackAt), nil})
	}
	return append(out, upgradeLimits...)
}
