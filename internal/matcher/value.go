package matcher

import (
	"bytes"
	"strings"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/strftime"
	"syslog-gateway/internal/syslog"
)

// value is where in a message a value is.
type value struct {
	kind          valueKind
	slot          int // of a key; number of a column or a word
	name          []byte
	path          []string
	after, before []byte
	lower         bool
}

type valueKind uint8

const (
	fromKey valueKind = iota
	fromColumn
	fromWord
	fromJSON
	fromCEF
	fromLEEF
	fromSD
	fromProgram
	fromHeader
	fromVendor
	fromProduct
	fromID
	fromText
)

// get returns the value of the line at hand, or nil.
func (v *value) get(of *compiled, s *Scratch) []byte {
	p := v.raw(of, s)
	if len(v.after) != 0 {
		i := bytes.Index(p, v.after)
		if i >= 0 {
			p = p[i+len(v.after):]
		}
	}
	if len(v.before) != 0 {
		if i := bytes.Index(p, v.before); i >= 0 {
			p = p[:i]
		}
	}
	return p
}

func (v *value) raw(of *compiled, s *Scratch) []byte {
	switch v.kind {
	case fromKey:
		return s.key(of, v.slot)
	case fromColumn:
		return s.column(of, v.slot)
	case fromWord:
		return s.word(v.slot)
	case fromJSON:
		return body.JSONPath(s.Text, v.path)
	case fromCEF:
		if s.device == nil || s.isLEEF {
			return nil
		}
		return body.ExtensionText(s.extension(), v.name)
	case fromLEEF:
		if s.device == nil || !s.isLEEF {
			return nil
		}
		return s.attribute(v.name)
	case fromSD:
		return s.parameter(v.name, false)
	case fromProgram:
		return s.program
	case fromHeader:
		return s.Host
	case fromVendor:
		return s.part(0)
	case fromProduct:
		return s.part(1)
	case fromID:
		return s.part(3)
	default: // fromText
		return v.name
	}
}

func (c *compiled) newValue(d *pack.Value) value {
	v := value{after: []byte(d.After), before: []byte(d.Before)}
	switch {
	case d.Key != "":
		v.kind, v.slot = fromKey, c.keySlot(d.Key)
	case d.Column != 0:
		v.kind, v.slot = fromColumn, d.Column
	case d.Word != 0:
		v.kind, v.slot = fromWord, d.Word
	case d.JSON != "":
		v.kind, v.path = fromJSON, jsonPath(d.JSON)
	case d.CEF != "":
		v.kind, v.name = fromCEF, []byte(" "+d.CEF+"=")
	case d.LEEF != "":
		v.kind, v.name = fromLEEF, []byte(d.LEEF+"=")
	case d.SD != "":
		v.kind, v.name = fromSD, []byte(d.SD)
	case d.Program:
		v.kind = fromProgram
	case d.Header:
		v.kind = fromHeader
	default:
		v.kind, v.name = fromText, []byte(d.Text)
	}
	return v
}

// jsonPath divides "alert.host.name".
func jsonPath(name string) []string { return strings.Split(name, ".") }

// hostRule says where the host is.
type hostRule struct {
	value
	sender bool // the sender's address
}

// timeRule says where the time is.
type timeRule struct {
	values []value
	as     string // iso, bsd or unix; else the layout is set
	layout *strftime.Layout
}

// get returns the time of the line at hand if it is there and plausible.
func (t *timeRule) get(of *compiled, s *Scratch) (syslog.Stamp, bool) {
	p := t.values[0].get(of, s)
	if len(t.values) > 1 {
		from := len(s.buffer)
		for i := range t.values {
			one := t.values[i].get(of, s)
			if len(one) == 0 || len(one) > maxTime {
				return syslog.Stamp{}, false
			}
			if i > 0 {
				s.buffer = append(s.buffer, ' ')
			}
			s.buffer = append(s.buffer, one...)
		}
		p = s.buffer[from:]
	}
	if len(p) == 0 {
		return syslog.Stamp{}, false
	}
	var stamp syslog.Stamp
	switch t.as {
	case "iso":
		stamp, _ = syslog.ParseISO(p)
	case "bsd":
		stamp, _ = syslog.ParseBSD(p)
	case "unix":
		stamp, _ = syslog.ParseUnix(p)
	default:
		stamp, _ = t.layout.Parse(p)
	}
	return stamp, stamp.Plausible()
}

// maxTime bounds one value of a joined time, in bytes.
const maxTime = 64

func (c *compiled) newTime(d *pack.TimeRule) (timeRule, error) {
	t := timeRule{}
	for i := range d.Values {
		t.values = append(t.values, c.newValue(&d.Values[i]))
	}
	switch t.as = d.As; t.as {
	case "iso", "bsd", "unix":
		return t, nil
	}
	layout, err := strftime.Compile(d.As)
	t.layout = &layout
	return t, err
}

// template is a sourcetype or a source with placeholders: "vmware:esxlog:{program|lower}".
// The part before the first placeholder is constant.
type template struct {
	prefix string
	pieces []piece
}

// piece is a placeholder and the text behind it.
type piece struct {
	value value
	text  string
}

// newTemplate compiles a template.
func (c *compiled) newTemplate(text string) (template, error) {
	var t template
	parts, err := pack.ParseTemplate(text)
	if err != nil {
		return t, err
	}
	for _, p := range parts {
		switch {
		case p.From != "":
			t.pieces = append(t.pieces, piece{value: c.placeholder(p)})
		case len(t.pieces) == 0:
			t.prefix = p.Text
		default:
			t.pieces[len(t.pieces)-1].text = p.Text
		}
	}
	return t, nil
}

func (c *compiled) placeholder(p pack.Part) value {
	v := value{lower: p.Lower, slot: p.Place}
	switch p.From {
	case "key":
		v.kind, v.slot = fromKey, c.keySlot(p.Text)
	case "column":
		v.kind = fromColumn
	case "word":
		v.kind = fromWord
	case "json":
		v.kind, v.path = fromJSON, jsonPath(p.Text)
	case "sd":
		v.kind, v.name = fromSD, []byte(p.Text)
	case "cef":
		v.kind = map[string]valueKind{"vendor": fromVendor, "product": fromProduct, "id": fromID}[p.Text]
	default:
		v.kind = fromProgram
	}
	return v
}

// fill appends what follows the prefix.
func (t *template) fill(of *compiled, s *Scratch) []byte {
	from := len(s.buffer)
	for i := range t.pieces {
		p := &t.pieces[i]
		s.buffer = clean(s.buffer, p.value.get(of, s), p.value.lower)
		s.buffer = append(s.buffer, p.text...)
	}
	return s.buffer[from:len(s.buffer):len(s.buffer)]
}

// maxPlaceholder is how long a value in a sourcetype or a source may be.
const maxPlaceholder = 64

// clean appends a value for a sourcetype or a source. What a name must not have there
// becomes '_'.
func clean(dst, p []byte, toLower bool) []byte {
	for _, c := range p[:min(len(p), maxPlaceholder)] {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '_', c == '.', c == ':', c == '-':
			if toLower {
				c = lower(c)
			}
		default:
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}
