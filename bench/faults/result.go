package faults

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is one row of the table. Counts are the metrics of the gateway's last process at
// the end of the row. Sent, Lost and Duplicated are counted message by message.
type Result struct {
	Fault      string
	Sent       int64
	Counts     Counts
	Lost       int64 // neither delivered nor in the dead-letter store
	Duplicated int64 // arrivals beyond the first
	Took       time.Duration
	Details    []string
	Skipped    string // why the row was not run; empty: it was
	// Problems is empty when the row holds.
	Problems []string
}

// OK says whether the row holds.
func (r *Result) OK() bool { return len(r.Problems) == 0 }

func (r *Result) verdict() string {
	if r.Skipped != "" {
		return "skipped: " + r.Skipped
	}
	return verdict(r.OK(), "ok", "FAILED")
}

func (r *Result) detail(format string, args ...any) {
	r.Details = append(r.Details, fmt.Sprintf(format, args...))
}

func (r *Result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Result) problemIf(so bool, format string, args ...any) {
	if so {
		r.problem(format, args...)
	}
}

// Report is all rows.
type Report []Result

// Failed is how many rows do not hold.
func (r Report) Failed() (n int) {
	for i := range r {
		if !r[i].OK() {
			n++
		}
	}
	return n
}

// WriteTable prints the rows, and below them what is wrong.
func (r Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "fault\tsent\treceived\trecovered\tdelivered\tduplicated\tdead-lettered\tdropped\tpending\tlost\tequation\tverdict\ttook\tnotes")
	for _, row := range r {
		b := row.Counts
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%.1fs\t%s\n", row.Fault, row.Sent, b.Received, b.Recovered,
			b.Delivered, row.Duplicated, b.Deadlettered, b.Dropped, b.Pending, row.Lost,
			verdict(b.Difference() == 0, "holds", fmt.Sprintf("off by %d", b.Difference())),
			row.verdict(), row.Took.Seconds(), strings.Join(row.Details, "; "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range r {
		for _, p := range row.Problems {
			if _, err := fmt.Fprintf(w, "%s: %s\n", row.Fault, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func verdict(ok bool, good, bad string) string {
	if ok {
		return good
	}
	return bad
}
