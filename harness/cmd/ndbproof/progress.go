package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"

	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

// newProgress gives live lines on a terminal, else plain ones.
func newProgress(w *os.File) run.Progress {
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

func (p *plain) Claim(o evidence.Outcome) {
	p.line("    %-11s %s", o.Status, o.ID)
	for _, v := range o.Violations {
		p.line("                %s: %s", v.Code, v.Text)
	}
	if o.Reason != "" {
		p.line("                %s", o.Reason)
	}
}

func (p *plain) End(err error) {
	if err != nil {
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
