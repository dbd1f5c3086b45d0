package compare

import (
	"regexp"
	"strings"
)

// severity of a message, in the words of mysqld's error log.
type severity string

const (
	isError   severity = "Error"
	isWarning severity = "Warning"
	isNote    severity = "Note"
)

// severities are the words of the logs. Any other is a note.
var severities = map[string]severity{
	"ERROR": isError, "CRITICAL": isError, "ALERT": isError, "Error": isError,
	"WARNING": isWarning, "Warning": isWarning,
}

// message is a line of a log, made comparable.
type message struct {
	severity severity
	code     string // "MY-010866"; "" in logs of NDB
	kind     string // the text without what differs from start to start
	text     string // as it was written
}

var (
	// Reference manual, "Error Log Output Format": time thread [label] [code] [subsystem] text.
	ofServer = regexp.MustCompile(`^\S+Z? +\d+ \[(\w+)\] \[(MY-\d+)\] (?:\[\w+\] )?(.*)$`)
	// Reference manual, "NDB Cluster: cluster log events": time [program] severity -- text.
	// 8.0 writes the time as 2026-11-24 02:15:00, 9.7 as 2026-11-24T02:15:00.123456Z.
	ofNDB = regexp.MustCompile(`^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)? \[\w+\] (\w+) +-- (.*)$`)
	// mysqld's own handler of signals, which knows no severity.
	ofSignal = regexp.MustCompile(`(\w+ got (?:signal|exception) .*)$`)

	// ndb_mgmd has it "depricated" (src/mgmsrv/InitConfigFileParser.cpp).
	deprecated = regexp.MustCompile(`(?i)depr[ei]cat|will be removed in (?:a|some) future`)
)

// parse reads a line of a log; false for one that is a part of another, or that
// no server wrote.
func parse(line string) (message, bool) {
	line = strings.TrimSpace(line)
	m := message{severity: isNote}
	var word string
	if p := ofServer.FindStringSubmatch(line); p != nil {
		word, m.code, m.text = p[1], p[2], p[3]
	} else if p := ofNDB.FindStringSubmatch(line); p != nil {
		word, m.text = p[1], p[2]
	} else if p := ofSignal.FindStringSubmatch(line); p != nil {
		word, m.text = "ERROR", p[1]
	} else {
		return m, false
	}
	if s, ok := severities[word]; ok {
		m.severity = s
	}
	m.kind = normalise(m.text)
	return m, true
}

// area is where a message is shown; "" when it is not worth it: notes without a
// code are NDB's chatter about its phases.
func (m message) area() Area {
	switch {
	case deprecated.MatchString(m.text):
		return AreaDeprecation
	case m.severity == isNote && m.code == "":
		return ""
	}
	return AreaMessage
}

// name tells messages apart. Of notes the code is enough; warnings and errors
// share codes (all of NDB's have MY-010866), so there the text counts.
func (m message) name() string {
	n := "[" + string(m.severity) + "]"
	if m.code != "" {
		n += " [" + m.code + "]"
	}
	if m.severity == isNote && !deprecated.MatchString(m.text) {
		return n
	}
	return n + " " + m.kind
}

// volatile is what differs from start to start, in the order in which it is
// replaced: what has digits in it comes before the digits.
var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`), "<uuid>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?`), "<time>"},
	{regexp.MustCompile(`(^|[^\w/.<>#])\.{0,2}/[\w.@%+~-][\w./#@%+~-]*`), "${1}<path>"},
	{regexp.MustCompile(`\b(?:source|replica)[-.][a-z]+\d*\b`), "<host>"}, // topology's names of nodes
	{regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`), "<address>"},
	{regexp.MustCompile(`\b\d+\.\d+\.\d+(?:-[A-Za-z][\w.]*)*\b`), "<version>"},
	{regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "<hex>"},
	{regexp.MustCompile(`\b\d+(?:\.\d+)?\b`), "#"},                         // before the hexadecimal ones: epochs have as many digits
	{regexp.MustCompile(`\b(?:[0-9a-f]{12}|[0-9a-fA-F]{16,})\b`), "<hex>"}, // 12: a container's host name
	{regexp.MustCompile(`(\b|_)\d+(?:\.\d+)?`), "${1}#"},                   // "36s", "_0"
	{regexp.MustCompile(`\bndb\d+\b`), "ndb#"},
	{regexp.MustCompile(`\s+`), " "},
}

// normalise takes out of a message what differs from start to start, from node
// to node and from release to release. Doing it again changes nothing.
func normalise(text string) string {
	for _, v := range volatile {
		text = v.what.ReplaceAllString(text, v.with)
	}
	return strings.TrimSpace(text)
}

// newMessages gives the messages of the new release that no node wrote under the
// old one. The same message of several nodes is one difference.
func newMessages(from, to Snapshot) []Difference {
	known := map[string]bool{}
	for _, lines := range from.Messages {
		for _, l := range lines {
			if m, ok := parse(l); ok {
				known[m.name()] = true
			}
		}
	}
	first := map[string]string{} // as the first node wrote it
	var out []Difference
	for _, node := range union(to.Messages, nil) {
		here := map[string]bool{}
		for _, l := range to.Messages[node] {
			m, ok := parse(l)
			n := m.name()
			if !ok || m.area() == "" || known[n] || here[n] {
				continue
			}
			here[n] = true
			if first[n] == "" {
				first[n] = m.text
			}
			out = append(out, Difference{Area: m.area(), Where: node, Name: n, From: Absent, To: first[n]})
		}
	}
	return out
}

// messages counts what can be compared of each node's log. Lines that are none of a
// server's are not among them: a log in another form would hide all that is new.
func messages(s Snapshot) map[string]int {
	n := map[string]int{}
	for node, lines := range s.Messages {
		n[node] = 0
		for _, l := range lines {
			if _, ok := parse(l); ok {
				n[node]++
			}
		}
	}
	return n
}
