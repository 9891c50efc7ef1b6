package declaration

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/redact"
)

// loader collects while a declaration is read: what is wrong, what is of note, and
// where every value came from.
type loader struct {
	problems Problems
	notes    Problems
	settings []Setting
}

// problem says that something is wrong at v.
func (l *loader) problem(v *value, what, fix string) {
	l.problems = append(l.problems, Problem{File: v.file, Line: v.line, Path: v.path, What: what, Fix: fix})
}

// note says something about v that is not wrong.
func (l *loader) note(v *value, what, fix string) {
	l.notes = append(l.notes, Problem{File: v.file, Line: v.line, Path: v.path, What: what, Fix: fix})
}

// record keeps where an effective value came from.
func (l *loader) record(path, shown, from string) {
	l.settings = append(l.settings, Setting{Path: path, Value: shown, From: from})
}

// comment is the key that may stand in every object and says nothing to us.
const comment = "_comment"

// object reads the keys of one JSON object. A key that is absent or null has its
// default. What nobody has asked for when end is called is unknown.
type object struct {
	l     *loader
	v     *value // never nil: an absent object is an empty one at its place
	asked []string
}

// reader returns the reader of v; what is not an object is a problem and reads as empty.
func (l *loader) reader(v *value) *object {
	if v.kind != isObject {
		l.problem(v, "is "+string(v.kind)+" where an object is needed", "")
		v = &value{kind: isObject, path: v.path, file: v.file, line: v.line, hidden: v.hidden}
	}
	return &object{l: l, v: v}
}

// get returns the value of a key; nil when it is absent or null.
func (o *object) get(key string) *value {
	if !slices.Contains(o.asked, key) {
		o.asked = append(o.asked, key)
	}
	for _, m := range o.v.members {
		if m.name == key && m.value.kind != isNull {
			return m.value
		}
	}
	return nil
}

// place is where a key is, or would be.
func (o *object) place(key string) *value {
	if v := o.get(key); v != nil {
		return v
	}
	return &value{kind: isNull, path: below(o.v.path, key), file: o.v.file, line: o.v.line, hidden: o.v.hidden}
}

// typed is get for a value of one type; others are problems and read as absent.
func (o *object) typed(key string, want kind) *value {
	v := o.get(key)
	if v != nil && v.kind != want {
		fix := ""
		switch {
		case v.kind == isText && want == isNumber:
			fix = "write a number without quotes and unit"
		case v.kind == isText && want == isFlag:
			fix = "write true or false without quotes"
		case want == isText && v.kind != isList && v.kind != isObject:
			fix = "write it in quotes"
		case want == isList:
			fix = "write it in [ ]"
		}
		o.l.problem(v, "is "+string(v.kind)+" where "+string(want)+" is needed", fix)
		return nil
	}
	return v
}

// from says where a value came from.
func (v *value) from() string {
	if v == nil {
		return "default"
	}
	if v.line > 0 {
		return fmt.Sprintf("%s:%d", v.file, v.line)
	}
	return v.file
}

// set records an effective value.
func (o *object) set(key string, v *value, effective any) {
	shown := fmt.Sprint(effective)
	switch e := effective.(type) {
	case string:
		shown = quoted(e)
	case []string:
		list := make([]string, len(e))
		for i, s := range e {
			list[i] = quoted(s)
		}
		shown = "[" + strings.Join(list, ", ") + "]"
	}
	if v != nil && v.hidden || o.v.hidden {
		shown = hiddenText
	}
	o.l.record(below(o.v.path, key), shown, v.from())
}

// rule tells what is wrong with a text, and what to do; both "" when nothing is.
type rule func(string) (what, fix string)

// text reads a string.
func (o *object) text(key, def string, rules ...rule) string {
	v := o.typed(key, isText)
	s := def
	if v != nil {
		s = v.text
		o.l.check(v, rules)
	}
	o.set(key, v, s)
	return s
}

// secret reads a string that is shown nowhere.
func (o *object) secret(key string) redact.Secret {
	v := o.typed(key, isText)
	if v == nil {
		return ""
	}
	v.hidden = true
	o.set(key, v, "")
	return redact.Secret(v.text)
}

// needText reads a string that has to be there.
func (o *object) needText(key string, rules ...rule) string {
	if o.get(key) == nil {
		o.missing(key)
		return ""
	}
	return o.text(key, "", append([]rule{notEmpty}, rules...)...)
}

// needWhole reads an integer that has to be there.
func (o *object) needWhole(key string, low, high int) int {
	if o.get(key) == nil {
		o.missing(key)
		return 0
	}
	return o.whole(key, 0, low, high)
}

func (o *object) missing(key string) {
	o.l.problem(&value{path: below(o.v.path, key), file: o.v.file, line: o.v.line}, "is missing", "it has no default: set it")
}

func (l *loader) check(v *value, rules []rule) {
	for _, r := range rules {
		if what, fix := r(v.text); what != "" {
			if v.hidden {
				fix = "" // it may quote the value
			}
			l.problem(v, v.shown()+" "+what, fix)
			return
		}
	}
}

// whole reads an integer of a range. One that is wrong reads as the default.
func (o *object) whole(key string, def, low, high int) int {
	v := o.typed(key, isNumber)
	n := def
	if v != nil {
		f, err := strconv.ParseFloat(v.text, 64)
		switch {
		case err != nil || f != math.Trunc(f) || math.Abs(f) > 1e15:
			o.l.problem(v, v.shown()+" is not a whole number", "")
		case int(f) < low || int(f) > high:
			o.l.problem(v, fmt.Sprintf("%s is out of range", v.shown()), fmt.Sprintf("%d to %d are possible", low, high))
		default:
			n = int(f)
		}
	}
	o.set(key, v, n)
	return n
}

// flag reads a truth value.
func (o *object) flag(key string, def bool) bool {
	v := o.typed(key, isFlag)
	b := def
	if v != nil {
		b = v.text == "true"
	}
	o.set(key, v, b)
	return b
}

// texts reads a list of strings.
func (o *object) texts(key string, def []string, rules ...rule) []string {
	v := o.typed(key, isList)
	list := slices.Clone(def)
	if v != nil {
		list = nil
		for _, item := range v.items {
			if item.kind != isText {
				o.l.problem(item, "is "+string(item.kind)+" where a string is needed", "")
				continue
			}
			o.l.check(item, rules)
			list = append(list, item.text)
		}
	}
	o.set(key, v, list)
	return list
}

// object reads an object; absent it is nil.
func (o *object) object(key string) *object {
	v := o.typed(key, isObject)
	if v == nil {
		return nil
	}
	return o.l.reader(v)
}

// orEmpty is object, with all defaults where it is absent.
func (o *object) orEmpty(key string) *object {
	if r := o.object(key); r != nil {
		return r
	}
	return o.l.reader(&value{kind: isObject, path: below(o.v.path, key), file: o.v.file, line: o.v.line})
}

// objects reads a list of objects.
func (o *object) objects(key string) []*object {
	v := o.typed(key, isList)
	if v == nil {
		return nil
	}
	var list []*object
	for _, item := range v.items {
		list = append(list, o.l.reader(item))
	}
	return list
}

// entry is a member of a map whose keys the user chooses.
type entry struct {
	key string
	*object
}

// entries reads a map, sorted by key.
func (o *object) entries(key string, rules ...rule) []entry {
	v := o.typed(key, isObject)
	if v == nil {
		return nil
	}
	var list []entry
	for _, m := range v.members {
		for _, r := range rules {
			if what, fix := r(m.name); what != "" {
				o.l.problem(m.value, fmt.Sprintf("the key %q %s", m.name, what), fix)
				break
			}
		}
		list = append(list, entry{m.name, o.l.reader(m.value)})
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return list
}

// unused takes a key that had no effect in the modules this replaces and has none
// here, with a note.
func (o *object) unused(key, why string) {
	if v := o.get(key); v != nil {
		o.l.note(v, "has no effect: "+why, "remove it")
	}
}

// end reports the keys that nobody asked for.
func (o *object) end() {
	for _, m := range o.v.members {
		if m.name != comment && !slices.Contains(o.asked, m.name) {
			o.l.problem(m.value, fmt.Sprintf("the key %q is not known here", m.name), didYouMean(m.name, o.asked))
		}
	}
}
