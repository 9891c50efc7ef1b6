package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Change is one difference between two documents.
type Change struct {
	Op   byte   `json:"-"` // + - ~
	Path string `json:"path"`
	From string `json:"from,omitempty"` // JSON
	To   string `json:"to,omitempty"`
}

// String is the line of a diff: ~ containers.web.ip "192.168.0.4" -> "192.168.0.5".
func (c Change) String() string {
	switch c.Op {
	case '+':
		return fmt.Sprintf("+ %s %s", c.Path, c.To)
	case '-':
		return fmt.Sprintf("- %s %s", c.Path, c.From)
	}
	return fmt.Sprintf("~ %s %s -> %s", c.Path, c.From, c.To)
}

// Diff compares two documents in meaning, sorted by path. A before that is empty or
// not JSON reads as an empty object.
func Diff(before, after []byte) ([]Change, error) {
	to, err := decode(after)
	if err != nil {
		return nil, err
	}
	from, err := decode(before)
	if err != nil {
		from = map[string]any{}
	}
	var found []Change
	compare("", from, to, &found)
	return found, nil
}

func compare(path string, from, to any, found *[]Change) {
	a, isA := from.(map[string]any)
	b, isB := to.(map[string]any)
	if !isA || !isB {
		if x, y := text(from), text(to); x != y {
			*found = append(*found, Change{Op: '~', Path: path, From: x, To: y})
		}
		return
	}
	names := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		x, inA := a[name]
		y, inB := b[name]
		below := name
		if path != "" {
			below = path + "." + name
		}
		switch {
		case !inA:
			*found = append(*found, Change{Op: '+', Path: below, To: text(y)})
		case !inB:
			*found = append(*found, Change{Op: '-', Path: below, From: text(x)})
		default:
			compare(below, x, y, found)
		}
	}
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil { // what was decoded can be encoded
		return err.Error()
	}
	return string(out)
}
