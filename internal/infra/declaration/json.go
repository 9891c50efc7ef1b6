package declaration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// kind is the type of a JSON value, in words for the reader of a problem.
type kind string

const (
	isObject kind = "an object"
	isList   kind = "a list"
	isText   kind = "a string"
	isNumber kind = "a number"
	isFlag   kind = "true or false"
	isNull   kind = "null"
)

// maxDepth bounds how deep a declaration nests.
const maxDepth = 50

// value is a JSON value that knows where it stands.
type value struct {
	kind    kind
	text    string // a string's content; a number, true or false as written
	members []member
	items   []*value

	path   string
	file   string // or the name of a variable
	line   int
	hidden bool // came encrypted: never shown
}

// or is the value in a message, where it may be a default and so have no text.
func (v *value) or(effective string) string {
	if v.hidden {
		return v.shown()
	}
	return quoted(effective)
}

type member struct {
	name  string
	value *value
}

// shown is the value in a message.
func (v *value) shown() string {
	switch {
	case v.hidden:
		return "the value (not shown)"
	case v.kind == isText:
		return fmt.Sprintf("%q", v.text)
	case v.kind == isObject || v.kind == isList:
		return string(v.kind)
	}
	return v.text
}

// parser makes values of a file. Keys that come twice are collected, everything else
// that is wrong ends it.
type parser struct {
	dec      *json.Decoder
	lines    []int64 // offsets of line ends
	file     string
	hidden   bool
	problems Problems
}

// parse reads one JSON object.
func parse(data []byte, file string, hidden bool) (*value, Problems) {
	broken := func(line int, what string) (*value, Problems) {
		return nil, Problems{{File: file, Line: line, Path: "$", What: what, Fix: "take the last good version from version control; a broken file never reads as \"no guests\""}}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return broken(0, "the file is empty")
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(data)), file: file, hidden: hidden}
	p.dec.UseNumber()
	for i, b := range data {
		if b == '\n' {
			p.lines = append(p.lines, int64(i))
		}
	}
	if !utf8.Valid(data) {
		return broken(0, "the file is not UTF-8 text")
	}
	root, err := p.value("$", 0)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return broken(p.line(), "not valid JSON: the file ends in the middle")
	case err != nil:
		return broken(p.line(), "not valid JSON: "+err.Error())
	case root.kind != isObject:
		return broken(1, fmt.Sprintf("the file holds %s where an object is needed", root.kind))
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return broken(p.line(), "not valid JSON: something follows the object")
	}
	return root, p.problems
}

// line is where the parser stands.
func (p *parser) line() int {
	at, low, high := p.dec.InputOffset(), 0, len(p.lines)
	for low < high {
		if mid := (low + high) / 2; p.lines[mid] < at {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if p.hidden {
		return 0 // the clear text has other lines than the file
	}
	return low + 1
}

func (p *parser) value(path string, depth int) (*value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	v := &value{path: path, file: p.file, line: p.line(), hidden: p.hidden}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return v, p.object(v, depth)
		}
		return v, p.list(v, depth)
	case string:
		v.kind, v.text = isText, t
	case json.Number:
		v.kind, v.text = isNumber, t.String()
	case bool:
		v.kind, v.text = isFlag, fmt.Sprint(t)
	default:
		v.kind, v.text = isNull, "null"
	}
	return v, nil
}

func (p *parser) object(v *value, depth int) error {
	v.kind = isObject
	first := make(map[string]int)
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return errors.New("a key is not a string")
		}
		line := p.line()
		child, err := p.value(below(v.path, name), depth+1)
		if err != nil {
			return err
		}
		if before, twice := first[name]; twice {
			p.problems = append(p.problems, Problem{File: p.file, Line: line, Path: child.path,
				What: twiceText(before), Fix: "JSON readers keep only one of them: remove the other"})
			continue
		}
		first[name] = line
		v.members = append(v.members, member{name, child})
	}
	_, err := p.dec.Token()
	return err
}

func twiceText(line int) string {
	if line == 0 {
		return "the key is there twice"
	}
	return fmt.Sprintf("the key is there twice, first in line %d", line)
}

func (p *parser) list(v *value, depth int) error {
	v.kind = isList
	for p.dec.More() {
		child, err := p.value(fmt.Sprintf("%s[%d]", v.path, len(v.items)), depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, child)
	}
	_, err := p.dec.Token()
	return err
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// below is the JSON path of a member.
func below(path, name string) string {
	if plainName.MatchString(name) {
		return path + "." + name
	}
	return fmt.Sprintf("%s[%q]", path, name)
}
