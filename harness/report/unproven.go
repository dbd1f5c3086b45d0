package report

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/evidence"
)

// limit is one thing that a run does not prove.
type limit struct {
	What string
	Text string   // in sentences
	Gaps []string // left out when the run shows all of these closed
}

// limits of every run. Sources: reference manual, "Encrypting Binary Log Files
// and Relay Log Files"; Aes_ctr_encryptor of sql/rpl_cipher.h and the file header of
// sql/rpl_log_encryption.h (key id, wrapped file password, IV, no tag).
var limits = []limit{
	{"Data below the logs.", "Binary and relay logs are encrypted, and nothing under them: redo logs, local checkpoints, " +
		"undo logs and backups of the data nodes hold the same rows in clear.", []string{"G1"}},
	{"Links inside a cluster.", "Between mysqld, ndbmtd and ndb_mgmd rows travel in clear. TLS covers clients and the channel between the clusters.", []string{"G2"}},
	{"Who joins a cluster.", "Any host that reaches a cluster's network can ask the management node, and attach as an API node that reads and writes all rows, " +
		"below all accounts and grants.", []string{"G3"}},
	{"The channel's password at rest.", "The replica keeps it in clear in its own tables, which log encryption does not cover.", []string{"G4"}},
	{"What the channel's account reads.", "REPLICATION SLAVE is the right to stream every event, decrypted by the source. " +
		"Encrypted files do not protect from an attacker who has that account, and the account may log in from any host.", []string{"G6", "G7"}},
	{"Keys.", "The keyring is a file beside the data that it protects: a copy of the volume is a copy of both. " +
		"A file keyring meets no compliance rule by itself. Rotation, loss and theft of keys were not tried.", []string{"G8", "G9"}},
	{"Integrity of encrypted logs.", "They are encrypted in counter mode (AES-CTR), and their header has no authentication tag. The claims show that they cannot be read, " +
		"not that a change to them would be noticed: the checksum of an event is no protection from an attacker.", nil},
	{"Memory and hosts.", "The administrator of a host, and root in a container, can read keys and rows from the servers' memory, core files and swap.", nil},
	{"Faults.", "Nothing was killed, paused, cut off, slowed down or filled up, beyond the restarts of the channel that the procedure itself has.", nil},
	{"Real networks and sizes.", "Both clusters ran in containers on one machine and one kernel, with little memory and on a network without distance. " +
		"Nothing follows for latency, throughput or behaviour at size.", nil},
	{"Time.", "Settings were looked at, and rows compared, at the moments named in the evidence. A loss or leak rarer than the workload above could show was not looked for.", nil},
	{"Your certificates and accounts.", "Certificate authority, certificates and passwords were made for this run. Expiry, renewal and revocation were not tried.", nil},
	{"Cryptography.", "The run sees that TLS and encryption are in use and with which parameters. It does not judge OpenSSL, the ciphers or the random numbers.", nil},
	{"This evidence.", "manifest.sha256 is not signed. It shows that a file was changed by accident; it does not show whether the folder was forged.", nil},
}

// unproven gives the limits of this run, in the order in which they are shown.
func unproven(r evidence.Results) []limit {
	var out []limit
	if !slices.ContainsFunc(r.Claims, func(o evidence.Outcome) bool { return o.Status == evidence.Held }) {
		out = append(out, limit{"Anything.", "No claim held, so this run proves nothing that a profile promises.", nil})
	}
	if r.Sabotage == nil {
		out = append(out, limit{"That the claims can fail.", "Nothing was broken on purpose in this run. `ndbproof run --sabotage` breaks what each claim is about, and sees it fall.", nil})
	}
	for _, d := range r.Defects {
		if d.WorkedAround {
			out = append(out, limit{"The procedure as written.", fmt.Sprintf(
				"Defect %s (%s) was worked around, so what was judged is the procedure with the steps that docs/findings.md gives. "+
					"Until those steps were done, log files were written in clear; they were removed, which is not the same as wiped.", d.ID, d.Title), nil})
		}
	}
	out = append(out, limit{"Other builds.", "The verdict is about the build named above" + buildName(r) + " and profile " + orUnknown(r.Profile.Name) + ", and no other.", nil})
	for _, l := range limits {
		if len(l.Gaps) == 0 || slices.ContainsFunc(l.Gaps, func(id string) bool { return !closed(r.Gaps, id) }) {
			out = append(out, l)
		}
	}
	return out
}

func buildName(r evidence.Results) string {
	if sha := r.Provenance.TarballSHA256; sha != "" {
		return " (tarball sha256 " + sha + ")"
	}
	if id := r.Provenance.ImageID; id != "" {
		return " (image " + id + ")"
	}
	return ""
}

func closed(gaps []evidence.GapResult, id string) bool {
	return slices.ContainsFunc(gaps, func(g evidence.GapResult) bool { return g.ID == id && g.Status == evidence.GapClosed })
}

// See is the gaps that a limit is about, for the reader: "see G6, G7".
func (l limit) See() string {
	if len(l.Gaps) == 0 {
		return ""
	}
	return " See " + strings.Join(l.Gaps, ", ") + "."
}
