package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
)

// How many rows lists have; the API has all.
const (
	shownVolumes = 12
	shownSenders = 12
	shownOdd     = 12
	shownGroups  = 6
	shownUnknown = 6
	shownText    = 512 // bytes of a line
	shownDrops   = 12
	shownRules   = 50
	shownLog     = 10
)

// volumeRow is the volume under one name in the chosen span.
type volumeRow struct {
	ID, Name, Pack string
	Rate           float64
	monitor.Amount
	Share float64 // of the bytes, in per cent
	Bars  string  // the bytes of the last 24 hours as a path of 96 by 20
}

// volumeTable is the volume by one kind of name.
type volumeTable struct {
	By        string
	Rows      []volumeRow
	Others    int
	Rest, All volumeRow
}

// volumeView is the section of what it is.
type volumeView struct {
	By, Spans    []window
	Main, Beside volumeTable
	SpanText     string
	Note         string
	ShowPacks    bool
	BySide       string
}

func (d *Desk) volumeView(r *Reading, c Choice) any {
	v := &volumeView{SpanText: map[string]string{spanHour: "this hour", spanToday: "today", spanDay: "last 24 h"}[c.Span], ShowPacks: c.By == monitor.ByClass}
	for _, by := range volumesBy() {
		v.By = append(v.By, window{string(by), c.With("by", string(by)).Path() + "#volume", by == c.By})
	}
	for _, span := range []string{spanHour, spanToday, spanDay} {
		title := map[string]string{spanHour: "this hour", spanToday: "today", spanDay: "24 h"}[span]
		v.Spans = append(v.Spans, window{title, c.With("span", span).Path() + "#volume", span == c.Span})
	}
	packs := make(map[string]string)
	for i := range r.Sources {
		for _, class := range r.Sources[i].Classes {
			packs[class.Name] = class.Pack
		}
	}
	v.Main = d.volumeTable(r.Now, c.By, c.Span, packs)
	beside := monitor.ByIndex
	if c.By == monitor.ByIndex {
		beside = monitor.BySource
	}
	v.Beside, v.BySide = d.volumeTable(r.Now, beside, c.Span, nil), string(beside)
	v.Note = fmt.Sprintf("%s %s, as Splunk counts it.", size(v.Main.All.Bytes), v.SpanText)
	return v
}

func (d *Desk) volumeTable(now time.Time, by monitor.VolumeBy, span string, packs map[string]string) volumeTable {
	all := d.monitor.Volume(now, by, shownVolumes)
	amount := func(row monitor.VolumeRow) monitor.Amount {
		switch span {
		case spanHour:
			return row.Hour
		case spanToday:
			return row.Today
		}
		return row.Day
	}
	total := amount(all.Total)
	shown := func(row monitor.VolumeRow) volumeRow {
		one := volumeRow{ID: rowID(string(by), row.Name), Name: row.Name, Rate: row.EventRate, Amount: amount(row), Pack: packs[row.Name], Bars: bars(row.Hours[:])}
		if total.Bytes > 0 {
			one.Share = 100 * float64(one.Bytes) / float64(total.Bytes)
		}
		return one
	}
	t := volumeTable{By: string(by), Others: all.Others, Rest: shown(all.Rest), All: shown(all.Total)}
	for _, row := range all.Rows {
		t.Rows = append(t.Rows, shown(row))
	}
	slices.SortStableFunc(t.Rows, func(a, b volumeRow) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return t
}

// bars is a path of one bar for each hour, 96 by 20.
func bars(hours []uint64) string {
	most := uint64(1)
	for _, n := range hours {
		most = max(most, n)
	}
	var b strings.Builder
	for i, n := range hours {
		if n > 0 {
			fmt.Fprintf(&b, "M%d,20V%.1f", 4*i+2, 20-max(20*float64(n)/float64(most), 1))
		}
	}
	return b.String()
}

// senderRow is a sender, and what is odd about it.
type senderRow struct {
	monitor.Sender
	ID      string
	Why     string
	Word    string // warning or note
	Class   string // of most of its events
	Mixed   string // its classes in words, if there are several
	Dropped uint64
	Clock   string
	Seen    string
	Since   string
}

// sendersView is the section of who sends it.
type sendersView struct {
	Odd, Usual    []senderRow
	Known, Silent int
	MoreOdd, More int
}

func (d *Desk) sendersView(r *Reading, c Choice) any {
	v := &sendersView{Known: r.senders.Known(), Silent: r.senders.SilentCount()}
	wanted := func(s monitor.Sender) bool { return strings.Contains(s.Source, c.Scope) }
	odd := func(s monitor.Sender) bool { return s.Silent || s.Floods || s.Skewed }
	ids := make(map[string]bool)
	row := func(s monitor.Sender) senderRow {
		one := newSenderRow(s, r.Now)
		if one.ID != "" && ids[one.ID] {
			one.ID = "" // a relay: the first of its hosts has it
		}
		ids[one.ID] = true
		return one
	}
	for _, s := range slices.Concat(
		r.senders.ByRate(func(s monitor.Sender) bool { return wanted(s) && s.Floods }),
		d.pick(r, func(s monitor.Sender) bool { return wanted(s) && s.Silent && !s.Floods }, func(a, b monitor.Sender) int { return b.Last.Compare(a.Last) }),
		d.pick(r, func(s monitor.Sender) bool { return wanted(s) && s.Skewed && !s.Silent && !s.Floods }, nil),
	) {
		if len(v.Odd) == shownOdd {
			v.MoreOdd++
			continue
		}
		v.Odd = append(v.Odd, row(s))
	}
	usual := r.senders.ByRate(func(s monitor.Sender) bool { return wanted(s) && !odd(s) })
	for _, s := range d.steady(usual, c.Scope) {
		v.Usual = append(v.Usual, row(s))
	}
	v.More = len(usual) - len(v.Usual)
	return v
}

func (*Desk) pick(r *Reading, want func(monitor.Sender) bool, order func(a, b monitor.Sender) int) []monitor.Sender {
	list := r.senders.Pick(len(r.senders.All), want)
	if order != nil {
		slices.SortStableFunc(list, order)
	}
	return list
}

// steady are the busiest senders, by the rate of the last five minutes. One that was shown stays
// as long as it is among twice as many, so that rows do not come and go.
func (d *Desk) steady(list []monitor.Sender, scope string) []monitor.Sender {
	slices.SortStableFunc(list, func(a, b monitor.Sender) int {
		return cmp.Or(cmp.Compare(b.Rate5, a.Rate5), cmp.Compare(b.Events, a.Events))
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	var kept, fresh []monitor.Sender
	key := func(s monitor.Sender) string { return s.Source + " " + s.Address + " " + s.Name }
	for i, s := range list {
		switch {
		case i >= 2*shownSenders:
		case scope == "" && d.shown[key(s)]:
			kept = append(kept, s)
		default:
			fresh = append(fresh, s)
		}
	}
	kept = kept[:min(len(kept), shownSenders)]
	kept = append(kept, fresh[:min(len(fresh), shownSenders-len(kept))]...)
	slices.SortStableFunc(kept, func(a, b monitor.Sender) int {
		return cmp.Or(cmp.Compare(b.Rate5, a.Rate5), cmp.Compare(b.Events, a.Events))
	})
	if scope == "" {
		d.shown = make(map[string]bool, len(kept))
		for _, s := range kept {
			d.shown[key(s)] = true
		}
	}
	return kept
}

func newSenderRow(s monitor.Sender, now time.Time) senderRow {
	one := senderRow{Sender: s, ID: rowID("sender", s.Source+"-"+s.Address), Dropped: s.DroppedSum(), Clock: "0", Seen: age(now, s.Last), Since: clock(now, s.First)}
	if s.Skewed {
		one.Clock = text.Offset(s.Skew.Offset)
	}
	var all uint64
	for _, c := range s.Classes {
		all += c.Events
	}
	all += s.OtherClasses
	var mix []string
	for i, c := range s.Classes {
		if i == 0 {
			one.Class = c.Class
		}
		mix = append(mix, c.Class+" "+percent(float64(c.Events), float64(all)))
	}
	if len(s.Classes) > 1 {
		one.Mixed = strings.Join(mix, ", ")
		one.Class += fmt.Sprint(" +", len(s.Classes)-1)
	}
	switch {
	case s.Floods:
		one.Word, one.Why = "warning", fmt.Sprintf("sends %s/s, usually %s/s", rate(s.Rate), rate(s.Usual))
	case s.Silent:
		one.Word, one.Why = "note", "silent for "+age(now, s.Last)+", since "+clock(now, s.Last)
	case s.Skewed:
		one.Word, one.Why = "warning", "its times are "+text.Offset(s.Skew.Offset)+" off"
	}
	return one
}

// letterRow is a group of dead letters, and the command that sends it again.
type letterRow struct {
	status.DeadLetterGroup
	MoreHosts int
	Replay    string
	From, To  string
}

// lettersView is the section of dead letters.
type lettersView struct {
	Rows    []letterRow
	Others  uint64
	Events  uint64
	Evicted uint64
}

func (d *Desk) lettersView(r *Reading, _ Choice) any {
	v := &lettersView{Events: r.DeadLetters.Events, Evicted: r.DeadLetters.Evicted}
	if d.letters == nil {
		return v
	}
	groups, others := d.letters(shownGroups)
	v.Others = others
	for _, g := range groups {
		one := letterRow{DeadLetterGroup: g, From: clock(r.Now, g.First), To: clock(r.Now, g.Last)}
		if len(g.Hosts) > 3 {
			one.MoreHosts, one.Hosts = len(g.Hosts)-3, g.Hosts[:3]
		}
		one.Replay = "gateway deadletter replay"
		if g.Reason != "" {
			one.Replay += " --reason " + quote(g.Reason)
		}
		if g.Source != "" {
			one.Replay += " --source " + quote(g.Source)
		}
		v.Rows = append(v.Rows, one)
	}
	return v
}

// quote makes a text one word of a shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '_' || r == '-' || r == '.' || r == ':' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unknownView is the section of lines that no rule knows.
type unknownView struct {
	May   bool // lines may be seen
	Lines []tap.Message
	Now   time.Time
	Total monitor.Window
}

func (d *Desk) unknownView(r *Reading, c Choice) any {
	v := &unknownView{May: c.Lines, Now: r.Now, Total: d.monitor.Counters(r.Snapshot).Totals["unparsed"]}
	if d.unknown == nil || !c.Lines {
		return v
	}
	f, err := d.unknown.Follow(tap.Filter{})
	if err != nil { // an empty filter is right
		return v
	}
	list := slices.DeleteFunc(f.Next(), func(m tap.Message) bool { return !strings.Contains(m.Source, c.Scope) })
	list = list[max(len(list)-shownUnknown, 0):]
	slices.Reverse(list)
	for i := range list {
		list[i].Raw = brief(list[i].Raw)
		list[i].Host = strings.ToValidUTF8(list[i].Host, "\ufffd")
	}
	v.Lines = list
	return v
}

// brief is the begin of a raw line.
func brief(raw []byte) []byte {
	if len(raw) > shownText {
		return []byte(strings.ToValidUTF8(string(raw[:shownText]), "\ufffd") + "…")
	}
	return []byte(strings.ToValidUTF8(string(raw), "\ufffd"))
}

// dropsView is the section of what was left out or lost.
type dropsView struct {
	monitor.Drops
}

func (d *Desk) dropsView(r *Reading, _ Choice) any {
	return &dropsView{d.monitor.Drops(r.Snapshot, shownDrops)}
}

func (d *Desk) rulesView(r *Reading, _ Choice) any { return d.monitor.Rules(r.Snapshot, shownRules) }

// logView is the section of warnings of the log.
type logView struct {
	*Reading
	More int
}

func (*Desk) logView(r *Reading, _ Choice) any {
	return logView{r, max(len(r.Recent)-shownLog, 0)}
}

// Shown are the newest warnings.
func (v logView) Shown() []logLine {
	var list []logLine
	for i, p := range v.Recent {
		if i == shownLog {
			break
		}
		list = append(list, logLine{p.Level, p.Message, p.Details, clock(v.Now, p.Time), p.Count})
	}
	return list
}

type logLine struct {
	Level, Message, Details, Clock string
	Count                          int
}
