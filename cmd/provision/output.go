package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/printable"
)

// output is where a verb prints, and in which form.
type output struct {
	doc      io.Writer // documents and tables: standard output
	messages io.Writer // sentences for people: standard output, or standard error with --json
	json     bool
	colour   bool // of messages
}

// document prints one JSON document.
func (o output) document(v any) error {
	enc := json.NewEncoder(o.doc)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table aligns columns that are separated by tabs. Flush it.
func (o output) table() *tabwriter.Writer { return tabwriter.NewWriter(o.doc, 0, 8, 2, ' ', 0) }

// paint colours a text for people, or leaves it as it is.
func (o output) paint(c printable.Colour, text string) string {
	return printable.Painter(o.colour).Paint(c, text)
}

// terminal says whether w is one.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// widest is how much of a value is shown.
const widest = 100

// field is one difference on one line.
func field(f change.Diff) string {
	s := fmt.Sprintf("%s: %s -> %s", f.Path, printable.Cut(printable.Escape(f.From), widest), printable.Cut(printable.Escape(f.To), widest))
	if f.Note != "" {
		s += " (" + f.Note + ")"
	}
	return s
}

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
