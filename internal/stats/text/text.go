// Package text writes numbers, sizes and times as the statistics page and its sentences
// show them, and shortens texts of others. It knows nothing of the gateway.
package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/printable"
)

// Number writes a whole number with a comma between thousands.
func Number[T int | int64 | uint64](n T) string {
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

// Count writes a number with its noun: 1 sender, 2 senders.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// Size writes a number of bytes in decimal units, as the configuration does.
func Size[T int | int64 | uint64](n T) string {
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

// Span writes a duration in its two largest units.
func Span(d time.Duration) string {
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

// Offset writes a difference of times as +1 h 00 min.
func Offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign = "-"
	}
	d = d.Abs().Round(time.Minute)
	return fmt.Sprintf("%s%d h %02d min", sign, d/time.Hour, d%time.Hour/time.Minute)
}

// maxNames is how many names a sentence lists; the tables have all of them.
const maxNames = 5

// Names lists the first names and says how many more there are.
func Names(names []string) string {
	if len(names) > maxNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	}
	return strings.Join(names, ", ")
}

// maxBrief is how many letters of a text of others a sentence has; the tables have all.
const maxBrief = 160

// Brief is the text of a device or server in one line, short enough for a sentence.
func Brief(text string) string { return printable.Cut(printable.Fold(text), maxBrief) }

// HostPort is a URL without its scheme: splunk:8088.
func HostPort(url string) string {
	_, name, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	return name
}
