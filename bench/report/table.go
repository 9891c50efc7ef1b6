package report

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/bench/runner"
)

const mib = 1 << 20

// column is one column of the table.
type column struct {
	title string
	cell  func(g group) string
}

func figure(format string, f func(*runner.Run) float64) func(group) string {
	return func(g group) string {
		s := spreadOf(g.runs, f)
		if s.high == 0 {
			return "–"
		}
		return s.text(format)
	}
}

// each lists what the runs say, once where they agree.
func each(f func(*runner.Run) string) func(group) string {
	return func(g group) string {
		var all []string
		for i := range g.runs {
			all = append(all, f(&g.runs[i]))
		}
		if c := slices.Compact(slices.Clone(all)); len(c) == 1 {
			return c[0]
		}
		return strings.Join(all, " / ")
	}
}

// columns are those of the table, in order.
func columns() []column {
	return []column{
		{"scenario", func(g group) string { return strings.TrimSpace(g.scenario + " " + g.point) }},
		{"subject", func(g group) string { return g.subject }},
		{"runs", func(g group) string { return fmt.Sprint(len(g.runs)) }},
		{"sent", each(func(r *runner.Run) string { return fmt.Sprint(r.Sent()) })},
		{"lost", each(func(r *runner.Run) string { return fmt.Sprint(r.Lost()) })},
		{"twice", each(func(r *runner.Run) string { return fmt.Sprint(r.Sink.Duplicated) })},
		{"msgs/s", figure("%.0f", rate)},
		{"CPU us/msg", figure("%.2f", cpu)},
		{"idle CPU %", figure("%.2f", func(r *runner.Run) float64 { return 100 * r.CPUShare })},
		{"RSS high MiB", figure("%.0f", memory)},
		{"disk MiB", figure("%.1f", func(r *runner.Run) float64 { return float64(r.Written) / mib })},
		{"wire MiB", figure("%.1f", func(r *runner.Run) float64 { return float64(r.Sink.BodyBytes) / mib })},
		{"ratio", figure("%.1f", func(r *runner.Run) float64 {
			return float64(r.Sink.RawBytes) / max(1, float64(r.Sink.BodyBytes))
		})},
		{"p50 ms", figure("%.0f", latency(p50))},
		{"p99 ms", figure("%.0f", latency(p99))},
		{"p99.9 ms", figure("%.0f", latency(p999))},
		{"startup ms", figure("%.0f", func(r *runner.Run) float64 { return 1000 * r.Startup })},
		{"load/sink CPU s", each(func(r *runner.Run) string { return fmt.Sprintf("%.1f/%.1f", r.LoadCPU, r.SinkCPU) })},
		{"nodes CPU us/msg", figure("%.2f", func(r *runner.Run) float64 { return r.NodesCPU * 1e6 / float64(max(1, r.Through)) })},
		{"other CPU s", each(func(r *runner.Run) string { return fmt.Sprintf("%.1f", r.OtherCPU) })},
		{"problems", func(g group) string {
			n := 0
			for _, r := range g.runs {
				n += min(1, len(r.Problems))
			}
			return fmt.Sprint(n)
		}},
	}
}

// table returns the cells, the titles first, one row a group.
func table(all []group, cols []column) [][]string {
	rows := [][]string{nil}
	for _, c := range cols {
		rows[0] = append(rows[0], c.title)
	}
	for _, g := range all {
		var row []string
		for _, c := range cols {
			row = append(row, c.cell(g))
		}
		rows = append(rows, row)
	}
	return rows
}

// markdown writes rows as a table.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}
