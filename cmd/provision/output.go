package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/term"

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
