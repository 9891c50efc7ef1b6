package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
)

// Look is how a part of a line looks.
type Look uint8

// All looks.
const (
	Plain Look = iota
	Bold
	Quiet
	Warn
	Bad
)

// Span is a part of a line.
type Span struct {
	Text string
	Look Look
}

// Line is a line of the screen.
type Line []Span

// String is the text of the line.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

// View is what the screen shows.
type View uint8

// All views.
const (
	Main View = iota
	Wrong
	Senders
	Volumes
	DeadLetters
	Keys
	Help // a section of the runbook
)

// Frame is everything that a screen depends on.
type Frame struct {
	State
	View    View
	By      monitor.VolumeBy // of Volumes
	Range   string           // of the curves
	Help    string           // the text of Help
	Offset  int              // lines of a list that are scrolled away
	Held    bool
	Trouble string // why there is nothing new; empty if there is
	// ASCII says that the terminal shows no other characters.
	ASCII         bool
	Width, Height int
}

// Lines are the lines of the screen, at most Height of them.
func (f *Frame) Lines() []Line {
	lines := f.head()
	var body []Line
	switch f.View {
	case Wrong:
		body = f.findings(len(f.Status.Health.Findings), true)
	case Senders:
		body = f.senders(len(f.State.Senders))
	case Volumes:
		body = f.volumes(len(f.Volume.Rows))
	case DeadLetters:
		body = f.letters()
	case Keys:
		body = keys()
	case Help:
		for line := range strings.Lines(f.Help) {
			for _, part := range wrapKeeping(strings.TrimRight(line, "\n"), f.Width) {
				body = append(body, Line{{part, Plain}})
			}
		}
	default:
		body = f.main(f.Height - len(lines) - 1)
	}
	room := max(f.Height-len(lines)-1, 0)
	body = body[min(max(f.Offset, 0), max(len(body)-room, 0)):]
	lines = append(lines, body[:min(room, len(body))]...)
	for len(lines) < f.Height-1 {
		lines = append(lines, Line{})
	}
	lines = append(lines, Line{{cut("q quit  ? keys  w wrong  Enter what to do  s senders  c classes  d dead letters  y sourcetypes  i indexes  o sources  1-4 window  space hold", f.Width), Quiet}})
	return lines[:min(len(lines), max(f.Height, 0))]
}

// wrapKeeping wraps a line and keeps its indent.
func wrapKeeping(line string, most int) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if width(line) <= most || most <= len(indent)+8 {
		return []string{clean2(line)}
	}
	parts := wrap(clean(line), most-len(indent))
	for i := range parts {
		parts[i] = indent + parts[i]
	}
	return parts
}

func clean2(line string) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	return indent + clean(line)
}

// mark is the shape of a level.
func (f *Frame) mark(level string) Span {
	shapes := map[string][2]string{"critical": {"✖", "X"}, "warning": {"▲", "!"}, "note": {"◇", "?"}, "ok": {"●", "*"}}
	shape := shapes[level][0]
	if f.ASCII {
		shape = shapes[level][1]
	}
	return Span{cmp.Or(shape, " ") + " ", lookOf(level)}
}

func lookOf(level string) Look {
	switch level {
	case "critical":
		return Bad
	case "warning":
		return Warn
	}
	return Plain
}

// head are the lines that every view has.
func (f *Frame) head() []Line {
	st := f.Status
	live := "live " + st.Now.UTC().Format("15:04:05 UTC")
	look := Quiet
	switch {
	case f.Trouble != "":
		live, look = "NO ANSWER: "+clean(f.Trouble), Bad
	case f.Held:
		live, look = "HELD at "+st.Now.UTC().Format("15:04:05 UTC"), Warn
	}
	live = cut(live, max(f.Width*2/3, 0))
	name := left(program(st), max(f.Width-width(live)-1, 0)) + " "
	lines := []Line{{{name, Bold}, {live, look}}}
	mark := f.mark(st.Health.Level)
	for i, part := range wrap(clean(st.Health.Summary), max(f.Width-2, 8)) {
		if i == 2 {
			break
		}
		if i > 0 {
			mark.Text = "  "
		}
		lines = append(lines, Line{mark, {part, lookOf(st.Health.Level)}})
	}
	return append(lines, Line{})
}

// findings are the first n of what is wrong. help adds what to do.
func (f *Frame) findings(n int, help bool) (lines []Line) {
	all := f.Status.Health.Findings
	for i, one := range all {
		if i == n {
			return append(lines, Line{{fmt.Sprintf("  %d more: w", len(all)-n), Quiet}})
		}
		since := when(one, f.Status.Now)
		mark, look := f.mark(one.Level), lookOf(one.Level)
		if !one.Ended.IsZero() {
			mark, look = f.mark("ok"), Quiet
		}
		room := max(f.Width-2-24, 8)
		if !help {
			lines = append(lines, Line{mark, {left(clean(one.Text), room), look}, {"  " + since, Quiet}})
			continue
		}
		for k, part := range wrap(clean(one.Text), room) {
			if k == 0 {
				lines = append(lines, Line{mark, {left(part, room), look}, {"  " + since, Quiet}})
				continue
			}
			lines = append(lines, Line{{"  " + part, look}})
		}
		lines = append(lines, Line{{"  gateway help " + section(one), Quiet}})
	}
	if len(all) == 0 {
		lines = append(lines, Line{{"  nothing is wrong", Quiet}})
	}
	return lines
}

// number is a number in its columns; a zero is quiet.
func (f *Frame) number(s string, columns int) Span {
	if s == "0" {
		if s = "·"; f.ASCII {
			s = "."
		}
		return Span{right(s, columns), Quiet}
	}
	return Span{right(s, columns), Plain}
}

// main is the first view: what is wrong, the three numbers, sources beside endpoints, senders
// and classes as far as there is room.
func (f *Frame) main(room int) (lines []Line) {
	lines = append(f.findings(min(4, max(room/5, 1)), false), Line{})
	flow, st := f.flows(), f.Status
	third := max(f.Width/3, 12)
	lost := ""
	if flow.lost > 0 {
		lost = "  " + f.mark("critical").Text + rate(flow.lost) + "/s lost"
	}
	lines = append(lines,
		Line{{left("RECEIVED", third) + left("WAITING", third) + cut("DELIVERED", third), Quiet}},
		Line{{left(rate(flow.received)+"/s", max(third-width(lost), 0)), Bold}, {lost, Bad}, {left(text.Number(st.Totals.Pending), third), Bold}, {cut(rate(flow.delivered)+"/s", third), Bold}})
	received, waiting, delivered := make([]float64, len(f.Points)), make([]float64, len(f.Points)), make([]float64, len(f.Points))
	for i, p := range f.Points {
		received[i], waiting[i], delivered[i] = p.ReceivedRate, float64(p.Waiting), p.DeliveredRate
	}
	lines = append(lines, Line{{left(f.curve(received, third-3), third) + left(f.curve(waiting, third-3), third) + f.curve(delivered, third-3), Plain}})
	foot := "last " + clean(f.Range)
	if p50, p99 := f.latency(); p99 > 0 {
		foot += "; latency p50 " + delay(p50) + ", p99 " + delay(p99)
	}
	if st.Queue.OldestSeconds > 0 {
		foot += "; oldest " + delay(st.Queue.OldestSeconds)
	}
	lines = append(lines, Line{{cut(foot, f.Width), Quiet}}, Line{})
	lines = append(lines, f.sources()...)
	lines = append(lines, Line{})
	left := room - len(lines)
	lines = append(lines, f.senders(max(min(left/2-1, len(f.State.Senders)), 0))...)
	lines = append(lines, Line{})
	return append(lines, f.volumes(max(min(room-len(lines)-1, len(f.Volume.Rows)), 0))...)
}

// curve draws values in so many columns, the newest at the right.
func (f *Frame) curve(values []float64, n int) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	if f.ASCII {
		levels = []rune("_.-=+*#@")
	}
	n = max(n, 0)
	if len(values) == 0 || n == 0 {
		return ""
	}
	n = min(n, len(values))
	top := 0.0
	means := make([]float64, n)
	for i := range n { // as many values into each column as there are
		from, to := i*len(values)/n, (i+1)*len(values)/n
		for _, v := range values[from:to] {
			means[i] += v / float64(to-from)
		}
		top = max(top, means[i])
	}
	curve := make([]rune, n)
	for i, m := range means {
		level := 0
		if top > 0 {
			level = int(m / top * float64(len(levels)-1))
		}
		curve[i] = levels[min(max(level, 0), len(levels)-1)]
	}
	return string(curve)
}

// sources are the sources, with the endpoints beside them where there is room and else below.
func (f *Frame) sources() []Line {
	half := f.Width
	if f.Width >= 76 {
		half = f.Width/2 - 1
	}
	name := max(half-27, 6)
	in := []Line{{{left("SOURCE", name) + right("IN/s", 9) + right("LOST/s", 8) + right("SENDERS", 9), Quiet}}}
	for _, s := range f.Status.Sources {
		lost := f.number(rate(s.Rates.Lost), 8)
		if s.Rates.Lost > 0 {
			lost.Look = Bad
		}
		in = append(in, Line{{left(clean(s.Balance.Source), name), Plain}, f.number(rate(s.Rates.Received), 9), lost, f.number(text.Number(s.Senders), 9)})
	}
	state := max(half-24, 6)
	out := []Line{{{left("ENDPOINT", 24) + cut("STATE", state), Quiet}}}
	for _, e := range f.Status.Endpoints {
		look, mark := Plain, f.mark("ok")
		if !e.Up {
			look, mark = Warn, f.mark("warning")
		}
		word := clean(e.Word())
		if !e.Up && e.LastAnswer != "" {
			word += " " + clean(text.Brief(e.LastAnswer))
		}
		out = append(out, Line{{left(clean(text.HostPort(e.URL)), 23) + " ", Plain}, {mark.Text, look}, {cut(word, max(state-2, 0)), look}})
	}
	if half == f.Width {
		return append(append(in, Line{}), out...)
	}
	for i, line := range out {
		if i == len(in) {
			in = append(in, Line{{strings.Repeat(" ", half-1), Plain}})
		}
		in[i] = append(append(in[i], Span{strings.Repeat(" ", max(half+1-width(in[i].String()), 1)), Plain}), line...)
	}
	return in
}

// senders are the first n senders.
func (f *Frame) senders(n int) []Line {
	name := max(f.Width-2-16-9*2-10-17, 10)
	lines := []Line{{{"  " + left("SENDER", name) + left("ADDRESS", 16) + right("NOW/s", 9) + right("USUAL", 9) + right("DROPPED", 10) + "  " + left("WHY", 15), Quiet}}}
	for _, s := range f.State.Senders[:min(n, len(f.State.Senders))] {
		mark, why, look := Span{"  ", Plain}, "", Plain
		switch {
		case s.Floods:
			mark, why, look = f.mark("warning"), "floods", Warn
		case s.Silent:
			mark, why, look = f.mark("note"), "silent "+short(f.Status.Now.Sub(s.Last)), Warn
		case s.Skewed:
			mark, why, look = f.mark("note"), "time "+text.Offset(time.Duration(s.Offset*float64(time.Second))), Warn
		}
		lines = append(lines, Line{mark, {left(clean(s.Name), name-1) + " ", Plain}, {left(clean(s.Address), 15) + " ", Quiet},
			f.number(rate(s.Rate), 9), f.number(rate(s.Usual), 9), f.number(text.Number(s.DroppedSum()), 10), {"  " + cut(why, 15), look}})
	}
	if more := f.Known - n; more > 0 {
		lines = append(lines, Line{{fmt.Sprintf("  %s in all", text.Count(f.Known, "sender")), Quiet}})
	}
	return lines
}

// volumes are the first n rows of the volume.
func (f *Frame) volumes(n int) []Line {
	name := max(f.Width-2-10-3*12, 10)
	row := func(r monitor.VolumeRow, look Look) Line {
		return Line{{"  " + left(clean(r.Name), name), look}, f.number(rate(r.EventRate), 10), f.number(size(r.Hour.Bytes), 12), f.number(size(r.Today.Bytes), 12), f.number(size(r.Day.Bytes), 12)}
	}
	lines := []Line{{{"  " + left(strings.ToUpper(string(cmp.Or(f.By, monitor.ByClass))), name) + right("NOW/s", 10) + right("THIS HOUR", 12) + right("TODAY", 12) + right("24 h", 12), Quiet}}}
	for _, r := range f.Volume.Rows[:min(n, len(f.Volume.Rows))] {
		lines = append(lines, row(r, Plain))
	}
	total := f.Volume.Total
	total.Name = "all"
	return append(lines, row(total, Bold))
}

// size writes a number of bytes; 0 as a number.
func size(n uint64) string {
	if n == 0 {
		return "0"
	}
	return text.Size(n)
}

// letters are the groups of the dead-letter store.
func (f *Frame) letters() []Line {
	lines := []Line{{{"  " + right("EVENTS", 9) + "  " + left("REASON", 18) + left("SOURCE", 12) + left("SOURCETYPE", 18) + left("INDEX", 10) + "LAST", Quiet}}}
	for _, g := range f.Letters {
		lines = append(lines, Line{{"  " + right(text.Number(g.Events), 9) + "  ", Warn}, {left(clean(g.Reason), 17) + " " + left(clean(g.Source), 11) + " " + left(clean(g.Sourcetype), 17) + " " + left(clean(g.Index), 9) + " " +
			short(f.Status.Now.Sub(g.Last)) + " ago", Plain}})
		lines = append(lines, Line{{"             " + cut(clean(strings.Join(g.Hosts, ", ")+": "+g.Text), max(f.Width-13, 0)), Quiet}})
	}
	if len(f.Letters) == 0 {
		return append(lines, Line{{"  none: Splunk has taken everything", Quiet}})
	}
	return append(lines, Line{}, Line{{"  gateway deadletter replay sends them again", Quiet}})
}

// keys explains the keys and the shapes.
func keys() (lines []Line) {
	for _, line := range []string{
		"w      what is wrong, and the section of the runbook on it", "Enter  that section, of the worst", "s      senders, the highest rate first",
		"c y    classes, sourcetypes", "i o    indexes, sources", "d      the dead-letter store", "1 2 3 4  the window of the curves: 15 min, 6 h, 24 h, 7 d",
		"space  hold, and go on", "arrows, Page Up, Page Down  scroll", "Esc    back", "q      quit", "",
		"X or a cross: critical      ! or a triangle: warning", "? or a diamond: odd         * or a circle: well",
	} {
		lines = append(lines, Line{{"  " + line, Plain}})
	}
	return lines
}
