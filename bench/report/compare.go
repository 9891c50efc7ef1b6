package report

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/bench/runner"
)

// tooNoisy is the part of the machine's CPU time that others may take during a run that is
// compared.
const tooNoisy = 0.05

// gateway is the subject that the others are compared with; before is another version of it.
const (
	gateway = runner.GatewayName
	before  = runner.BeforeName
)

// comparison is the subjects of one scenario beside each other, or why there is none.
type comparison struct {
	Scenario string
	Rows     [][]string // the titles first; empty: see Refused
	Refused  string
}

// comparisons are those of the scenarios that had more than one subject.
func comparisons(rep *runner.Report, all []group) (found []comparison) {
	for _, sc := range rep.About {
		some := of(all, sc.Name)
		if !slices.ContainsFunc(some, func(g group) bool { return g.subject != gateway }) {
			continue
		}
		c := comparison{Scenario: sc.Name, Refused: disturbed(rep, some)}
		if c.Refused == "" {
			c.Rows = compare(some)
		}
		found = append(found, c)
	}
	return found
}

// compare gives every subject's figures as multiples of the gateway's in the same point.
func compare(some []group) [][]string {
	rows := [][]string{{"subject", "msgs/s", "of the gateway's", "CPU us/msg", "times the gateway's", "RSS high MiB", "lost"}}
	for _, g := range some {
		i := slices.IndexFunc(some, func(o group) bool { return o.subject == gateway && o.point == g.point })
		if i < 0 {
			continue
		}
		ratio := func(f func(*runner.Run) float64) string {
			base := spreadOf(some[i].runs, f).median
			if base == 0 {
				return "–"
			}
			return fmt.Sprintf("%.2f", spreadOf(g.runs, f).median/base)
		}
		rows = append(rows, []string{
			strings.TrimSpace(g.subject + " " + g.point), figure("%.0f", rate)(g), ratio(rate), figure("%.2f", cpu)(g), ratio(cpu), figure("%.0f", memory)(g),
			each(func(r *runner.Run) string { return fmt.Sprint(r.Lost()) })(g),
		})
	}
	return rows
}

// disturbed names the first run that something else took too much of the machine from.
func disturbed(rep *runner.Report, some []group) string {
	for _, g := range some {
		for _, r := range g.runs {
			if share := noise(rep, r.OtherCPU, r.Watched); share > tooNoisy {
				return fmt.Sprintf("no comparison: in run %d of %s other programs took %.1f %% of the machine (limit %.0f %%); repeat it on a quiet machine",
					r.Number, g.subject, 100*share, 100*tooNoisy)
			}
		}
	}
	return ""
}

// noise is the part of the machine that others took: their seconds of CPU out of those watched.
func noise(rep *runner.Report, others, watched float64) float64 {
	if watched == 0 || rep.Machine.Cores == 0 {
		return 0
	}
	return others / (watched * float64(rep.Machine.Cores))
}
