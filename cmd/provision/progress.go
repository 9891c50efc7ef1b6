package main

import (
	"fmt"
	"time"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/printable"
)

// progress prints what an apply does: one line for each step, and one when a change has
// ended, with the time it took. On a terminal the last line of a task's log is shown
// below, and overwritten.
type progress struct {
	output
	live  bool // a terminal
	begun time.Time
}

func newProgress(o output) *progress {
	return &progress{output: o, live: terminal(o.messages), begun: time.Now()}
}

// clear takes the transient line away.
const clear = "\r\x1b[K"

func (p *progress) print(e apply.Event) {
	if p.live {
		fmt.Fprint(p.messages, clear)
	}
	since := fmt.Sprintf("[%6.1fs]", time.Since(p.begun).Seconds())
	what := e.Change.Object + " " + e.Change.Key
	switch e.State {
	case apply.Begun:
		if e.Step != "" {
			fmt.Fprintf(p.messages, "%s %s: %s\n", since, what, e.Step)
		}
	case apply.Working:
		if p.live {
			fmt.Fprint(p.messages, printable.Cut(fmt.Sprintf("%s   %s: %s", since, what, printable.Escape(e.Text)), widest))
		}
	case apply.Finished:
		fmt.Fprintf(p.messages, "%s %s %s after %s\n", since, p.paint(printable.Green, "done"), what, took(e.Elapsed))
	case apply.Stopped:
		fmt.Fprintf(p.messages, "%s %s %s after %s: %s\n", since, p.paint(printable.Red, "FAILED"), what, took(e.Elapsed), printable.Escape(e.Text))
	case apply.Skipped:
		fmt.Fprintf(p.messages, "%s %s %s: %s\n", since, p.paint(printable.Yellow, "not begun"), what, printable.Escape(e.Text))
	}
}

// took is a duration to the tenth of a second.
func took(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
