// Package printable writes text for people to a terminal, a log line or a table.
//
// Most of it makes text harmless that somebody else wrote: a device, a server, the
// owner of a guest. [Escape], [Dots] and [Fold] differ in what they keep. The rest is
// how the programs of this repository colour, shorten and count.
//
// It hides no secrets: package redact does, and it has to come first.
package printable

import (
	"strconv"
	"strings"
	"unicode"
)

// Escape returns text in one line. What a terminal would obey or not show is written
// as Go escapes it: \n, \x1b, \u202e.
func Escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// EscapeControls returns text in one line. Control characters except the tab are written as
// Go escapes them: \n, \x1b. All else stays as it is, so that programs can read it.
func EscapeControls(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\t' || !unicode.IsControl(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// EscapeLines is [Escape] for each line of text.
func EscapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Escape(line)
	}
	return strings.Join(lines, "\n")
}

// Dots returns text with a dot for each control character except the tab, so that
// columns stay where they are.
func Dots(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '.'
		}
		return r
	}, text)
}

// Fold returns text in one line with a single space for each run of white space.
func Fold(text string) string { return strings.Join(strings.Fields(text), " ") }

// Cut returns text, or its first most characters and "…" if it is longer.
func Cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Count returns a number with its noun: "1 step", "2 steps".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
