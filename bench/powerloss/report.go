package powerloss

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Result is one series.
type Result struct {
	Name  string
	Seed  uint64
	Cuts  int
	Stops int // of the cuts, those after a planned stop
	Took  time.Duration

	Sent             int
	Synced           int // were found on stable storage at a cut
	AtRisk           int // of these, not delivered yet: summed over the cuts
	SyncedLost       int
	Acknowledged     int
	AcknowledgedLost int
	Lost             int           // in all: from sockets, memory and what was not synced
	Written          time.Duration // before the cut: the oldest record that is lost
	SenderLoses      time.Duration // before the cut: the oldest message that is lost was sent; 0 where senders wait
	Twice            int
	TwiceOldest      time.Duration // before the cut: the oldest delivery that came again
	DeadLetters      int
	Queued           int // and not delivered at the end

	Kept     string // where its files are
	Problems []string
}

func (r *Result) problemIf(so bool, format string, args ...any) {
	if so {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// OK says whether the series holds.
func (r *Result) OK() bool { return len(r.Problems) == 0 }

// Report is all series.
type Report []Result

// Failed is how many series do not hold.
func (rep Report) Failed() (n int) {
	for i := range rep {
		if !rep[i].OK() {
			n++
		}
	}
	return n
}

// WriteTable prints the series, and below them what is wrong.
func (rep Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "series\tseed\tcuts\tstops\tsent\tsynced\tat risk\tsynced and lost\tanswered\tanswered and lost\tlost\twritten before\tsent before\ttwice\tdelivered before\tdead\tverdict\ttook")
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	for _, r := range rep {
		verdict := "ok"
		if !r.OK() {
			verdict = "FAILED"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%d\t%s\t%d\t%s\t%.1fs\n", r.Name, r.Seed, r.Cuts, r.Stops, r.Sent, r.Synced,
			r.AtRisk, r.SyncedLost, r.Acknowledged, r.AcknowledgedLost, r.Lost, ms(r.Written), ms(r.SenderLoses), r.Twice, ms(r.TwiceOldest), r.DeadLetters, verdict, r.Took.Seconds())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rep {
		for _, p := range r.Problems {
			if _, err := fmt.Fprintf(w, "%s: %s\n\tagain: bench powerloss --only %q --seed %d --cuts %d\n", r.Name, p, r.Name, r.Seed, r.Cuts); err != nil {
				return err
			}
		}
		if r.Kept != "" {
			if _, err := fmt.Fprintf(w, "%s: its files are in %s\n", r.Name, r.Kept); err != nil {
				return err
			}
		}
	}
	return nil
}
