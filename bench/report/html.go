package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"syslog-gateway/bench/runner"
)

//go:embed report.html
var page string

// section is one scenario of the page.
type section struct {
	Name, About string
	Plots       []template.HTML
	Table       [][]string
	Comparison  *comparison
}

// WriteHTML writes a page that needs nothing beside it.
func WriteHTML(w io.Writer, rep *runner.Report) error {
	t, err := template.New("report").Parse(page)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	all := groups(rep)
	compared := comparisons(rep, all)
	var sections []section
	for _, sc := range rep.About {
		some := of(all, sc.Name)
		if len(some) == 0 {
			continue
		}
		s := section{Name: sc.Name, About: sc.About, Plots: plots(sc.Name, sc.Axis, some), Table: table(some, columns())}
		for i := range compared {
			if compared[i].Scenario == sc.Name {
				s.Comparison = &compared[i]
			}
		}
		sections = append(sections, s)
	}
	err = t.Execute(w, map[string]any{
		"Where": where(rep), "Sections": sections, "Ceilings": ceilings(rep), "Limits": limits(rep, all), "Problems": problems(rep), "Peers": rep.Peers,
	})
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
