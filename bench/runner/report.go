package runner

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// line is a run in one line.
func (r *Run) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s run %d: startup %.0f ms", r.Scenario, r.Number, 1000*r.Startup)
	if sent := r.Sent(); sent > 0 {
		fmt.Fprintf(&b, ", sent %d, lost %d, twice %d, %.0f/s, %.2f us CPU a message, %.1f s of CPU elsewhere in %.1f s",
			sent, r.Sink.Lost, r.Sink.Duplicated, r.Rate, r.CPUPerMessage, r.OtherCPU, r.Watched)
	}
	if r.CPUShare > 0 {
		fmt.Fprintf(&b, ", idle at %.2f %% of a core", 100*r.CPUShare)
	}
	for _, p := range r.Problems {
		b.WriteString("\n  PROBLEM: " + p)
	}
	return b.String()
}

// spread is the median of some figures with the lowest and the highest.
type spread struct{ median, low, high float64 }

func spreadOf(runs []Run, figure func(Run) float64) spread {
	var all []float64
	for _, r := range runs {
		all = append(all, figure(r))
	}
	slices.Sort(all)
	n := len(all)
	return spread{(all[(n-1)/2] + all[n/2]) / 2, all[0], all[n-1]}
}

// text formats a spread; a single run has none.
func (s spread) text(format string) string {
	m := fmt.Sprintf(format, s.median)
	if s.low == s.high {
		return m
	}
	return fmt.Sprintf("%s ("+format+"–"+format+")", m, s.low, s.high)
}

// column is one column of the report.
type column struct {
	title string
	cell  func(runs []Run) string
}

const mib = 1 << 20

// columns are those of the table, in order.
func columns() []column {
	figure := func(format string, f func(Run) float64) func([]Run) string {
		return func(runs []Run) string {
			s := spreadOf(runs, f)
			if s.high == 0 {
				return "–"
			}
			return s.text(format)
		}
	}
	each := func(f func(Run) string) func([]Run) string {
		return func(runs []Run) string {
			var all []string
			for _, r := range runs {
				all = append(all, f(r))
			}
			if c := slices.Compact(slices.Clone(all)); len(c) == 1 {
				return c[0]
			}
			return strings.Join(all, " / ")
		}
	}
	latency := func(r Run) string {
		if l := r.Sink.Latency; l != nil && l.Count > 0 {
			return fmt.Sprintf("%.0f/%.0f", l.P50, l.P99)
		}
		return "–"
	}
	return []column{
		{"scenario", func(runs []Run) string { return runs[0].Scenario }},
		{"runs", func(runs []Run) string { return fmt.Sprint(len(runs)) }},
		{"sent", each(func(r Run) string { return fmt.Sprint(r.Sent()) })},
		{"lost", each(func(r Run) string { return fmt.Sprint(r.Sink.Lost) })},
		{"twice", each(func(r Run) string { return fmt.Sprint(r.Sink.Duplicated) })},
		{"msgs/s", figure("%.0f", func(r Run) float64 { return r.Rate })},
		{"CPU us/msg", figure("%.2f", func(r Run) float64 { return r.CPUPerMessage })},
		{"idle CPU %", figure("%.2f", func(r Run) float64 { return 100 * r.CPUShare })},
		{"RSS high MiB", figure("%.0f", func(r Run) float64 { return float64(r.RSSHigh) / mib })},
		{"disk MiB", figure("%.1f", func(r Run) float64 { return float64(r.Written) / mib })},
		{"wire MiB", figure("%.1f", func(r Run) float64 { return float64(r.Sink.BodyBytes) / mib })},
		{"ratio", figure("%.1f", func(r Run) float64 {
			if r.Sink.BodyBytes == 0 {
				return 0
			}
			return float64(r.Sink.RawBytes) / float64(r.Sink.BodyBytes)
		})},
		{"p50/p99 ms", each(latency)},
		{"startup ms", figure("%.0f", func(r Run) float64 { return 1000 * r.Startup })},
		{"load/sink CPU s", each(func(r Run) string { return fmt.Sprintf("%.1f/%.1f", r.LoadCPU, r.SinkCPU) })},
		{"other CPU s", each(func(r Run) string { return fmt.Sprintf("%.1f", r.OtherCPU) })},
		{"problems", func(runs []Run) string { return fmt.Sprint(Report{Runs: runs}.Problems()) }},
	}
}

// table returns the cells, the titles first, one row a scenario.
func (rep Report) table() [][]string {
	by := make(map[string][]Run)
	var order []string
	for _, r := range rep.Runs {
		if by[r.Scenario] == nil {
			order = append(order, r.Scenario)
		}
		by[r.Scenario] = append(by[r.Scenario], r)
	}
	cols := columns()
	rows := [][]string{nil}
	for _, c := range cols {
		rows[0] = append(rows[0], c.title)
	}
	for _, name := range order {
		var row []string
		for _, c := range cols {
			row = append(row, c.cell(by[name]))
		}
		rows = append(rows, row)
	}
	return rows
}

// WriteMarkdown writes the machine, the table and the problems.
func (rep Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	m := rep.Machine
	fmt.Fprintf(&b, "Taken %s on %d cores of %s, %s, Linux %s, net.core.rmem_max %s; gateway sha256 %.12s.\n",
		rep.Taken.Format("2006-01-02 15:04 UTC"), m.Cores, m.CPU, m.Memory, m.Kernel, m.RmemMax, rep.Gateway)
	b.WriteString("Medians, with the lowest and the highest of the runs in parentheses.\n\n")
	for i, row := range rep.table() {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	for _, r := range rep.Runs {
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "\nProblem in %s run %d: %s\n", r.Scenario, r.Number, p)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
