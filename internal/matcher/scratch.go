package matcher

import (
	"bytes"
	"net/netip"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// Line is a message as the matcher sees it: what its headers say, and the device's own text
// behind them. The slices are views into the message.
type Line struct {
	Text    []byte // behind the header and the tag
	Tagged  []byte // with the tag
	Program []byte // the tag
	ProcID  []byte
	MsgID   []byte // of RFC 5424
	Data    []byte // structured data of RFC 5424
	Host    []byte // of the header
	Shape   syslog.Shape
	// Priority is the PRIVAL, or syslog.NoPriority.
	Priority int
	// From is the address of the sender.
	From netip.Addr
}

// Scratch holds the line at hand, the values that were read from it, and what is built of
// them. It is for one goroutine, and kept from message to message.
type Scratch struct {
	Line
	// Found is for the caller: what a pack says of the line at hand.
	Found Match

	// Own is the line that the class of the message comes from. It is kept for rules.
	Own Line
	// Class is the number of the class of the message, for rules. Separator and Tabs say how
	// the pack of the class divides its text.
	Class     int
	Separator byte
	Tabs      bool
	// Searched says that a regular expression was searched for, for rules, which reset it.
	Searched bool

	program  []byte // Line.Program without its folder
	device   []byte // Line.Text behind "CEF:0|" or "LEEF:1.0|"
	isLEEF   bool
	identity []byte // of a Cisco message, without '%'; else the MSGID

	keys   *keys    // that were read
	values [][]byte // of keys
	known  []bool   // which of them were read
	taker  *compiled
	signs  body.Signs
	buffer []byte // of templates, joined times and rebuilt events
}

// Begin makes l the line at hand.
func (s *Scratch) Begin(l *Line) {
	s.Line = *l
	s.Start()
}

// Start begins with the line that the caller has written to s.Line, which saves a copy.
func (s *Scratch) Start() {
	s.keys, s.taker = nil, nil
	s.signs.Reset()
	s.Searched = false
	s.program = s.Program[bytes.LastIndexByte(s.Program, '/')+1:]
	s.device, s.isLEEF = deviceHeader(&s.Line)
	s.identity = s.MsgID
	if p := behindCount(s.Text); len(p) > 1 && p[0] == '%' {
		s.identity = identifier(p[1:])
	}
	s.buffer = s.buffer[:0]
}

// deviceHeader returns what follows the version of a CEF or LEEF message: the vendor, the
// product and the rest. A relay may have taken "CEF:" for the tag.
func deviceHeader(l *Line) (p []byte, isLEEF bool) {
	p = l.Text
	if len(p) < 8 || p[0] != 'C' && p[0] != 'L' && !syslog.IsDigit(p[0]) {
		return nil, false
	}
	switch {
	case bytes.HasPrefix(p, cefSign):
		p = p[len(cefSign):]
	case bytes.HasPrefix(p, leefSign):
		p, isLEEF = p[len(leefSign):], true
	case string(l.Program) == "CEF":
	case string(l.Program) == "LEEF":
		isLEEF = true
	default:
		return nil, false
	}
	i := bytes.IndexByte(p[:min(len(p), 8)], '|')
	if i < 0 {
		return nil, false
	}
	return p[i+1:], isLEEF
}

var cefSign, leefSign = []byte("CEF:"), []byte("LEEF:")

// behindCount skips a sequence number of Cisco devices: "1234: ".
func behindCount(p []byte) []byte {
	i := 0
	for i < len(p) && i < 12 && syslog.IsDigit(p[i]) {
		i++
	}
	if i > 0 && i+1 < len(p) && p[i] == ':' && p[i+1] == ' ' {
		return p[i+2:]
	}
	return p
}

// identifier returns the identifier of a Cisco message at the front of p:
// "FACILITY-SEVERITY-MNEMONIC".
func identifier(p []byte) []byte {
	for i, c := range p[:min(len(p), 96)] {
		if c == ':' || c == ' ' {
			return p[:i]
		}
	}
	return nil
}

// part returns a part of the header of a CEF or LEEF message: vendor 0, product 1, version
// 2, id 3.
func (s *Scratch) part(n int) []byte {
	p := s.device
	for ; ; n-- {
		end := body.Bar(p)
		switch {
		case n == 0 && end < 0:
			return p[:min(len(p), maxPart)]
		case n == 0:
			return p[:min(end, maxPart)]
		case end < 0:
			return nil
		}
		p = p[end+1:]
	}
}

// maxPart bounds a part of the header of a broken CEF message, whose next '|' may be far
// away.
const maxPart = 256

// extension returns what follows the header of a CEF or LEEF message.
func (s *Scratch) extension() []byte {
	p, parts := s.device, 6
	if s.isLEEF {
		parts = 4
	}
	for range parts {
		end := body.Bar(p)
		if end < 0 {
			return nil
		}
		p = p[end+1:]
	}
	return p
}

// attributes returns the attributes of a LEEF message and their separator. LEEF 2.0 names it
// in its header, as a character or as "x09"; LEEF 1.0 has the tab.
func (s *Scratch) attributes() (p []byte, separator byte) {
	p, separator = s.extension(), '\t'
	i := bytes.IndexByte(p[:min(len(p), 6)], '|')
	if i < 0 {
		return p, separator
	}
	switch spec := p[:i]; {
	case i == 1:
		separator = spec[0]
	case i > 2 && spec[i-3] == 'x': // "x09", "0x09"
		separator = syslog.HexDigit(spec[i-2])<<4 | syslog.HexDigit(spec[i-1])
	}
	return p[i+1:], separator
}

// attribute returns the value of an attribute of LEEF. name ends with '='.
func (s *Scratch) attribute(name []byte) []byte {
	p, sep := s.attributes()
	for {
		i := bytes.Index(p, name)
		if i < 0 {
			return nil
		}
		if i == 0 || p[i-1] == sep || p[i-1] == '|' {
			p = p[i+len(name):]
			if end := bytes.IndexByte(p, sep); end >= 0 {
				p = p[:end]
			}
			return p
		}
		p = p[i+len(name):]
	}
}

// key returns the value of a key of the pack: in the text, else as a parameter of the
// structured data.
func (s *Scratch) key(c *compiled, slot int) []byte {
	k := c.keys
	if s.keys != k {
		s.keys = k
		s.forget()
	}
	if !k.ofRules && !s.known[slot] {
		s.known[slot] = true
		s.values[slot] = k.Find(s.Text, &s.signs, slot)
	}
	if s.values[slot] == nil && len(s.Data) != 0 {
		s.values[slot] = s.parameter(k.Names[slot], k.ofRules)
	}
	return s.values[slot]
}

// forget makes room for the values of s.keys. Those of rules are read at once.
func (s *Scratch) forget() {
	if n := len(s.keys.Names); len(s.values) < n {
		s.values, s.known = make([][]byte, n), make([]bool, n)
	}
	clear(s.known)
	if s.keys.ofRules {
		s.readAny(s.keys)
	}
}

// column returns a column, from 1.
func (s *Scratch) column(c *compiled, n int) []byte {
	if c.tabs || c.keys.ofRules && s.Tabs {
		return nth(s.Text, '\t', n)
	}
	columns := body.Columns{Line: s.Text}
	return columns.At(n - 1)
}

// word returns a word of the text, from 1.
func (s *Scratch) word(n int) []byte {
	p := syslog.SkipBlanks(s.Text)
	for ; n > 1; n-- {
		i := bytes.IndexByte(p, ' ')
		if i < 0 {
			return nil
		}
		p = syslog.SkipBlanks(p[i:])
	}
	w, _ := syslog.Word(p)
	return w
}

// nth returns part n, from 1, of a text that a character divides.
func nth(p []byte, sep byte, n int) []byte {
	for ; n > 1; n-- {
		i := bytes.IndexByte(p, sep)
		if i < 0 {
			return nil
		}
		p = p[i+1:]
	}
	if i := bytes.IndexByte(p, sep); i >= 0 {
		p = p[:i]
	}
	return p
}

// parameter returns the value of a parameter of the structured data (RFC 5424 section 6.3.3).
// Check Point writes [action:"Accept"; service:"53"], which loose reads too.
func (s *Scratch) parameter(name []byte, loose bool) []byte {
	p := s.Data
	for {
		i := bytes.Index(p, name)
		if i < 0 {
			return nil
		}
		end := i + len(name)
		if i > 0 && (p[i-1] == ' ' || loose && p[i-1] == '[') && end+1 < len(p) && (p[end] == '=' || loose && p[end] == ':') && p[end+1] == '"' {
			p = p[end+2:]
			if quote := body.StringEnd(p, 0); quote >= 0 {
				return p[:quote]
			}
			return nil
		}
		p = p[end:]
	}
}
