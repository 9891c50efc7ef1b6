package mix

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"syslog-gateway/bench/marker"
)

// A template is literal text with fields in between: %{name} or %{name argument}.
// Fields are the keys of fieldFuncs and of layouts; %{marker} occurs exactly once.
type template struct {
	pieces []piece
}

type piece struct {
	literal string
	field   fieldFunc // nil for a literal
	arg     string
}

// fieldFunc appends one field to the message.
type fieldFunc func(p *painter, arg string)

// layouts are the header times that are patched while sending. Each has the same
// width at any time.
var layouts = map[string]string{
	"bsd":   "Jan _2 15:04:05",          // RFC 3164
	"asa":   "Jan 02 2006 15:04:05",     // Cisco "logging timestamp"
	"iso":   "2006-01-02T15:04:05",      // RFC 3339 up to the seconds
	"pan":   "2006/01/02 15:04:05",      // PAN-OS CSV
	"snare": "Mon Jan _2 15:04:05 2006", // Snare submit time
}

// compile reads a template.
func compile(text string) (template, error) {
	var t template
	fields := fieldFuncs()
	markers := 0
	for text != "" {
		before, rest, found := strings.Cut(text, "%{")
		if before != "" {
			t.pieces = append(t.pieces, piece{literal: before})
		}
		if !found {
			break
		}
		body, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, fmt.Errorf("template field %q is not closed", rest)
		}
		name, arg, _ := strings.Cut(body, " ")
		f, known := fields[name]
		if !known {
			return t, fmt.Errorf("template field %%{%s} is unknown", body)
		}
		if name == "marker" {
			markers++
		}
		t.pieces = append(t.pieces, piece{field: f, arg: arg})
		text = after
	}
	if markers != 1 {
		return t, fmt.Errorf("template has %d %%{marker} fields, want 1", markers)
	}
	return t, nil
}

// painter renders templates one after the other into one buffer.
type painter struct {
	out    []byte
	rng    *rand.Rand
	now    time.Time
	memo   map[string]string // fields that keep their value within one message
	marker int               // offset of the marker of the message at hand
	slots  []slot
}

// slot is a header time in the buffer.
type slot struct {
	at     int
	layout string
}

// paint appends one message.
func (p *painter) paint(t template) {
	clear(p.memo)
	for _, piece := range t.pieces {
		if piece.field == nil {
			p.out = append(p.out, piece.literal...)
			continue
		}
		piece.field(p, piece.arg)
	}
}

// stamp appends a header time that Ring.Refresh will keep current.
func (p *painter) stamp(layout string) {
	p.slots = append(p.slots, slot{len(p.out), layout})
	p.out = p.now.AppendFormat(p.out, layout)
}

func (p *painter) putMarker(string) {
	p.marker = len(p.out)
	p.out = append(p.out, marker.Blank...)
}

// once appends the value that name already has in this message, or draws it.
func (p *painter) once(name string, draw func() string) {
	v, ok := p.memo[name]
	if !ok {
		v = draw()
		p.memo[name] = v
	}
	p.out = append(p.out, v...)
}
