package desk

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/monitor"
)

// Choice is what somebody looks at, and what they may see.
type Choice struct {
	Admin  bool   // the buttons are shown
	Lines  bool   // lines of messages are shown
	OnlyUp bool   // endpoints that are down are hidden
	Scope  string // only what has this text in its name
	Range  string // a range of the history; empty: what fits
	By     monitor.VolumeBy
	Span   string // of the volume: hour, today or day
}

// The spans of the volume.
const (
	spanHour  = "hour"
	spanToday = "today"
	spanDay   = "day"
)

// Choose reads ?range=, ?by= and ?span=. What is unknown there is as if it were not there.
func (c Choice) Choose(q url.Values) Choice {
	if known := q.Get("range"); slices.ContainsFunc(history.Ranges(), func(r history.Range) bool { return r.Name == known }) {
		c.Range = known
	}
	c.By = monitor.ByClass
	if by := monitor.VolumeBy(q.Get("by")); slices.Contains(volumesBy(), by) {
		c.By = by
	}
	c.Span = spanDay
	if span := q.Get("span"); slices.Contains([]string{spanHour, spanToday}, span) {
		c.Span = span
	}
	return c
}

func volumesBy() []monitor.VolumeBy {
	return []monitor.VolumeBy{monitor.ByClass, monitor.BySourcetype, monitor.ByIndex, monitor.BySource}
}

// Settle chooses the range that nobody chose: a day while all is well, which shows what is
// usual, or the shortest that has the whole history; else the shortest that has the begin of
// the oldest problem younger than a day.
func (c Choice) Settle(r *Reading) Choice {
	if c.Range != "" {
		return c
	}
	const day = 24 * time.Hour
	oldest := time.Duration(-1)
	for _, f := range r.Health.Findings {
		if age := r.Now.Sub(f.Since); f.Ended.IsZero() && f.Level != noteLevel && age < day {
			oldest = max(oldest, age)
		}
	}
	c.Range = "24h"
	if oldest < 0 && !r.began.IsZero() && r.Now.Sub(r.began) < day {
		oldest = r.Now.Sub(r.began)
	}
	if oldest >= 0 {
		for _, one := range history.Ranges() {
			if oldest < one.Span*9/10 {
				c.Range = one.Name
				break
			}
		}
	}
	return c
}

// Query is the choice as the query of an address, without the question mark.
func (c Choice) Query() string {
	q := url.Values{}
	set := func(key, value, usual string) {
		if value != usual {
			q.Set(key, value)
		}
	}
	set("scope", c.Scope, "")
	set("range", c.Range, "")
	set("by", string(c.By), string(monitor.ByClass))
	set("span", c.Span, spanDay)
	if c.OnlyUp {
		q.Set("up", "1")
	}
	return q.Encode()
}

// Events is the address of the stream of changes for this choice.
func (c Choice) Events() string { return at("/api/v1/events", c) }

// Path is the address of the page with this choice.
func (c Choice) Path() string { return at("/stats", c) }

func at(path string, c Choice) string {
	if q := c.Query(); q != "" {
		return path + "?" + q
	}
	return path
}

// With returns the choice with another range, volume or span: key is that of the query.
func (c Choice) With(key, value string) Choice {
	switch key {
	case "range":
		c.Range = value
	case "by":
		c.By = monitor.VolumeBy(value)
	case "span":
		c.Span = value
	}
	return c
}

// Shows reports whether the scope has something of a name.
func (c Choice) Shows(name string) bool { return haproxy.Options{Scope: c.Scope}.Shows(name) }

// ShowsAny reports whether the scope has anything at all.
func (c Choice) ShowsAny(r *Reading) bool {
	return c.Shows(haproxy.Shards) || c.Shows(haproxy.Splunk) ||
		slices.ContainsFunc(r.Sources, func(s monitor.Source) bool { return strings.Contains(s.Balance.Source, c.Scope) })
}

// The parts of a choice that sections depend on, so that each is rendered once for all who
// chose that.

func onNothing(Choice) Choice   { return Choice{} }
func onScope(c Choice) Choice   { return Choice{Scope: c.Scope, OnlyUp: c.OnlyUp} }
func onServers(c Choice) Choice { return Choice{Scope: c.Scope, OnlyUp: c.OnlyUp, Admin: c.Admin} }
func onLines(c Choice) Choice   { return Choice{Scope: c.Scope, Lines: c.Lines} }

// onLinks is of sections with links that keep the rest of the choice.
func onLinks(c Choice) Choice {
	c.Admin, c.Lines = false, false
	return c
}
