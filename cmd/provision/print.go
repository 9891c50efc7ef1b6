package main

import (
	"fmt"
	"strconv"

	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/printable"
)

// widest is how much of a value is shown.
const widest = 100

// The colours of a terminal (ECMA-48, SGR).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// painter returns a function that colours a text, or leaves it as it is.
func painter(colour bool) func(code, text string) string {
	if !colour {
		return func(_, text string) string { return text }
	}
	return func(code, text string) string { return code + text + plain }
}

// field is one difference on one line.
func field(f change.Diff) string {
	s := fmt.Sprintf("%s: %s -> %s", f.Path, shorten(printable.Escape(f.From), widest), shorten(printable.Escape(f.To), widest))
	if f.Note != "" {
		s += " (" + f.Note + ")"
	}
	return s
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
