package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
)

// output is where a verb prints, and in which form.
type output struct {
	doc    io.Writer // documents and tables: standard output
	talk   io.Writer // sentences for people: standard output, or standard error with --json
	json   bool
	colour bool // talk gets colours
}

// document prints one JSON document.
func (o output) document(v any) error {
	enc := json.NewEncoder(o.doc)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table aligns columns that are separated by tabs. Flush it.
func (o output) table() *tabwriter.Writer { return tabwriter.NewWriter(o.doc, 0, 8, 2, ' ', 0) }

// paint colours a text, or leaves it as it is.
func (o output) paint(code, text string) string {
	if !o.colour {
		return text
	}
	return code + text + plain
}

// terminal says whether w is one.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// widest is how much of a value is shown.
const widest = 100

// The colours of a terminal (ECMA-48, SGR).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// field is one difference on one line.
func field(f change.Diff) string {
	s := fmt.Sprintf("%s: %s -> %s", f.Path, shorten(plan.Printable(f.From), widest), shorten(plan.Printable(f.To), widest))
	if f.Note != "" {
		s += " (" + f.Note + ")"
	}
	return s
}

// safe gives a text of several lines without control characters for a terminal.
func safe(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = plan.Printable(line)
	}
	return strings.Join(lines, "\n")
}

// count is 1 step, 2 steps.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// shorten keeps a line on a screen.
func shorten(line string, most int) string {
	if runes := []rune(line); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return line
}
