package desk

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/text"
)

// functions are those of the templates.
func functions() template.FuncMap {
	return template.FuncMap{
		"number": number, "table": table, "size": size, "rate": rate, "big": big, "percent": percent, "fixed": fixed,
		"span": func(s float64) string { return text.Span(seconds(s)) },
		"ago":  ago, "age": age, "moment": moment, "clock": clock, "join": strings.Join, "server": text.HostPort,
		"balances": ledger.Balance.Holds, "count": text.Count, "lost": monitor.Lost, "icon": icon,
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// whole is any whole number of a template.
func whole(n any) (int64, bool) {
	switch n := n.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	}
	return 0, false
}

// number writes a whole number with all its digits.
func number(n any) string {
	if i, ok := whole(n); ok {
		return text.Number(i)
	}
	return fmt.Sprint(n)
}

// size writes a number of bytes.
func size(n any) string {
	if i, ok := whole(n); ok {
		return text.Size(i)
	}
	return fmt.Sprint(n)
}

// table writes a whole number of a table: from ten millions on in millions.
func table(n any) string {
	if i, ok := whole(n); ok && i >= 10_000_000 {
		return short(float64(i))
	}
	return number(n)
}

// short writes a large number with three digits: 128 k, 4.82 M.
func short(v float64) string {
	unit := ""
	for _, next := range []string{"k", "M", "G", "T"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, " "+next
	}
	switch {
	case unit == "" || v >= 99.95:
		return fmt.Sprintf("%.0f%s", v, unit)
	case v >= 9.995:
		return fmt.Sprintf("%.1f%s", v, unit)
	}
	return fmt.Sprintf("%.2f%s", v, unit)
}

// big writes a headline number: at most five digits.
func big(v any) string {
	f, ok := v.(float64)
	if i, is := whole(v); is {
		f, ok = float64(i), true
	}
	switch {
	case !ok:
		return fmt.Sprint(v)
	case f > 0 && f < 9.95 && f != math.Trunc(f):
		return fmt.Sprintf("%.1f", f)
	case f < 99_999.5:
		return text.Number(int64(f + 0.5))
	}
	return short(f)
}

// rate writes events per second, small rates with a decimal.
func rate(r float64) string {
	if r > 0 && r < 0.05 {
		return "<0.1"
	}
	if r < 9.95 {
		return big(math.Round(r*10) / 10)
	}
	return big(r)
}

// fixed writes a number with so many decimals.
func fixed(decimals int, v float64) string { return fmt.Sprintf("%.*f", decimals, v) }

// percent writes the share of part in whole: 0, 0.3 or 12.
func percent(part, whole float64) string {
	p := 0.0
	if whole > 0 {
		p = min(max(100*part/whole, 0), 100)
	}
	if p > 0 && p < 0.05 {
		return "<0.1 %"
	}
	if p > 0 && p < 9.95 {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", p)
}

// ago writes how long something lasts, in its largest unit, so that it seldom changes.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d >= 2*day:
		return fmt.Sprintf("%d d", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// age is how long ago t was, and a dash for never.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return ago(now.Sub(t))
}

// moment writes a time in full, and nothing for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// clock writes a time of today as its hour and minute, and others with their day.
func clock(now, t time.Time) string {
	now, t = now.UTC(), t.UTC()
	switch {
	case t.IsZero():
		return "–"
	case now.Format("2006-01-02") == t.Format("2006-01-02"):
		return t.Format("15:04")
	case now.Year() == t.Year():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("2 Jan 2006")
}

// icon is the name of the shape of a word: of a level of health, a state or an event.
func icon(word string) string {
	switch word {
	case "critical", "refused", "error", "full", "stuck":
		return "bad"
	case "warning", "busy", "down", "degraded", "warn", "endpoint_down", "alarm_on", "reload_refused":
		return "warn"
	case "note":
		return "note"
	case "start", "stop":
		return "start"
	case "reload":
		return "turn"
	case "ok", "up", "alarm_off", "endpoint_up":
		return "ok"
	}
	return "none"
}
