package datacenter

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// nextRun is when a backup job is due next after a time, which is in the zone of the node; false
// when its schedule is none that is understood here: [WEEKDAYS] [HOURS:]MINUTES with lists,
// ranges (1..5) and steps (*/15), hourly, daily and weekly. Dates are not.
func nextRun(schedule string, after time.Time) (time.Time, bool) {
	if named, ok := map[string]string{"hourly": "*:00", "daily": "00:00", "weekly": "mon 00:00"}[schedule]; ok {
		schedule = named
	}
	days, clock := "*", schedule
	if i := strings.LastIndexByte(schedule, ' '); i >= 0 {
		days, clock = strings.TrimSpace(schedule[:i]), schedule[i+1:]
	} else if slices.Contains(weekdays(), strings.ToLower(schedule[:min(3, len(schedule))])) {
		days, clock = schedule, "00:00"
	}
	hours, minutes, ok := strings.Cut(clock, ":")
	if !ok {
		hours, minutes = "*", clock
	}
	onDay, okDay := values(days, 7)
	onHour, okHour := values(hours, 24)
	onMinute, okMinute := values(minutes, 60)
	if !okDay || !okHour || !okMinute {
		return time.Time{}, false
	}
	t := after.Truncate(time.Minute)
	for range 8 * 24 * 60 {
		if t = t.Add(time.Minute); onDay[int(t.Weekday())] && onHour[t.Hour()] && onMinute[t.Minute()] {
			return t, true
		}
	}
	return time.Time{}, false
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// values are those below limit that a part of a schedule means.
func values(part string, limit int) (map[int]bool, bool) {
	out := map[int]bool{}
	number := func(s string) (int, bool) {
		if i := slices.Index(weekdays(), strings.ToLower(s[:min(3, len(s))])); i >= 0 && limit == 7 {
			return i, true
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 0 && n < limit
	}
	for e := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == ',' || r == ' ' }) {
		span, by, stepped := strings.Cut(e, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(by); err != nil || step < 1 {
				return nil, false
			}
		}
		from, to := 0, limit-1
		if span != "*" {
			first, last, isRange := strings.Cut(span, "..")
			var okFirst, okLast bool
			from, okFirst = number(first)
			to, okLast = number(last)
			if !isRange {
				okLast = true
				if to = from; stepped {
					to = limit - 1
				}
			}
			if !okFirst || !okLast {
				return nil, false
			}
		}
		if from > to { // fri..mon
			to += limit
		}
		for n := from; n <= to; n += step {
			out[n%limit] = true
		}
	}
	return out, len(out) > 0
}
