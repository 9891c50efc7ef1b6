package desk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/text"
)

// A chart is drawn in units of its own, and stretched to the width that there is.
const (
	stepWide  = 4 // of a step
	chartHigh = 100.0
	// maxRows is how many rows the values have as a table, maxEvents how many events are listed.
	maxRows   = 24
	maxEvents = 24
)

// chart is one drawing over the axis of time.
type chart struct {
	ID, Title, Unit string
	Now, Note       string // the value now, and what else to say of it
	Tall            bool
	Name            string // for who does not see it
	Paths           []path
	Lines           []label // of the vertical axis
}

type path struct{ Kind, D string }

// label is a word beside an axis, at a place in per cent.
type label struct {
	At     string
	Text   string
	Anchor string // start, middle or end
}

// mark is an event in time.
type mark struct {
	At, Icon, Kind, Text, Clock, Moment string
	Shown                               bool // it is within the axis
}

// valueRow is a row of the values as a table.
type valueRow struct {
	Time                        string
	Received, Delivered, Lost   string
	Waiting, Median, Percentile string
}

// window is a range that can be chosen.
type window struct {
	Title, Path string
	Chosen      bool
}

// timeView is the section of time.
type timeView struct {
	First   bool // nothing was ever received: steps instead of charts
	Reading *Reading
	Logger  string // the command that sends a first line
	Title   string
	Windows []window
	Charts  []chart
	Axis    []label
	Marks   []mark
	Rows    []valueRow
	Wide    int    // of the charts, in their own units
	Broken  string // since when there is a history, if the window begins before
	// What the script needs for the values under the pointer.
	From, Step int64
	Values     string
	Sentence   string
}

// series are the values of a window, one of each for a step; NaN where nothing was watched.
type series struct {
	from, now                                time.Time
	step                                     time.Duration
	in, out, lost, waiting, p50, p99, before []float64
	highest, mostWaiting, slowest            float64
}

func (d *Desk) timeView(r *Reading, c Choice) any {
	v := &timeView{Reading: r, First: r.Totals.Received == 0 && r.Totals.Recovered == 0 && len(r.Streams) == 0}
	if v.First {
		v.Logger = firstLine(r)
		return v
	}
	ranges := history.Ranges()
	chosen := ranges[len(ranges)-2]
	for _, one := range ranges {
		if one.Name == c.Range {
			chosen = one
		}
		v.Windows = append(v.Windows, window{titleOf(one), c.With("range", one.Name).Path() + "#time", one.Name == c.Range})
	}
	v.Title = "The last " + titleOf(chosen)
	store := d.monitor.History()
	s := fill(chosen, r.Now.UTC(), store)
	v.Charts = []chart{s.volume(r), s.backlog(r), s.latency()}
	v.Axis, v.Wide = s.axis(), stepWide*len(s.in)
	v.From, v.Step, v.Values = s.from.Unix(), int64(s.step/time.Second), s.values()
	v.Rows = s.rows()
	if began := store.Began(); began.After(s.from.Add(s.step)) {
		v.Broken = "No history before " + clock(r.Now, began) + "."
	}
	v.Sentence = fmt.Sprintf("A point is %s, times are UTC.", stepText(s.step))
	v.marks(store.Events(s.from, maxEvents), &s)
	return v
}

func titleOf(r history.Range) string {
	switch r.Name {
	case "15m":
		return "15 min"
	case "6h":
		return "6 h"
	case "24h":
		return "24 h"
	}
	return "7 days"
}

// firstLine is the command that sends a first line to the first source that takes datagrams.
func firstLine(r *Reading) string {
	for _, s := range r.Sources {
		for _, transport := range s.Transports {
			if s.Port > 0 && (transport == "udp" || transport == "tcp") {
				return fmt.Sprintf("logger -n 127.0.0.1 -P %d --%s \"first line\"", s.Port, transport)
			}
		}
	}
	return ""
}

// fill puts the points of a window into steps.
func fill(r history.Range, now time.Time, store *history.Store) series {
	// The axis ends with the last step that is over, so that a chart changes once a step.
	end := now.Truncate(r.Step)
	n := int(r.Span / r.Step)
	s := series{from: end.Add(-r.Span), step: r.Step, now: now}
	empty := func() []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = math.NaN()
		}
		return list
	}
	s.in, s.out, s.lost, s.waiting, s.p50, s.p99, s.before = empty(), empty(), empty(), empty(), empty(), empty(), empty()
	for _, p := range store.Series(r, now) {
		i := int(p.At.Sub(s.from) / r.Step)
		seconds := p.Covered.Seconds()
		if i < 0 || i >= n || p.At.Before(s.from) || seconds <= 0 {
			continue
		}
		s.in[i], s.out[i], s.lost[i] = float64(p.Received)/seconds, float64(p.Delivered)/seconds, float64(p.Lost)/seconds
		s.waiting[i], s.p50[i], s.p99[i] = float64(p.Waiting), p.P50, p.P99
		s.highest = max(s.highest, s.in[i], s.out[i])
		s.mostWaiting, s.slowest = max(s.mostWaiting, s.waiting[i]), max(s.slowest, s.p99[i])
	}
	for _, p := range store.WeekBefore(r, now) {
		seconds := p.Covered.Seconds()
		if seconds <= 0 {
			continue
		}
		// Its points are wider than the steps of a short window.
		at := p.At.Add(7 * 24 * time.Hour).Sub(s.from)
		for i := max(int(at/r.Step), 0); i < min(int((at+history.Widest)/r.Step), n); i++ {
			s.before[i] = float64(p.Received) / seconds
			s.highest = max(s.highest, s.before[i])
		}
	}
	return s
}

// x is the place of a step, in the middle of it.
func (s *series) x(i int) float64 { return stepWide * (float64(i) + 0.5) }

// line is a line through values, broken where there are none.
func (s *series) line(values []float64, y func(float64) float64) string {
	return s.trace(values, y, "h1") // a single point is to be seen
}

// area is the area below values.
func (s *series) area(values []float64, y func(float64) float64) string {
	return s.trace(values, y, "V100Z")
}

// trace is a path through values, with an end for each of its parts; one that ends at the ground
// begins there. Points are relative to one another, in tenths: a page has thousands of them.
func (s *series) trace(values []float64, y func(float64) float64, end string) string {
	var b strings.Builder
	pen, at := false, 0
	for i, v := range values {
		if math.IsNaN(v) {
			if pen {
				b.WriteString(end)
			}
			pen = false
			continue
		}
		next := int(math.Round(10 * y(v)))
		switch {
		case !pen && strings.HasPrefix(end, "V"):
			fmt.Fprintf(&b, "M%.0f %.0fV%s", s.x(i), chartHigh, tenths(next))
		case !pen:
			fmt.Fprintf(&b, "M%.0f %s", s.x(i), tenths(next))
		default:
			fmt.Fprintf(&b, "l%d %s", stepWide, tenths(next-at))
		}
		pen, at = true, next
	}
	if pen {
		b.WriteString(end)
	}
	return b.String()
}

// tenths writes a number of tenths as short as SVG allows.
func tenths(n int) string {
	text := strconv.FormatFloat(float64(n)/10, 'f', -1, 64)
	if rest, small := strings.CutPrefix(text, "0."); small {
		return "." + rest
	}
	if rest, small := strings.CutPrefix(text, "-0."); small {
		return "-." + rest
	}
	return text
}

// hatch are upright strokes between two lines where the first is clearly above the other.
func (s *series) hatch(above, below []float64, y func(float64) float64, least float64) string {
	var b strings.Builder
	for i := range above {
		if above[i] > below[i]+least {
			fmt.Fprintf(&b, "M%.0f %.1fV%.1f", s.x(i), y(below[i]), y(above[i]))
		}
	}
	return b.String()
}

// roundUp is the round number above: 1, 2, 2.5 or 5 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if v <= f*power {
			return f * power
		}
	}
	return 10 * power
}

// upTo is the height of a value on an axis from 0 to top.
func upTo(top float64) func(float64) float64 {
	return func(v float64) float64 { return chartHigh - chartHigh*min(v/top, 1) }
}

func (s *series) volume(r *Reading) chart {
	top := roundUp(max(s.highest, 1))
	y := upTo(top)
	var in, out, lost float64
	for _, src := range r.Sources {
		in, out, lost = in+src.Rates.Received, out+src.Rates.Delivered, lost+src.Rates.Lost
	}
	c := chart{
		ID: "received", Title: "Received", Unit: "/s", Now: rate(in), Tall: true,
		Note: "delivered, filled: " + rate(out) + "/s",
		Name: fmt.Sprintf("Received and delivered events a second: now %s and %s, at most %s.", rate(in), rate(out), rate(s.highest)),
		Paths: []path{
			{"area", s.area(s.out, y)}, {"before", s.line(s.before, y)}, {"gap", s.hatch(s.in, s.out, y, top/50)}, {"line", s.line(s.in, y)},
			{"lost", s.hatch(s.lost, make([]float64, len(s.lost)), y, 0)},
		},
		Lines: []label{{"0%", big(top) + "/s", "start"}, {"50%", big(top / 2), "start"}},
	}
	if strings.Contains(c.Paths[1].D, "l") {
		c.Note += ", a week before: dotted"
	}
	if lost > 0 {
		c.Note += ", lost: " + rate(lost) + "/s"
	}
	return c
}

func (s *series) backlog(r *Reading) chart {
	top := roundUp(max(s.mostWaiting, 10))
	y := upTo(top)
	return chart{
		ID: "waiting", Title: "Waiting", Unit: "events", Now: big(r.Totals.Pending), Note: "at most " + big(s.mostWaiting),
		Name:  fmt.Sprintf("Waiting events: now %s, at most %s.", big(r.Totals.Pending), big(s.mostWaiting)),
		Paths: []path{{"full", s.area(s.waiting, y)}},
		Lines: []label{{"0%", big(top), "start"}},
	}
}

// latency has a logarithmic axis from 10 ms on.
func (s *series) latency() chart {
	const least = 0.01
	top := 1.0
	for _, next := range []float64{10, 60, 600, 3600, 86400} {
		if s.slowest <= top {
			break
		}
		top = next
	}
	span := math.Log(top / least)
	y := func(v float64) float64 {
		return chartHigh - chartHigh*min(max(math.Log(max(v, least)/least)/span, 0), 1)
	}
	c := chart{ID: "latency", Title: "Latency, p99", Note: "received to confirmed; dashed: p50", Now: "–", Lines: []label{{"0%", latencyText(top), "start"}}}
	if top > 1 {
		c.Lines = append(c.Lines, label{percentAt(y(1)), "1 s", "start"})
	}
	for i := len(s.p99) - 1; i >= 0; i-- {
		if !math.IsNaN(s.p99[i]) && s.out[i] > 0 {
			c.Now = latencyText(s.p99[i])
			break
		}
	}
	quiet := func(values []float64) []float64 { // no latency where nothing was delivered
		list := make([]float64, len(values))
		for i, v := range values {
			if list[i] = v; s.out[i] == 0 {
				list[i] = math.NaN()
			}
		}
		return list
	}
	c.Name = fmt.Sprintf("Latency of deliveries: 99 of 100 within %s of late, at most %s.", c.Now, latencyText(s.slowest))
	c.Paths = []path{{"median", s.line(quiet(s.p50), y)}, {"line", s.line(quiet(s.p99), y)}}
	return c
}

func percentAt(y float64) string { return fmt.Sprintf("%.1f%%", y) }

func latencyText(s float64) string {
	switch {
	case s <= 0:
		return "0 s"
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", 1000*s)
	case s < 60:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", s), ".0") + " s"
	}
	return strings.TrimSuffix(text.Span(seconds(s)), " 0 s")
}

func stepText(d time.Duration) string { return strings.TrimSuffix(text.Span(d), " 0 s") }

// axis are at most seven times below the charts.
func (s *series) axis() (labels []label) {
	span := s.step * time.Duration(len(s.in))
	every, form := 24*time.Hour, "2 Jan"
	switch {
	case span <= 15*time.Minute:
		every, form = 3*time.Minute, "15:04"
	case span <= 6*time.Hour:
		every, form = time.Hour, "15:04"
	case span <= 24*time.Hour:
		every, form = 4*time.Hour, "15:04"
	}
	for at := s.from.Truncate(every).Add(every); at.Before(s.from.Add(span)); at = at.Add(every) {
		x := 100 * float64(at.Sub(s.from)) / float64(span)
		if x < 5 || x > 98 {
			continue
		}
		word := at.Format(form)
		if form == "15:04" && word == "00:00" {
			word = at.Format("2 Jan")
		}
		anchor := "middle"
		switch {
		case x < 8:
			anchor = "start"
		case x > 92:
			anchor = "end"
		}
		labels = append(labels, label{percentAt(x), word, anchor})
	}
	return labels
}

// values are those under the pointer, for the script: of a step received, delivered (empty: the
// same), waiting, p99 and p50 in ms, and lost (empty: nothing).
func (s *series) values() string {
	var b strings.Builder
	for i := range s.in {
		if i > 0 {
			b.WriteByte(';')
		}
		if math.IsNaN(s.in[i]) {
			continue
		}
		in, out, lost := decimal(s.in[i]), decimal(s.out[i]), ""
		if out == in {
			out = ""
		}
		if s.lost[i] > 0 {
			lost = decimal(s.lost[i])
		}
		fmt.Fprintf(&b, "%s,%s,%.0f,%.0f,%.0f,%s", in, out, s.waiting[i], 1000*s.p99[i], 1000*s.p50[i], lost)
	}
	return b.String()
}

// decimal is a rate, with a decimal if it is small.
func decimal(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(math.Round(10*v)/10, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// rows are the values as a table: means and highest values of some steps together.
func (s *series) rows() (rows []valueRow) {
	n := (len(s.in) + maxRows - 1) / maxRows
	form := "15:04:05"
	if s.step >= time.Minute {
		form = "2 Jan 15:04"
	}
	for i := 0; i < len(s.in); i += n {
		var in, out, lost, waiting, p50, p99, known float64
		for k := i; k < min(i+n, len(s.in)); k++ {
			if math.IsNaN(s.in[k]) {
				continue
			}
			known++
			in, out, lost = in+s.in[k], out+s.out[k], lost+s.lost[k]
			waiting, p50, p99 = max(waiting, s.waiting[k]), max(p50, s.p50[k]), max(p99, s.p99[k])
		}
		if known == 0 {
			continue
		}
		rows = append(rows, valueRow{
			s.from.Add(time.Duration(i) * s.step).Format(form), rate(in / known), rate(out / known), rate(lost / known),
			big(waiting), latencyText(p50), latencyText(p99),
		})
	}
	return rows
}

// marks are the events of the window, with the words of their kinds.
func (v *timeView) marks(events []history.Event, s *series) {
	span := s.step * time.Duration(len(s.in))
	for _, e := range events {
		x := 100 * float64(e.Time.Sub(s.from)) / float64(span)
		v.Marks = append(v.Marks, mark{
			At: percentAt(min(max(x, 0), 100)), Icon: icon(e.Kind), Kind: e.Kind, Text: eventText(e), Clock: clock(s.now, e.Time), Moment: moment(e.Time),
		})
	}
}

func eventText(e history.Event) string {
	word := map[string]string{
		history.Start: "started", history.Stop: "stopped", history.Reload: "configuration reloaded", history.ReloadRefused: "a reload was refused",
		history.EndpointDown: "endpoint down", history.EndpointUp: "endpoint is back", history.AlarmOff: "ended",
	}[e.Kind]
	switch {
	case word == "":
		return e.Text
	case e.Text == "":
		return word
	}
	return word + ": " + e.Text
}
