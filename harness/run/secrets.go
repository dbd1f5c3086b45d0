package run

import (
	"errors"
	"fmt"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
)

// secretsID is the outcome that the run adds about itself.
const secretsID = claim.RunSecretsID

// searchSecrets looks for every secret of the run in all that it wrote, and takes in
// what collecting found in inspect documents and command lines. nodes is of how many
// something was kept.
func searchSecrets(a order, f found, nodes int, collected error) evidence.Outcome {
	o := evidence.Outcome{ID: secretsID, Title: "no password and no key of the run is in its results, in an inspect document or on a command line", Seen: nodes}
	hits, err := evidence.SearchFolder(a.secrets, f.dir.Root())
	var leak *cluster.Leak
	if errors.As(collected, &leak) {
		hits = append(hits, leak.Hits...)
	} else {
		err = errors.Join(err, collected)
	}
	switch {
	case len(hits) > 0:
		o.Status = evidence.Violated
		for _, h := range hits {
			o.Violations = append(o.Violations, evidence.Violation{Code: secretsID + ".leak", Text: h.String()})
		}
	case err != nil:
		o.Status, o.Reason = evidence.NotLooked, "not everything could be searched: "+firstOf(err)
	case o.Seen == 0:
		o.Status, o.Reason = evidence.NotLooked, "nothing was kept of any node"
	default:
		o.Status = evidence.Held
	}
	return o
}

// firstOf gives the first of joined errors, and how many came after it.
func firstOf(err error) string {
	first, rest, more := strings.Cut(err.Error(), "\n")
	if more {
		first += fmt.Sprintf("; and %d more", strings.Count(rest, "\n")+1)
	}
	return first
}
