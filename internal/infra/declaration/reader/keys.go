package reader

import (
	"slices"
	"strings"
)

// Key is what the reader asks of a key: the form of its value, and what it is without one.
type Key struct {
	Path    string   // $.containers.KEY.tags; KEY is what the user chooses, [] an element of a list
	Kind    Kind     // of the value
	Items   Kind     // of the elements of a list; "" where they are of several kinds
	Default string   // as JSON has it; "" for none
	Needed  bool     // it has no default
	Words   []string // what a string can be; nil for any
	Range   [2]float64
	Ranged  bool // Range bounds a number
	Whole   bool // the number has no fraction
}

// AnyKey stands for a key that the user chooses.
const AnyKey = "KEY"

// Keys are all keys that were asked for, by path. A Report collects them when it has a map.
type Keys map[string]*Key

// Sorted are the keys by path.
func (ks Keys) Sorted() []Key {
	var out []Key
	for _, k := range ks {
		out = append(out, *k)
	}
	slices.SortFunc(out, func(a, b Key) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// key is the entry of a key that is asked for, or a scratch one.
func (o *Object) key(name string) *Key {
	if o.report.Keys == nil || name == o.borrowed {
		return &Key{}
	}
	path := strings.ReplaceAll(Below(o.Value.Path, name), "[0]", "[]")
	k := o.report.Keys[path]
	if k == nil {
		k = &Key{Path: path}
		o.report.Keys[path] = k
	}
	return k
}
