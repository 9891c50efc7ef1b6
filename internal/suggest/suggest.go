// Package suggest finds the name that somebody probably meant.
package suggest

import (
	"slices"
	"strings"
)

// maxName is the length of the longest name that is compared: no known name is longer,
// and the work grows with the square.
const maxName = 64

// Nearest returns the known name that differs least from name, in no more than one
// letter of four and one. It is "" when there is none. Case, "-", "_" and blanks make no
// difference.
func Nearest(name string, known []string) string {
	best, limit := "", 1+len(name)/4
	if len(name) > maxName {
		return ""
	}
	for _, k := range known {
		if d := distance(fold(name), fold(k)); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// Closest returns the n known names that differ least from name, the nearest first.
func Closest(name string, known []string, n int) []string {
	sorted := slices.Clone(known)
	if len(name) <= maxName {
		far := make(map[string]int, len(known))
		for _, k := range known {
			far[k] = distance(fold(name), fold(k))
		}
		slices.SortStableFunc(sorted, func(a, b string) int { return far[a] - far[b] })
	}
	return sorted[:min(n, len(sorted))]
}

// Same reports whether two names differ in case and separator only.
func Same(a, b string) bool { return fold(a) == fold(b) }

// fold makes names equal that differ in case and separator only.
func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the number of bytes to change, add or drop between a and b, where the swap
// of two neighbours is one change (Damerau 1964, optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
