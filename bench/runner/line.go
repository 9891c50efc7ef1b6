package runner

import (
	"fmt"
	"strings"
)

// line is a run in one line.
func (r *Run) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Scenario)
	if r.Point != "" {
		b.WriteString(" " + r.Point)
	}
	fmt.Fprintf(&b, ", %s, run %d: startup %.0f ms", r.Subject, r.Number, 1000*r.Startup)
	if sent := r.Sent(); sent > 0 {
		fmt.Fprintf(&b, ", sent %d, lost %d, twice %d, %.0f/s, %.2f us CPU a message, %.1f s of CPU elsewhere in %.1f s",
			sent, r.Lost(), r.Sink.Duplicated, r.Rate, r.CPUPerMessage, r.OtherCPU, r.Watched)
	}
	if r.CPUShare > 0 {
		fmt.Fprintf(&b, ", idle at %.2f %% of a core", 100*r.CPUShare)
	}
	for _, p := range r.Problems {
		b.WriteString("\n  PROBLEM: " + p)
	}
	return b.String()
}

// Lost is how many messages have not come through.
func (r *Run) Lost() uint64 { return r.Sent() - min(r.Sent(), r.Through) }

// lossShare is the part that has not come through.
func (r *Run) lossShare() float64 {
	if r.Sent() == 0 {
		return 0
	}
	return float64(r.Lost()) / float64(r.Sent())
}
