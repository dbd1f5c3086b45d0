// Package run is what the command and the scenarios both call: the phases of a
// run, from finding an image to the sealed results. It knows no testing and no
// terminal; the caller passes a Progress, which receives the phases.
package run
