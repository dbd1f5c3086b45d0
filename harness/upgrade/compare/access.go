package compare

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// privileges gives the names that only one of the releases knows.
func privileges(from, to Snapshot) []Difference {
	var out []Difference
	for _, side := range union(from.Privileges, to.Privileges) {
		was, is := set(from.Privileges[side]), set(to.Privileges[side])
		if len(was) == 0 || len(is) == 0 {
			continue // nothing was seen there: Looked tells
		}
		for _, name := range union(was, is) {
			switch {
			case !was[name]:
				out = append(out, Difference{Area: AreaPrivilege, Where: side, Name: name, From: Absent, To: "known", Why: "new in this release"})
			case !is[name]:
				out = append(out, Difference{Area: AreaPrivilege, Where: side, Name: name, From: "known", To: Absent, Why: "dropped by this release", Fails: true})
			}
		}
	}
	return out
}

// grants compares what accounts may do, privilege by privilege. Every difference
// fails: an upgrade is no reason for an account to get more, or less.
func grants(from, to Snapshot) []Difference {
	was, is := grantsBySide(from), grantsBySide(to)
	var out []Difference
	for _, account := range union(from.Grants, to.Grants) {
		side, _, _ := strings.Cut(account, " ")
		if was[side] == 0 || is[side] == 0 {
			continue // nothing was seen there: Looked tells
		}
		before, after := rights(from.Grants[account]), rights(to.Grants[account])
		switch {
		case len(before) == 0 && len(after) == 0:
		case len(after) == 0:
			out = append(out, Difference{Area: AreaGrant, Where: account, Name: "account", From: "there", To: Absent, Why: "the account is gone", Fails: true})
		case len(before) == 0:
			out = append(out, Difference{
				Area: AreaGrant, Where: account, Name: "account", From: Absent, To: "there",
				Why: "a new account, with " + strings.Join(union(after, nil), ", "), Fails: true,
			})
		default:
			out = append(out, granted(account, before, after)...)
		}
	}
	return out
}

// granted compares the rights of one account.
func granted(account string, before, after map[string]bool) []Difference {
	var out []Difference
	for _, r := range union(before, after) {
		switch {
		case !before[r]:
			out = append(out, Difference{Area: AreaGrant, Where: account, Name: r, From: Absent, To: "granted", Why: "the account may do more", Fails: true})
		case !after[r]:
			out = append(out, Difference{Area: AreaGrant, Where: account, Name: r, From: "granted", To: Absent, Why: "the account may do less", Fails: true})
		}
	}
	return out
}

// grantLine is GRANT privileges ON object TO account, as SHOW GRANTS writes it;
// roles and partial revokes have another form, and are compared as they stand.
var grantLine = regexp.MustCompile(`^GRANT (.+?) ON (.+) TO (.+?)( WITH GRANT OPTION)?$`)

// rights takes lines of SHOW GRANTS apart, so that neither their order nor that
// of the privileges in them counts: "SELECT ON `test1`.*".
func rights(lines []string) map[string]bool {
	all := map[string]bool{}
	for _, l := range lines {
		l = strings.TrimSpace(l)
		m := grantLine.FindStringSubmatch(l)
		if m == nil {
			all[l] = l != ""
			continue
		}
		for _, p := range outsideBrackets(m[1]) {
			all[p+" ON "+m[2]] = true
		}
		if m[4] != "" {
			all["GRANT OPTION ON "+m[2]] = true
		}
	}
	delete(all, "")
	return all
}

// outsideBrackets splits at commas, but not within a list of columns.
func outsideBrackets(s string) []string {
	depth := 0
	parts := strings.FieldsFunc(s, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return r == ',' && depth == 0
	})
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// sessions groups what was negotiated by server and client.
func sessions(all []Negotiated) map[string][]Negotiated {
	m := map[string][]Negotiated{}
	for _, n := range all {
		k := string(n.Side) + " " + n.Who
		m[k] = append(m[k], n)
	}
	return m
}

// negotiations compares versions and suites that were really negotiated. A version
// that is gone fails: who needs it is shut out; so does the suite of the channel, and
// what is weaker than before: a version older than all of them, a suite that is known
// to be weak. Of many suites that were offered one that is gone, or new, is shown.
func negotiations(from, to Snapshot) []Difference {
	was, is := sessions(from.TLS), sessions(to.TLS)
	var out []Difference
	for _, who := range union(was, is) {
		if len(was[who]) == 0 || len(is[who]) == 0 {
			continue // nothing was seen there: Looked tells
		}
		before, after := terms(was[who]), terms(is[who])
		oldest := slices.MinFunc(was[who], byVersion).Version
		for _, term := range union(before, after) {
			d := Difference{Area: AreaTLS, Where: who, Name: term, From: Absent, To: "negotiated"}
			switch {
			case before[term] && after[term]:
				continue
			case before[term]:
				d.From, d.To, d.Fails = "negotiated", Absent, isVersion(term) || len(was[who]) == 1
				d.Why = "not negotiated any more"
			case isVersion(term) && cmp.Compare(term, oldest) < 0:
				d.Fails, d.Why = true, fmt.Sprintf("older than %s, the oldest version before", oldest)
			case isWeak(term):
				d.Fails, d.Why = true, "a weak suite, which was refused before"
			}
			out = append(out, d)
		}
	}
	return out
}

// terms are the versions, and the suites with their version.
func terms(all []Negotiated) map[string]bool {
	m := map[string]bool{}
	for _, n := range all {
		m[n.Version], m[n.Version+" "+n.Suite] = true, true
	}
	return m
}

func isVersion(term string) bool { return !strings.Contains(term, " ") }

// isWeak tells that Go's own list has a suite among those with known weaknesses.
func isWeak(term string) bool {
	return slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return strings.HasSuffix(term, " "+s.Name) })
}

// byVersion orders TLSv1, TLSv1.1, TLSv1.2, TLSv1.3: as texts they are in order.
func byVersion(a, b Negotiated) int { return cmp.Compare(a.Version, b.Version) }

func set(names []string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}
