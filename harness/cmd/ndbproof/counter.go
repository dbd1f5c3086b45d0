package main

import (
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// counter shows how far compiling is, as a line that moves.
type counter struct {
	w     io.Writer
	now   *progress.Tracker
	drawn chan struct{} // closed when nothing more is drawn
}

// count is what is to be told of each step that is done; nil where there is no
// terminal, which gets plain lines instead.
func (c *counter) count(f *os.File) func(done, all int) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	c.w = f
	return c.set
}

// set begins with the first step and ends with the last one: the bar would be
// drawn over what other code prints between them.
func (c *counter) set(done, all int) {
	if c.now == nil {
		w := progress.NewWriter()
		w.SetOutputWriter(c.w)
		w.SetAutoStop(true)
		w.SetUpdateFrequency(500 * time.Millisecond)
		w.Style().Visibility = progress.StyleVisibility{ETA: true, Percentage: true, Time: true, Tracker: true, Value: true}
		w.Style().Chars = progress.StyleCharsBlocks
		c.now, c.drawn = &progress.Tracker{Message: "compiling", Total: int64(all)}, make(chan struct{})
		w.AppendTracker(c.now)
		go func() {
			defer close(c.drawn)
			w.Render()
		}()
	}
	c.now.SetValue(int64(done))
	if done >= all {
		c.stop()
	}
}

// stop leaves the line as it is, and waits until it is drawn. Where there is
// none, it does nothing.
func (c *counter) stop() {
	if c.now == nil {
		return
	}
	if !c.now.IsDone() {
		c.now.MarkAsErrored()
	}
	<-c.drawn
	c.now = nil
}
