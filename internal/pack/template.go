package pack

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Template is a sourcetype or source with placeholders: "vmware:esxlog:{program|lower}".
// Its parts are written one behind the other.
type Template []Part

// Part is a literal text or a placeholder.
type Part struct {
	// From is what the placeholder begins with: program, key, column, word, json, sd or cef.
	// It is empty for a literal.
	From string
	// Text is the literal, or the name behind the colon of key, json, sd and cef. Of cef there
	// are vendor, product and id.
	Text string
	// Place is the number behind the colon of column and word, from 1.
	Place int
	// Lower says that the value is written in lower case.
	Lower bool
}

// origins are what placeholders begin with, as people write them.
var origins = []string{"program", "key:NAME", "column:N", "word:N", "json:NAME", "sd:NAME", "cef:vendor", "cef:product", "cef:id"}

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	var t Template
	for text != "" {
		before, behind, found := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("a } without a {")
		}
		if before != "" {
			t = append(t, Part{Text: before})
		}
		if !found {
			break
		}
		inside, rest, closed := strings.Cut(behind, "}")
		if !closed {
			return nil, errors.New("a { without a }")
		}
		p, err := placeholder(inside)
		if err != nil {
			return nil, err
		}
		t, text = append(t, p), rest
	}
	return t, nil
}

func placeholder(text string) (Part, error) {
	origin, modifier, modified := strings.Cut(text, "|")
	if modified && modifier != "lower" {
		return Part{}, fmt.Errorf("{%s}: behind | there is only lower", text)
	}
	p := Part{Lower: modified}
	var name string
	p.From, name, _ = strings.Cut(origin, ":")
	switch p.From {
	case "program":
		if origin != "program" {
			return Part{}, fmt.Errorf("{%s}: write {program}", text)
		}
	case "column", "word":
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > maxPlace {
			return Part{}, fmt.Errorf("{%s}: %s is not a number from 1 to %d", text, quoted(name), maxPlace)
		}
		p.Place = n
	case "key", "json", "sd":
		if wrong := keyName(name); wrong != "" {
			return Part{}, fmt.Errorf("{%s}: %s", text, wrong)
		}
		p.Text = name
	case "cef":
		if !slices.Contains([]string{"vendor", "product", "id"}, name) {
			return Part{}, fmt.Errorf("{%s}: of cef there are vendor, product and id", text)
		}
		p.Text = name
	default:
		return Part{}, fmt.Errorf("{%s} is not a placeholder: there are {%s}", text, strings.Join(origins, "}, {"))
	}
	return p, nil
}
