package runner

import (
	"fmt"
	"strings"
)

// line is a run in one line.
func (run *Run) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", run.Scenario)
	if run.Point != "" {
		b.WriteString(" " + run.Point)
	}
	fmt.Fprintf(&b, ", %s, run %d: startup %.0f ms", run.Subject, run.Number, 1000*run.Startup)
	if sent := run.Sent(); sent > 0 {
		fmt.Fprintf(&b, ", sent %d, lost %d, twice %d, %.0f/s, %.2f us CPU a message, %.1f s of CPU elsewhere in %.1f s",
			sent, run.Lost(), run.Sink.Duplicated, run.Rate, run.CPUPerMessage, run.OtherCPU, run.Watched)
	}
	if run.NodesCPU > 0 {
		fmt.Fprintf(&b, ", %.2f us in the cluster's servers", run.NodesCPU*1e6/float64(max(1, run.Through)))
	}
	if run.CPUShare > 0 {
		fmt.Fprintf(&b, ", idle at %.2f %% of a core", 100*run.CPUShare)
	}
	for _, p := range run.Problems {
		b.WriteString("\n  PROBLEM: " + p)
	}
	return b.String()
}

// Lost is how many messages have not come through.
func (run *Run) Lost() uint64 { return run.Sent() - min(run.Sent(), run.Through) }

// lossShare is the part that has not come through.
func (run *Run) lossShare() float64 {
	if run.Sent() == 0 {
		return 0
	}
	return float64(run.Lost()) / float64(run.Sent())
}
