package stats

import (
	"fmt"
	"strconv"
	"time"
)

// number writes a whole number with a comma between thousands.
func number[T int | int64 | uint64](n T) string {
	digits, sign := fmt.Sprint(n), ""
	if n < 0 {
		digits, sign = digits[1:], "-"
	}
	out := make([]byte, 0, len(digits)+len(digits)/3)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return sign + string(out)
}

// size writes a number of bytes in the decimal units that the configuration is
// written in.
func size[T int | int64 | uint64](n T) string {
	value := float64(n)
	unit := "B"
	for _, next := range []string{"kB", "MB", "GB", "TB", "PB"} {
		// 999.95 would be written as 1000.0
		if value < 999.95 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "B" {
		return strconv.FormatFloat(value, 'f', 0, 64) + " B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + unit
}

// span writes a duration by its two largest units.
func span(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// moment writes an instant, and an empty text for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// percent is the share of part in whole, 0 to 100.
func percent(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(max(100*float64(part)/float64(whole), 0), 100)
}
