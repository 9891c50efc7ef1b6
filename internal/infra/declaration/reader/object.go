package reader

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// HiddenText stands for what came encrypted, and for passwords and keys.
const HiddenText = "<secret>"

// Setting is an effective value and where it came from.
type Setting struct {
	Path  string `json:"path"`  // JSON path
	Value string `json:"value"` // as JSON would have it; <secret> for what is not shown
	From  string `json:"from"`  // file:line, "environment NAME", "default", or what it is derived from
}

// Report collects what is found while a declaration is read: problems, notes, and where
// every value came from.
type Report struct {
	Problems Problems
	Notes    Problems
	Settings []Setting
	Keys     Keys // what was asked for; nil: not collected
}

// Problem adds what is wrong at v, and how to mend it.
func (l *Report) Problem(v *Value, what, fix string) {
	l.Problems = append(l.Problems, Problem{File: v.File, Line: v.Line, Path: v.Path, What: what, Fix: fix})
}

// AddNote adds a remark on v that is no problem.
func (l *Report) AddNote(v *Value, what, fix string) {
	l.Notes = append(l.Notes, Problem{File: v.File, Line: v.Line, Path: v.Path, What: what, Fix: fix})
}

// Record adds where an effective value came from.
func (l *Report) Record(path, shown, from string) {
	l.Settings = append(l.Settings, Setting{Path: path, Value: shown, From: from})
}

// comment is the key that every object may have and that is ignored.
const comment = "_comment"

// schemaKey is where a file names its schema, for editors.
const schemaKey = "$schema"

// Object reads the keys of one JSON object. A key that is absent or null has its
// default. A key that was not asked for by the time of End is unknown.
type Object struct {
	Value *Value // never nil: an absent object is an empty one at its place

	report   *Report
	asked    []string
	borrowed string // a member that belongs to another object
}

// Object returns the reader of v; what is not an object is a problem and reads as empty.
func (l *Report) Object(v *Value) *Object {
	if v.Kind != KindObject {
		l.Problem(v, "is "+string(v.Kind)+" where an object is needed", "")
		v = &Value{Kind: KindObject, Path: v.Path, File: v.File, Line: v.Line, Hidden: v.Hidden}
	}
	return &Object{report: l, Value: v}
}

// Get returns the value of a key; nil when it is absent or null.
func (o *Object) Get(key string) *Value {
	if !slices.Contains(o.asked, key) {
		o.asked = append(o.asked, key)
	}
	o.key(key)
	for _, m := range o.Value.Members {
		if m.Name == key && m.Value.Kind != KindNull {
			return m.Value
		}
	}
	return nil
}

// Place is where a key is, or would be.
func (o *Object) Place(key string) *Value {
	if v := o.Get(key); v != nil {
		return v
	}
	return &Value{Kind: KindNull, Path: Below(o.Value.Path, key), File: o.Value.File, Line: o.Value.Line, Hidden: o.Value.Hidden}
}

// Typed is [Object.Get] for one type of value; another type is a problem and reads as absent.
func (o *Object) Typed(key string, want Kind) *Value {
	v := o.Get(key)
	o.key(key).Kind = want
	if v != nil && v.Kind != want {
		fix := ""
		switch {
		case v.Kind == KindText && want == KindNumber:
			fix = "write a number without quotes and unit"
		case v.Kind == KindText && want == KindFlag:
			fix = "write true or false without quotes"
		case want == KindText && v.Kind != KindList && v.Kind != KindObject:
			fix = "write it in quotes"
		case want == KindList:
			fix = "write it in [ ]"
		}
		o.report.Problem(v, "is "+string(v.Kind)+" where "+string(want)+" is needed", fix)
		return nil
	}
	return v
}

// From is where a value came from: file:line, or "default" for nil.
func (v *Value) From() string {
	if v == nil {
		return "default"
	}
	if v.Line > 0 {
		return fmt.Sprintf("%s:%d", v.File, v.Line)
	}
	return v.File
}

// Set records an effective value.
func (o *Object) Set(key string, v *Value, effective any) {
	shown := fmt.Sprint(effective)
	switch e := effective.(type) {
	case string:
		shown = Quoted(e)
	case []string:
		list := make([]string, len(e))
		for i, s := range e {
			list[i] = Quoted(s)
		}
		shown = "[" + strings.Join(list, ", ") + "]"
	}
	if v == nil {
		o.key(key).Default = shown
	}
	if v != nil && v.Hidden || o.Value.Hidden {
		shown = HiddenText
	}
	o.report.Record(Below(o.Value.Path, key), shown, v.From())
}

// Rule returns what is wrong with a text and what to do; both are "" when nothing is.
type Rule func(string) (what, fix string)

// Text reads a string.
func (o *Object) Text(key, def string, rules ...Rule) string {
	v := o.Typed(key, KindText)
	s := def
	if v != nil {
		s = v.Text
		o.report.Check(v, rules)
	}
	o.Set(key, v, s)
	return s
}

// Word reads a string that is one of several.
func (o *Object) Word(key, def string, words ...string) string {
	o.key(key).Words = words
	return o.Text(key, def, oneOf(words))
}

// Words reads a list of such strings.
func (o *Object) Words(key string, def []string, words ...string) []string {
	o.key(key).Words = words
	return o.Texts(key, def, oneOf(words))
}

// oneOf names what is possible.
func oneOf(words []string) Rule {
	return func(s string) (string, string) {
		if slices.Contains(words, s) {
			return "", ""
		}
		return "is not possible here", "one of: " + strings.Trim(strings.Join(words, ", "), ", ")
	}
}

// Secret reads a string that is shown nowhere.
func (o *Object) Secret(key string) string {
	v := o.Typed(key, KindText)
	if v == nil {
		return ""
	}
	v.Hidden = true
	o.Set(key, v, "")
	return v.Text
}

// NeedText reads a string that has to be there.
func (o *Object) NeedText(key string, rules ...Rule) string {
	if !o.Need(key) {
		o.key(key).Kind = KindText
		return ""
	}
	return o.Text(key, "", append([]Rule{NotEmpty}, rules...)...)
}

// NeedWhole reads an integer that has to be there.
func (o *Object) NeedWhole(key string, low, high int) int {
	if !o.Need(key) {
		return 0
	}
	return o.Whole(key, 0, low, high)
}

// Need reports a key that has to be there and is not.
func (o *Object) Need(key string) bool {
	o.key(key).Needed = true
	if o.Get(key) == nil {
		o.Missing(key)
		return false
	}
	return true
}

// Missing reports that a key has to be there.
func (o *Object) Missing(key string) {
	o.report.Problem(&Value{Path: Below(o.Value.Path, key), File: o.Value.File, Line: o.Value.Line}, "is missing", "it has no default: set it")
}

// Check reports the first rule that a text breaks.
func (l *Report) Check(v *Value, rules []Rule) {
	for _, r := range rules {
		if what, fix := r(v.Text); what != "" {
			if v.Hidden {
				fix = "" // it may quote the value
			}
			l.Problem(v, v.Shown()+" "+what, fix)
			return
		}
	}
}

// Whole reads an integer of a range. One that is wrong reads as the default.
func (o *Object) Whole(key string, def, low, high int) int {
	v := o.Typed(key, KindNumber)
	o.bounds(key, float64(low), float64(high)).Whole = true
	n := def
	if v != nil {
		f, err := strconv.ParseFloat(v.Text, 64)
		switch {
		case err != nil || f != math.Trunc(f) || math.Abs(f) > 1e15:
			o.report.Problem(v, v.Shown()+" is not a whole number", "")
		case int(f) < low || int(f) > high:
			o.report.Problem(v, fmt.Sprintf("%s is out of range", v.Shown()), fmt.Sprintf("%d to %d are possible", low, high))
		default:
			n = int(f)
		}
	}
	o.Set(key, v, n)
	return n
}

// Number reads a number of a range, which may have a fraction. One that is wrong reads as the
// default.
func (o *Object) Number(key string, def, low, high float64) float64 {
	v := o.Typed(key, KindNumber)
	o.bounds(key, low, high)
	n := def
	if v != nil {
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil || f < low || f > high {
			o.report.Problem(v, v.Shown()+" is out of range", fmt.Sprintf("%v to %v are possible", low, high))
		} else {
			n = f
		}
	}
	o.Set(key, v, n)
	return n
}

func (o *Object) bounds(key string, low, high float64) *Key {
	k := o.key(key)
	k.Range, k.Ranged = [2]float64{low, high}, true
	return k
}

// Flag reads a truth value.
func (o *Object) Flag(key string, def bool) bool {
	v := o.Typed(key, KindFlag)
	b := def
	if v != nil {
		b = v.Text == "true"
	}
	o.Set(key, v, b)
	return b
}

// Texts reads a list of strings.
func (o *Object) Texts(key string, def []string, rules ...Rule) []string {
	v := o.Typed(key, KindList)
	o.key(key).Items = KindText
	list := slices.Clone(def)
	if v != nil {
		list = nil
		for _, item := range v.Items {
			if item.Kind != KindText {
				o.report.Problem(item, "is "+string(item.Kind)+" where a string is needed", "")
				continue
			}
			o.report.Check(item, rules)
			list = append(list, item.Text)
		}
	}
	o.Set(key, v, list)
	return list
}

// Object reads an object; absent it is nil.
func (o *Object) Object(key string) *Object {
	v := o.Typed(key, KindObject)
	if v == nil {
		return nil
	}
	return o.report.Object(v)
}

// OrEmpty is [Object.Object]; an absent object reads as an empty one.
func (o *Object) OrEmpty(key string) *Object {
	if r := o.Object(key); r != nil {
		return r
	}
	return o.report.Object(&Value{Kind: KindObject, Path: Below(o.Value.Path, key), File: o.Value.File, Line: o.Value.Line})
}

// Objects reads a list of objects.
func (o *Object) Objects(key string) []*Object {
	v := o.Typed(key, KindList)
	o.key(key).Items = KindObject
	if v == nil {
		return nil
	}
	var list []*Object
	for _, item := range v.Items {
		list = append(list, o.report.Object(item))
	}
	return list
}

// Entry is a member of a map whose keys the user chooses.
type Entry struct {
	Key string
	*Object
}

// Entries reads a map, sorted by key.
func (o *Object) Entries(key string, rules ...Rule) []Entry {
	v := o.Typed(key, KindObject)
	if v == nil {
		return nil
	}
	var list []Entry
	for _, m := range v.Members {
		for _, r := range rules {
			if what, fix := r(m.Name); what != "" {
				o.report.Problem(m.Value, fmt.Sprintf("the key %q %s", m.Name, what), fix)
				break
			}
		}
		list = append(list, Entry{m.Name, o.report.Object(m.Value)})
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// Unused accepts a key that has no effect, with a note.
func (o *Object) Unused(key, why string) {
	if v := o.Get(key); v != nil {
		o.report.AddNote(v, "has no effect: "+why, "remove it")
	}
}

// End reports the keys that were not asked for.
func (o *Object) End() {
	for _, m := range o.Value.Members {
		if m.Name != comment && !(m.Name == schemaKey && o.Value.Path == "$") && !slices.Contains(o.asked, m.Name) {
			o.report.Problem(m.Value, fmt.Sprintf("the key %q is not known here", m.Name), o.meant(m.Name))
		}
	}
}

// meant says what to do about a key that is not known.
func (o *Object) meant(name string) string {
	if key := here(name, o.asked); key != "" {
		return "did you mean " + key + "?"
	}
	if likely(name, o.asked) == "" && len(o.asked) > maxListed {
		return "remove it; the keys are listed in docs/provision.md"
	}
	return DidYouMean(name, o.asked)
}

// With is a view of the object with one more member, which is optional. keys are asked of
// the view instead of the object.
func (o *Object) With(name string, v *Value, keys ...string) *Object {
	o.asked = append(o.asked, keys...)
	view := *o.Value
	if v != nil {
		view.Members = append(slices.Clone(view.Members), Member{name, v})
	}
	return &Object{report: o.report, Value: &view, borrowed: name}
}

// NotEmpty wants a text.
func NotEmpty(s string) (string, string) {
	if s == "" {
		return "is empty", "set it"
	}
	return "", ""
}
