package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// State is what the API says of a gateway. Only Status is needed.
type State struct {
	Status     monitor.Status
	Ready      bool
	Conditions []string // the lines of /readyz

	Senders []monitor.Sender
	Known   int // senders
	Volume  monitor.Volume
	Points  []Point // of the window, oldest first
	Letters []status.DeadLetterGroup
}

// Point is a point of the history with its rates.
type Point struct {
	history.Point
	ReceivedRate  float64 `json:"received_per_second"`
	DeliveredRate float64 `json:"delivered_per_second"`
}

// flows are the sums over all sources.
type flows struct{ received, delivered, lost float64 }

func (s *State) flows() (f flows) {
	for _, src := range s.Status.Sources {
		f.received += src.Rates.Received
		f.delivered += src.Rates.Delivered
		f.lost += src.Rates.Lost
	}
	return f
}

// latency is that of the last point in which something was delivered.
func (s *State) latency() (p50, p99 float64) {
	for i := len(s.Points) - 1; i >= 0; i-- {
		if p := s.Points[i]; p.P99 > 0 {
			return p.P50, p.P99
		}
	}
	return 0, 0
}

// clean makes text of others harmless, in one line.
func clean(s string) string { return printable.Escape(printable.Fold(s)) }

// rate writes a rate as the page does: one digit after the point below 10.
func rate(r float64) string {
	switch {
	case r <= 0:
		return "0"
	case r < 9.95:
		return fmt.Sprintf("%.1f", r)
	}
	return text.Number(int64(r + 0.5))
}

// delay writes a latency.
func delay(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1f s", seconds)
	}
	return text.Span(time.Duration(seconds * float64(time.Second)))
}

// short is a duration in its largest unit.
func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(d, 0)/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

// when says how long a finding is there.
func when(f monitor.Finding, now time.Time) string {
	if !f.Ended.IsZero() {
		return "ended " + f.Ended.Format("15:04")
	}
	format := "15:04"
	if now.Sub(f.Since) >= 24*time.Hour {
		format = "2 Jan"
	}
	return short(now.Sub(f.Since)) + ", since " + f.Since.Format(format)
}

// section is the section of the runbook on a finding.
func section(f monitor.Finding) string { return clean(strings.TrimPrefix(f.Help, "/help/")) }

// server is an endpoint with its state, and with its last answer unless it is up.
func server(e monitor.Endpoint, name string) string {
	s := clean(name) + " " + clean(e.Word())
	if !e.Up && e.LastAnswer != "" {
		s += " (" + clean(text.Brief(e.LastAnswer)) + ")"
	}
	return s
}

// program is the first line: host, version and age.
func program(s monitor.Status) string {
	return clean(cmp.Or(s.Host, "gateway")) + "  syslog-gateway " + clean(s.Version) + ", up " + text.Span(time.Duration(s.UptimeSeconds)*time.Second)
}

// width is how many columns a text takes.
func width(s string) int { return uniseg.StringWidth(s) }

// head is the begin of a text that takes at most so many columns.
func head(s string, most int) string {
	end, used := 0, 0
	for g := uniseg.NewGraphemes(s); g.Next(); end += len(g.Str()) {
		if used += g.Width(); used > most {
			break
		}
	}
	return s[:end]
}

// cut shortens a text to so many columns.
func cut(s string, most int) string {
	switch {
	case width(s) <= most:
		return s
	case most <= 0:
		return ""
	}
	return head(s, most-1) + "…"
}

// left and right fill a text up to so many columns, and cut what is longer.
func left(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", max(n-width(s), 0))
}

func right(s string, n int) string {
	s = cut(s, n)
	return strings.Repeat(" ", max(n-width(s), 0)) + s
}

// wrap divides a text at blanks into lines of at most so many columns. A longer word is
// divided.
func wrap(s string, most int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		for width(word) > most {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			begin := head(word, most)
			if begin == "" {
				break
			}
			lines, word = append(lines, begin), word[len(begin):]
		}
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= most:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
