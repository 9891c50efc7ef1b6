package reader

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/suggest"
)

// Problem is one thing that is wrong with a declaration, or a note.
type Problem struct {
	File string `json:"file,omitempty"` // as it was named to [Load], or the name of a variable
	Line int    `json:"line,omitempty"` // 0 where it is not known
	Path string `json:"path"`           // JSON path: $.containers.haproxy.vm_id
	What string `json:"what"`
	Fix  string `json:"fix,omitempty"`
}

// Error is one line: place, path, what is wrong, what to do.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems is all that is wrong with a declaration, in the order of the files.
type Problems []Problem

// Error has one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort orders by file and line, then path, and drops what is said twice.
func (ps Problems) Sort() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path))
	})
	return slices.Compact(ps)
}

// maxListed is how many known names an error lists.
const maxListed = 15

// likely is the known name that was probably meant, "" for none.
func likely(name string, known []string) string {
	if best := suggest.Nearest(name, known); best != "" {
		return best
	}
	// cores for cpu_cores, memory for memory_dedicated: a word of the known name.
	for _, k := range slices.Sorted(slices.Values(known)) {
		if name != "" && slices.Contains(strings.Split(k, "_"), strings.ToLower(name)) {
			return k
		}
	}
	return ""
}

// DidYouMean returns what to do about a name that is not known: the name that was probably
// meant, or the list; of a long one those that are nearest.
func DidYouMean(name string, known []string) string {
	if best := likely(name, known); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	if len(known) > maxListed {
		return "known here are " + strings.Join(suggest.Closest(name, known, 3), ", ") + fmt.Sprintf(" and %d others", len(known)-3)
	}
	return "known here: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}
