package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/syslog"
)

// explainer prints a line about each message, for people who wonder why an event is
// what it is.
type explainer struct {
	w io.Writer
	n int
}

func newExplainer(w io.Writer) *explainer { return &explainer{w: w} }

// print writes one line:
//
//	# 3: header bsd; class pan_traffic by column; host "fw1" by header; time 2026-03-14T14:28:52Z by column
//
// followed, where there is something, by "; a relay had split its text",
// "; not understood: …" and "; dropped: …".
func (x *explainer) print(e ingest.Explanation) {
	x.n++
	parts := []string{}
	if e.Result != nil {
		parts = append(parts, headerText(e.Header),
			classText(e), hostText(e), timeText(e))
		if e.Result.Rejoined {
			parts = append(parts, "a relay had split its text")
		}
		if notes := notUnderstood(e); len(notes) != 0 {
			parts = append(parts, "not understood: "+strings.Join(notes, ", "))
		}
	}
	if len(e.Rules) != 0 {
		parts = append(parts, "rules: "+strings.Join(e.Rules, ", "))
	}
	if e.Truncated {
		parts = append(parts, fmt.Sprintf("cut at %d bytes", len(e.Message)))
	}
	if e.Dropped != "" {
		parts = append(parts, "dropped: "+dropText(&e))
	}
	_, _ = fmt.Fprintf(x.w, "# %d: %s\n", x.n, strings.Join(parts, "; "))
}

// classText says which class the message has, and by what. Of a pack it says which one.
func classText(e ingest.Explanation) string {
	if e.Result.Pack != "" {
		return fmt.Sprintf("class %s by pack %s, by %s", e.Class, e.Result.Pack, e.Result.Rule)
	}
	return fmt.Sprintf("class %s by %s", e.Class, e.Result.ClassBy)
}

func headerText(h *syslog.Header) string {
	s := "header " + h.Shape.String()
	if h.Priority == syslog.NoPriority {
		return s + " without PRI"
	}
	return s
}

func hostText(e ingest.Explanation) string {
	if e.HostFrom == ingest.HostFromMessage {
		return fmt.Sprintf("host %q by %s", e.Host, e.Result.HostBy)
	}
	return fmt.Sprintf("host %q by the %s", e.Host, e.HostFrom)
}

func timeText(e ingest.Explanation) string {
	by := "by " + e.Result.TimeBy.String()
	if e.Result.TimeBy == dialect.ByNothing || e.Clamped {
		by = "of receipt"
	}
	return "time " + e.Time.Format(time.RFC3339Nano) + " " + by
}

// notUnderstood lists what of the message no rule could use.
func notUnderstood(e ingest.Explanation) (notes []string) {
	switch r := e.Result; {
	case r.Unparsed && r.Class == dialect.Fallback:
		notes = append(notes, "no rule knows this message")
	case r.Unparsed:
		notes = append(notes, "it begins like "+e.Class+" and is broken")
	}
	switch {
	case e.Clamped && e.Stamped.IsZero():
		notes = append(notes, "a time that does not exist")
	case e.Clamped:
		notes = append(notes, "a time too far off, "+e.Stamped.Format(time.RFC3339Nano))
	case e.Result.TimeBy == dialect.ByNothing:
		notes = append(notes, "no time")
	}
	if len(e.Result.Host) == 0 {
		notes = append(notes, "no host")
	}
	return notes
}

// dropText says in words why there is no event.
func dropText(e *ingest.Explanation) string {
	switch e.Dropped {
	case "rule":
		if e.Left != "" {
			return "by the rule " + e.Left
		}
		return "by metadata.drop or metadata.sample"
	case "empty":
		return "nothing but blanks"
	case "not_allowed":
		return "the sender is not in allow"
	}
	return e.Dropped
}
