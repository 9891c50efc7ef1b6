package desk

import (
	"math"
	"regexp"
	"strconv"
	"testing"
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/testkit"
)

// points reads a path of trace back as heights by step.
func points(t *testing.T, path string) map[int]float64 {
	t.Helper()
	got, x, y := make(map[int]float64), 0.0, 0.0
	number := func(s string) float64 { return testkit.Try(strconv.ParseFloat(s, 64))(t) }
	for _, m := range regexp.MustCompile(`([Ml])(-?[\d.]+) (-?[\d.]+)`).FindAllStringSubmatch(path, -1) {
		if m[1] == "M" {
			x, y = number(m[2]), number(m[3])
		} else {
			x, y = x+number(m[2]), y+number(m[3])
		}
		got[int(x/stepWide)] = y
	}
	return got
}

// TestPathsAreTheValues: each height of a path is that of its value, whatever its digits are.
func TestPathsAreTheValues(t *testing.T) {
	s := new(series)
	var values []float64
	for i := range 1001 {
		values = append(values, float64(i)/10, float64(i*617%1001)/10)
	}
	values[300] = math.NaN() // a gap: a new part begins
	got := points(t, s.line(values, func(v float64) float64 { return v }))
	for i, v := range values {
		if y, there := got[i]; there == math.IsNaN(v) || there && math.Abs(y-v) > 0.051 {
			t.Fatalf("the value %v of step %d is drawn at %v (%v)", v, i, y, there)
		}
	}
}

// TestWeekBeforeIsALine: in each window that has one, the week before has a value for each
// step, also where its points are wider than the steps.
func TestWeekBeforeIsALine(t *testing.T) {
	now := time.Date(2026, 11, 24, 16, 40, 0, 0, time.UTC)
	store := history.New("", nil)
	for at := now.Add(-9 * 24 * time.Hour); at.Before(now); at = at.Add(time.Minute) {
		store.Add(history.Point{At: at, Covered: time.Minute, Received: 6000})
	}
	for _, r := range history.Ranges() {
		s, have := fill(r, now, store), 0
		for _, v := range s.before {
			if !math.IsNaN(v) {
				have++
				testkit.Equal(t, r.Name, v, 100)
			}
		}
		want := map[string]int{"6h": len(s.before), "24h": len(s.before)}[r.Name]
		if have < want-int(history.Widest/r.Step) || have > want {
			t.Errorf("%s: the week before has %d of %d steps", r.Name, have, want)
		}
	}
}
