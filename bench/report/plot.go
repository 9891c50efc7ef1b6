package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// The size of a plot, in SVG units.
const (
	plotWidth  = 720
	plotHeight = 260
	plotLeft   = 70
	plotBottom = 40
	plotTop    = 16
	plotRight  = 16
	barHeight  = 22
	labelWidth = 270
)

// bar is one bar of a bar plot.
type bar struct {
	label     string
	subject   string
	value     spread
	formatted string
}

// bars draws horizontal bars with whiskers from the lowest to the highest.
func bars(title string, all []bar) template.HTML {
	if len(all) == 0 {
		return ""
	}
	top := 0.0
	for _, b := range all {
		top = max(top, b.value.high)
	}
	if top == 0 {
		return ""
	}
	height := plotTop + len(all)*(barHeight+6) + 8
	scale := float64(plotWidth-labelWidth-130) / top
	var s strings.Builder
	open(&s, title, height)
	for i, b := range all {
		y := plotTop + i*(barHeight+6)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-8, y+16, template.HTMLEscapeString(b.label))
		fmt.Fprintf(&s, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`, class(b.subject), labelWidth, y, b.value.median*scale, barHeight)
		fmt.Fprintf(&s, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`,
			labelWidth+b.value.low*scale, labelWidth+b.value.high*scale, y+barHeight/2, y+barHeight/2)
		fmt.Fprintf(&s, `<text x="%.1f" y="%d">%s</text>`, labelWidth+b.value.high*scale+6, y+16, template.HTMLEscapeString(b.formatted))
	}
	s.WriteString("</svg>")
	return template.HTML(s.String()) // all text in it is escaped
}

// class is a subject's colour.
func class(subject string) string {
	if subject == gateway {
		return "own"
	}
	return "peer"
}

// series is one line of a line plot.
type series struct {
	name   string
	points []point
}

type point struct {
	x, y float64
	name string
}

// places are the names of the points of all series, in the order of x.
func pointNames(all []series) (names []string) {
	var points []point
	for _, s := range all {
		for _, p := range s.points {
			if !slices.ContainsFunc(points, func(o point) bool { return o.name == p.name }) {
				points = append(points, p)
			}
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for _, p := range points {
		names = append(names, p.name)
	}
	return names
}

// lines draws y over the points' places. A series may lack some of them.
func lines(title, axis string, all []series) template.HTML {
	top, names := 0.0, pointNames(all)
	for _, s := range all {
		for _, p := range s.points {
			top = max(top, p.y)
		}
	}
	if len(names) < 2 {
		return ""
	}
	top = roundUp(max(top, 1e-9))
	at := func(i int) float64 {
		return plotLeft + float64(i)*float64(plotWidth-plotLeft-plotRight)/float64(len(names)-1)
	}
	up := func(y float64) float64 {
		return float64(plotHeight-plotBottom) - y/top*float64(plotHeight-plotBottom-plotTop)
	}
	var s strings.Builder
	open(&s, title, plotHeight)
	for k := range 5 {
		y := top * float64(k) / 4
		fmt.Fprintf(&s, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			plotLeft, plotWidth-plotRight, up(y), up(y), plotLeft-6, up(y)+4, short(y))
	}
	for i, name := range names {
		fmt.Fprintf(&s, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, at(i), plotHeight-plotBottom+18, template.HTMLEscapeString(name))
	}
	for _, line := range all {
		var path []string
		for _, p := range line.points {
			x := at(slices.Index(names, p.name))
			path = append(path, fmt.Sprintf("%.1f,%.1f", x, up(p.y)))
			fmt.Fprintf(&s, `<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"><title>%s: %s</title></circle>`,
				class(line.name), x, up(p.y), template.HTMLEscapeString(p.name), short(p.y))
		}
		fmt.Fprintf(&s, `<polyline class="%s" points="%s"/>`, class(line.name), strings.Join(path, " "))
	}
	fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="middle">%s</text></svg>`, plotWidth/2, plotHeight-4, template.HTMLEscapeString(axis))
	return template.HTML(s.String()) // all text in it is escaped
}

func open(s *strings.Builder, title string, height int) {
	t := template.HTMLEscapeString(title)
	fmt.Fprintf(s, `<figcaption>%s</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, t, plotWidth, height, t)
}

// roundUp is the next number of 1, 2 or 5 times a power of ten.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// short writes a number in few characters.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}

// plots are the pictures of one scenario.
func plots(scenario, axis string, some []group) (all []template.HTML) {
	for _, f := range []struct {
		title, format string
		value         func(g group) spread
	}{
		{"messages/s", "%.0f", func(g group) spread { return spreadOf(g.runs, rate) }},
		{"CPU, microseconds a message", "%.2f", func(g group) spread { return spreadOf(g.runs, cpu) }},
		{"lost, %", "%.2f", func(g group) spread { return spreadOf(g.runs, loss) }},
		{"p99 from sending to arrival, ms", "%.0f", func(g group) spread { return spreadOf(g.runs, latency(p99)) }},
		{"p99.9 from sending to arrival, ms", "%.0f", func(g group) spread { return spreadOf(g.runs, latency(p999)) }},
		{"highest memory, MiB", "%.0f", func(g group) spread { return spreadOf(g.runs, memory) }},
	} {
		title := scenario + ": " + f.title
		if axis != "" {
			all = append(all, lines(title, axis, curves(some, f.value)))
			continue
		}
		var list []bar
		for _, g := range some {
			v := f.value(g)
			list = append(list, bar{label: g.subject, subject: g.subject, value: v, formatted: v.text(f.format)})
		}
		all = append(all, bars(title, list))
	}
	return slices.DeleteFunc(all, func(h template.HTML) bool { return h == "" })
}

// curves makes a series of each subject.
func curves(some []group, value func(g group) spread) (all []series) {
	for _, g := range some {
		i := slices.IndexFunc(all, func(s series) bool { return s.name == g.subject })
		if i < 0 {
			i = len(all)
			all = append(all, series{name: g.subject})
		}
		all[i].points = append(all[i].points, point{g.x, value(g).median, g.point})
	}
	return all
}
