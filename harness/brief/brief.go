// Package brief makes text that programs and servers wrote fit into one line of a
// message.
package brief

import "strings"

// Line puts a text on one line: white space of any kind becomes one blank.
func Line(s string) string { return strings.Join(strings.Fields(s), " ") }

// Error puts joined errors behind each other, on one line.
func Error(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// Last is the last line that is not empty.
func Last(s string) string { return LastLines(s, 1) }

// LastLines are the last n lines, with a slash between them.
func LastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}
