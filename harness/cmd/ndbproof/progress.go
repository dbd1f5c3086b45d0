package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"

	"ndbproof/harness/evidence"
	"ndbproof/harness/journal"
	"ndbproof/harness/run"
)

// newProgress gives live lines on a terminal, else plain ones.
func newProgress(w *os.File) journal.Progress {
	if term.IsTerminal(int(w.Fd())) {
		return newLive(w)
	}
	return &plain{w: w, begin: time.Now()}
}

// plain prints a line when a phase begins and one for each claim.
type plain struct {
	w     io.Writer
	begin time.Time
}

func (p *plain) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.w, "%6.1fs  %s\n", time.Since(p.begin).Seconds(), fmt.Sprintf(format, args...))
}

func (p *plain) Phase(title string) { p.line("%s", title) }
func (p *plain) Note(text string)   { p.line("    %s", text) }
func (p *plain) Tell(text string)   { p.line("%s", text) }

func (p *plain) Claim(o evidence.Outcome) {
	p.line("    %-11s %s", o.Status, o.ID)
	for _, v := range o.Violations {
		p.line("                %s: %s", v.Code, v.Text)
	}
	if o.Reason != "" {
		p.line("                %s", o.Reason)
	}
}

func (p *plain) Sabotage(r evidence.SabotageRow) {
	p.line("    %-11s %s: %s (%.1f s)", r.Word(), r.Claim, r.Name, r.Seconds)
	if r.Reason != "" {
		p.line("                %s", r.Reason)
	}
	for _, f := range r.Fell {
		p.line("                %s", f)
	}
	if !r.Healed {
		p.line("                did not heal: %s", r.Trouble)
	}
}

func (p *plain) End(err error) {
	var u *run.Usage
	if err != nil && !errors.As(err, &u) { // main tells of wrong usage
		p.line("ended: %v", err)
	}
}

// live shows one line per phase with its elapsed time, the current one moving.
type live struct {
	mu    sync.Mutex
	w     progress.Writer
	title string
	now   *progress.Tracker
}

func newLive(f *os.File) *live {
	w := progress.NewWriter()
	w.SetOutputWriter(f)
	w.SetTrackerPosition(progress.PositionRight)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetMessageLength(72)
	w.Style().Visibility = progress.StyleVisibility{Time: true, Tracker: true}
	w.Style().Options.TimeDonePrecision = 100 * time.Millisecond
	w.Style().Options.TimeInProgressPrecision = time.Second
	w.Style().Chars = progress.StyleCharsBlocks
	w.SetTrackerLength(8)
	go w.Render()
	return &live{w: w}
}

func (l *live) Phase(title string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.UpdateMessage(l.title)
		l.now.MarkAsDone()
	}
	l.title = title
	l.now = &progress.Tracker{Message: title}
	l.w.AppendTracker(l.now)
}

func (l *live) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.UpdateMessage(l.title + ": " + text)
	}
}

// Tell writes above what moves.
func (l *live) Tell(text string) { l.w.Log("%s", text) }

func (l *live) Claim(o evidence.Outcome) {
	if o.Status == evidence.Held {
		l.Note(o.ID + " held")
		return
	}
	l.w.Log("  %s %s", o.Status, o.ID)
	for _, v := range o.Violations {
		l.w.Log("      %s: %s", v.Code, v.Text)
	}
	if o.Reason != "" {
		l.w.Log("      %s", o.Reason)
	}
}

func (l *live) Sabotage(r evidence.SabotageRow) {
	if r.Fine() {
		l.Note("caught: " + r.Name)
		return
	}
	l.w.Log("  %s %s: %s", r.Word(), r.Claim, r.Name)
	for _, d := range r.Details() {
		l.w.Log("      %s", d)
	}
}

func (l *live) End(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return
	}
	l.now.UpdateMessage(l.title)
	if err != nil {
		l.now.MarkAsErrored()
	} else {
		l.now.MarkAsDone()
	}
	l.now = nil
	l.w.Stop()
}
