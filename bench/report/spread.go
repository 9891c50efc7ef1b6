package report

import (
	"fmt"
	"math"
	"slices"

	"syslog-gateway/bench/runner"
)

// spread is the median of some figures with the lowest and the highest.
type spread struct{ median, low, high float64 }

// spreadOf leaves runs out that have no such figure (NaN); where none has, all is 0.
func spreadOf(runs []runner.Run, figure func(*runner.Run) float64) spread {
	var all []float64
	for i := range runs {
		if v := figure(&runs[i]); !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	return spreadOfAll(all)
}

func spreadOfAll(all []float64) spread {
	n := len(all)
	if n == 0 {
		return spread{}
	}
	slices.Sort(all)
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

// group is the runs of one subject in one point of a scenario.
type group struct {
	scenario, point, subject string
	x                        float64
	runs                     []runner.Run
}

// groups are in the order of their first runs.
func groups(rep *runner.Report) []group {
	var all []group
	for _, r := range rep.Runs {
		i := slices.IndexFunc(all, func(g group) bool {
			return g.scenario == r.Scenario && g.point == r.Point && g.subject == r.Subject
		})
		if i < 0 {
			i = len(all)
			all = append(all, group{scenario: r.Scenario, point: r.Point, subject: r.Subject, x: r.X})
		}
		all[i].runs = append(all[i].runs, r)
	}
	return all
}

// of returns the groups of one scenario.
func of(all []group, scenario string) (some []group) {
	for _, g := range all {
		if g.scenario == scenario {
			some = append(some, g)
		}
	}
	return some
}

// The figures that are compared and plotted.
func rate(r *runner.Run) float64   { return r.Rate }
func cpu(r *runner.Run) float64    { return r.CPUPerMessage }
func memory(r *runner.Run) float64 { return float64(r.RSSHigh) / mib }

func loss(r *runner.Run) float64 {
	if r.Sent() == 0 {
		return 0
	}
	return 100 * float64(r.Lost()) / float64(r.Sent())
}

// latency returns a figure of the distribution, NaN where there is none.
func latency(pick func(*runner.Run) float64) func(*runner.Run) float64 {
	return func(r *runner.Run) float64 {
		if r.Sink.Latency == nil || r.Sink.Latency.Count == 0 {
			return math.NaN()
		}
		return pick(r)
	}
}

func p50(r *runner.Run) float64  { return r.Sink.Latency.P50 }
func p99(r *runner.Run) float64  { return r.Sink.Latency.P99 }
func p999(r *runner.Run) float64 { return r.Sink.Latency.P999 }
