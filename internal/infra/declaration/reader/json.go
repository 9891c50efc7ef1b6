package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is the type of a JSON value, in words for the reader of a problem.
type Kind string

// The kinds.
const (
	KindObject Kind = "an object"
	KindList   Kind = "a list"
	KindText   Kind = "a string"
	KindNumber Kind = "a number"
	KindFlag   Kind = "true or false"
	KindNull   Kind = "null"
)

// maxDepth bounds how deep a declaration nests.
const maxDepth = 50

// Value is a JSON value that knows its place in a file.
type Value struct {
	Kind    Kind
	Text    string // a string's content; a number, true or false as written
	Members []Member
	Items   []*Value

	Path   string
	File   string // or the name of a variable
	Line   int
	Hidden bool // came encrypted: never shown
}

// Or is the value in a message; effective stands for a default, which has no text.
func (v *Value) Or(effective string) string {
	if v.Hidden {
		return v.Shown()
	}
	return Quoted(effective)
}

// Member is a key of an object with its value.
type Member struct {
	Name  string
	Value *Value
}

// maxShown is how much of a text a message has, in bytes.
const maxShown = 80

// Shown is the value in a message.
func (v *Value) Shown() string {
	switch {
	case v.Hidden:
		return "the value (not shown)"
	case v.Kind == KindText && len(v.Text) > maxShown:
		return fmt.Sprintf("%q…", strings.ToValidUTF8(v.Text[:maxShown], ""))
	case v.Kind == KindText:
		return fmt.Sprintf("%q", v.Text)
	case v.Kind == KindObject || v.Kind == KindList:
		return string(v.Kind)
	}
	return v.Text
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

// Parse reads one JSON object.
func Parse(data []byte, file string, hidden bool) (*Value, Problems) {
	broken := func(line int, what string) (*Value, Problems) {
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
	case root.Kind != KindObject:
		return broken(1, fmt.Sprintf("the file holds %s where an object is needed", root.Kind))
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return broken(p.line(), "not valid JSON: something follows the object")
	}
	return root, p.problems
}

// Line is where the parser stands.
func (p *parser) line() int {
	if p.hidden {
		return 0 // the clear text has other lines than the file
	}
	before, _ := slices.BinarySearch(p.lines, p.dec.InputOffset())
	return before + 1
}

func (p *parser) value(path string, depth int) (*Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	v := &Value{Path: path, File: p.file, Line: p.line(), Hidden: p.hidden}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return v, p.object(v, depth)
		}
		return v, p.list(v, depth)
	case string:
		v.Kind, v.Text = KindText, t
	case json.Number:
		v.Kind, v.Text = KindNumber, t.String()
	case bool:
		v.Kind, v.Text = KindFlag, fmt.Sprint(t)
	default:
		v.Kind, v.Text = KindNull, "null"
	}
	return v, nil
}

func (p *parser) object(v *Value, depth int) error {
	v.Kind = KindObject
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
		child, err := p.value(Below(v.Path, name), depth+1)
		if err != nil {
			return err
		}
		if before, twice := first[name]; twice {
			p.problems = append(p.problems, Problem{File: p.file, Line: line, Path: child.Path,
				What: twiceText(before), Fix: "JSON readers keep only one of them: remove the other"})
			continue
		}
		first[name] = line
		v.Members = append(v.Members, Member{name, child})
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

func (p *parser) list(v *Value, depth int) error {
	v.Kind = KindList
	for p.dec.More() {
		child, err := p.value(fmt.Sprintf("%s[%d]", v.Path, len(v.Items)), depth+1)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, child)
	}
	_, err := p.dec.Token()
	return err
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// Below is the JSON path of a member.
func Below(path, name string) string {
	if plainName.MatchString(name) {
		return path + "." + name
	}
	return fmt.Sprintf("%s[%q]", path, name)
}

// Overlay puts the keys of another layer on top. Null leaves what is there.
func (v *Value) Overlay(layer *Value) {
	for _, m := range layer.Members {
		if m.Value.Kind == KindNull {
			continue
		}
		replaced := false
		for i := range v.Members {
			if v.Members[i].Name == m.Name {
				v.Members[i], replaced = m, true
			}
		}
		if !replaced {
			v.Members = append(v.Members, m)
		}
	}
}

// Raw is the value as compact JSON, without comments.
func (v *Value) Raw() json.RawMessage {
	var b bytes.Buffer
	v.write(&b)
	return b.Bytes()
}

func (v *Value) write(b *bytes.Buffer) {
	switch v.Kind {
	case KindObject:
		b.WriteByte('{')
		comma := ""
		for _, m := range v.Members {
			if m.Name != comment {
				fmt.Fprintf(b, "%s%s:", comma, Quoted(m.Name))
				m.Value.write(b)
				comma = ","
			}
		}
		b.WriteByte('}')
	case KindList:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case KindText:
		b.WriteString(Quoted(v.Text))
	default:
		b.WriteString(v.Text)
	}
}

// Quoted is a JSON string, with & < > as they are.
func Quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into a buffer: cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
