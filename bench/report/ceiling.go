package report

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/bench/runner"
)

// nearCeiling is how near a rate may come to a ceiling, as a part of it, before the figure
// is the harness's own.
const nearCeiling = 0.2

// ceilings says in a sentence what the harness does alone, and whether it was disturbed
// meanwhile; nothing where that was not measured.
func ceilings(rep *runner.Report) []string {
	var said []string
	for _, component := range components(rep) {
		text := func(format string, f func(runner.Ceiling) float64) string {
			return alone(rep, component, f).text(format)
		}
		said = append(said, fmt.Sprintf("%s %s/s at %s us CPU", component, text("%.0f", ceilingRate),
			text("%.2f", func(c runner.Ceiling) float64 { return c.CPUPerMessage })))
	}
	if len(said) == 0 {
		return nil
	}
	text := "The harness alone, without a gateway: " + strings.Join(said, "; ") + "."
	if share := ceilingNoise(rep); share > tooNoisy {
		text += fmt.Sprintf(" Other programs took up to %.1f %% of the machine meanwhile: on a quiet one these rates are higher.", 100*share)
	}
	return []string{text}
}

// ceilingNoise is the largest part of the machine that others took while a ceiling was measured.
func ceilingNoise(rep *runner.Report) (worst float64) {
	for _, c := range rep.Ceilings {
		worst = max(worst, noise(rep, c.OtherCPU, c.Watched))
	}
	return worst
}

// limits names the rows whose rate comes near to what the harness that they used does alone.
// A ceiling that was taken on a busy machine is too low to be sure.
func limits(rep *runner.Report, all []group) (found []string) {
	verdict := "the harness was the limit"
	if ceilingNoise(rep) > tooNoisy {
		verdict = "the harness may have been the limit; measure its ceiling again on a quiet machine"
	}
	for _, g := range all {
		for _, component := range components(rep) {
			ceiling := alone(rep, component, ceilingRate).median
			rate := spreadOf(g.runs, func(r *runner.Run) float64 { return r.Used()[component] }).median
			if rate > (1-nearCeiling)*ceiling {
				found = append(found, fmt.Sprintf("Note: in %s the %.0f messages/s of %s come nearer than %.0f %% to the %.0f/s of the %s alone: %s.",
					strings.TrimSpace(g.scenario+" "+g.point), rate, g.subject, 100*nearCeiling, ceiling, component, verdict))
			}
		}
	}
	return found
}

// parts are those of the harness whose ceilings were taken.
func components(rep *runner.Report) (names []string) {
	for _, c := range rep.Ceilings {
		if !slices.Contains(names, c.Component) {
			names = append(names, c.Component)
		}
	}
	return names
}

// alone is a figure of one part.
func alone(rep *runner.Report, component string, figure func(runner.Ceiling) float64) spread {
	var all []float64
	for _, c := range rep.Ceilings {
		if c.Component == component {
			all = append(all, figure(c))
		}
	}
	return spreadOfAll(all)
}

func ceilingRate(c runner.Ceiling) float64 { return c.Rate }
