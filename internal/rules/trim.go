package rules

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// trim makes texts shorter.
type trim struct {
	keys                [][]byte
	empty, spaces, tabs bool
	// hidden are the texts by which masks find values. A key that ends with one, or that is in
	// one, is never taken for empty: without it the masks would not find what may be its value.
	hidden [][]byte
}

func newTrim(d *pack.Trim) *trim {
	if d == nil {
		return nil
	}
	t := &trim{empty: d.Empty, spaces: d.Spaces, tabs: d.Tabs}
	for _, name := range d.Keys {
		t.keys = append(t.keys, []byte(name))
	}
	return t
}

// trim returns a text without what t removes. own is the device's own text, which the text
// ends with in most forms of events: what is before it is a header, and stays.
func (a *Actor) trim(t *trim, text, own []byte, f matcher.Form) []byte {
	from := 0
	if len(own) != 0 && bytes.HasSuffix(text, own) {
		from = len(text) - len(own)
	}
	a.first, a.spare = a.spare, a.first // text may be in one of them
	dst := append(a.first[:0], text[:from]...)
	rest := text[from:]
	if len(t.keys) != 0 || t.empty {
		begin := len(dst)
		switch {
		case isXML(rest):
			dst = append(dst, rest...)
		case f.Object || len(rest) != 0 && rest[0] == '{':
			dst = t.object(dst, rest)
		case f.CEF:
			dst = t.cef(dst, rest)
		case endsWithObject(rest):
			dst = t.object(dst, rest)
		default:
			dst = t.pairs(dst, rest, f.Separator)
		}
		rest = dst[begin:]
	} else {
		begin := len(dst)
		dst = append(dst, rest...)
		rest = dst[begin:]
	}
	if t.spaces || t.tabs {
		dst = dst[:from+len(t.blanks(rest))]
	}
	a.first = dst
	return dst
}

// isXML reports whether a text is a document of XML, whose attributes are no pairs: it ends with
// the end of an element, or, if it is cut, its first tag names a namespace.
func isXML(p []byte) bool {
	if end := bytes.TrimRight(p, " \t\r\n"); bytes.HasSuffix(end, endOfTag) && bytes.Contains(end, endOfElement) {
		return true
	}
	i := bytes.IndexByte(p, '>')
	return i >= 0 && bytes.Contains(p[:i], namespace)
}

var endOfTag, endOfElement, namespace = []byte(">"), []byte("</"), []byte("xmlns=")

// endsWithObject reports whether a text ends with an object of JSON behind words that are no
// pairs: "@cee: {…}".
func endsWithObject(p []byte) bool {
	if len(p) == 0 || p[len(p)-1] != '}' {
		return false
	}
	i := bytes.IndexByte(p, '{')
	if i < 0 || bytes.IndexByte(p[:i], '=') >= 0 {
		return false
	}
	i = skipBlanks(p, i+1)
	return p[i] == '"'
}

// removes reports whether a key with its value is removed. A value of nothing but quotes is
// empty, and so is null.
func (t *trim) removes(key, value []byte) bool {
	if t.empty {
		if value = bytes.TrimSpace(value); len(value) == 0 || string(value) == `""` || string(value) == "null" {
			return !t.finds(key) || t.has(key)
		}
	}
	return t.has(key)
}

// finds reports whether masks find a value by a key.
func (t *trim) finds(key []byte) bool {
	for _, text := range t.hidden {
		if n := len(key) - len(text); n >= 0 && bytes.EqualFold(key[n:], text) || bytes.Contains(text, key) {
			return true
		}
	}
	return false
}

// has reports whether a key is one of those that are always removed.
func (t *trim) has(key []byte) bool {
	for _, k := range t.keys {
		if len(k) == len(key) && string(k) == string(key) {
			return true
		}
	}
	return false
}

// pairs appends a text of key=value without pairs. A value that has no end stays, and so does
// what follows it.
func (t *trim) pairs(dst, p []byte, separator byte) []byte {
	kept, start := 0, len(dst)
	for at := 0; ; {
		i := bytes.IndexByte(p[at:], '=')
		if i < 0 {
			break
		}
		i += at
		begin := i
		for begin > at && nameByte[p[begin-1]] {
			begin--
		}
		if begin == i || begin != 0 && !divides(p[begin-1], separator) {
			at = i + 1
			continue
		}
		end, ok := pairEnd(p, i+1, separator)
		if !ok {
			break
		}
		if at = end; !t.removes(p[begin:i], p[i+1:end]) || end == i+1 && !t.has(p[begin:i]) && goesOn(p, end, separator) || // "" is empty, and ""x"" is not
			string(p[i+1:end]) == `""` && end < len(p) && !divides(p[end], separator) {
			continue
		}
		last := end == len(p)
		if !last && divides(p[end], separator) { // with what is behind it
			end++
		}
		dst = append(dst, p[kept:begin]...)
		if last && len(dst) > start && divides(dst[len(dst)-1], separator) { // with what is before it
			dst = dst[:len(dst)-1]
		}
		kept, at = end, end
	}
	return append(dst, p[kept:]...)
}

// goesOn reports whether a value that seems to be empty may stand behind the blank at p[at]:
// "password= x". Without its key a mask would not find it.
func goesOn(p []byte, at int, separator byte) bool {
	if separator != 0 || at == len(p) || p[at] != ' ' && p[at] != '\t' {
		return false
	}
	at = skipBlanks(p, at)
	return at < len(p) && !hasKey(p[at:])
}

// divides reports whether a byte stands between pairs.
func divides(c, separator byte) bool {
	if separator != 0 {
		return c == separator
	}
	return c == ' ' || c == '\t' || c == ',' || c == ';'
}

// pairEnd returns the end of the value at p[at]. ok is false if a quote has no end.
func pairEnd(p []byte, at int, separator byte) (end int, ok bool) {
	if at < len(p) && p[at] == '"' {
		if end = (quote{sign: '"'}).end(p, at+1); at+1 < len(p) && p[at+1] == '"' {
			end = at + 1
		}
		return end + 1, end >= 0
	}
	for end = at; end < len(p) && (separator == 0 && p[end] > ' ' && p[end] != ',' && p[end] != ';' || separator != 0 && p[end] != separator); {
		end++
	}
	return end, true
}

// cef appends the text of a CEF message without keys of its extension.
func (t *trim) cef(dst, p []byte) []byte {
	c := body.ParseCEF(p)
	from := len(p) - len(c.Extension)
	kept := 0
	for at := from; at < len(p); {
		i := bytes.IndexByte(p[at:], '=')
		if i < 0 {
			break
		}
		i += at
		begin := i
		for begin > at && nameByte[p[begin-1]] {
			begin--
		}
		if at = i + 1; begin == i || begin > from && p[begin-1] != ' ' {
			continue
		}
		end := extensionOf(p, i+1).to
		if !t.removes(p[begin:i], p[i+1:end]) && !t.labels(p[from:], p[begin:i]) {
			continue
		}
		for end < len(p) && p[end] == ' ' {
			end++
		}
		dst = append(dst, p[kept:begin]...)
		if n := len(dst); end == len(p) && n != 0 && dst[n-1] == ' ' {
			dst = dst[:n-1]
		}
		kept, at = end, end
	}
	return append(dst, p[kept:]...)
}

// labels reports whether a key of an extension is the label of one that is removed, or that
// is not there: "cs1Label=Policy cs1=".
func (t *trim) labels(extension, key []byte) bool {
	of, ok := bytes.CutSuffix(key, labelSuffix)
	if !ok || !t.empty || len(of) > maxLabelled {
		return false
	}
	var buffer [maxLabelled + 2]byte
	value := body.ExtensionText(extension, append(append(append(buffer[:0], ' '), of...), '='))
	return t.removes(of, value)
}

var labelSuffix = []byte("Label")

// maxLabelled bounds the name of a key that has a label, such as deviceCustomFloatingPoint1.
const maxLabelled = 32

// object appends an object of JSON without members. Objects in it stay as they are.
func (t *trim) object(dst, p []byte) []byte {
	start := len(dst)
	open := bytes.IndexByte(p, '{')
	if open < 0 {
		return append(dst, p...)
	}
	dst = append(dst, p[:open+1]...)
	for at, first := open+1, true; ; {
		begin := at // of the member, with the blanks before it
		for at < len(p) && (p[at] <= ' ') {
			at++
		}
		if at == len(p) || p[at] != '"' {
			return append(dst, p[begin:]...)
		}
		end := body.StringEnd(p, at+1)
		if end < 0 {
			break
		}
		name := p[at+1 : end]
		for end++; end < len(p) && p[end] <= ' '; {
			end++
		}
		if end == len(p) || p[end] != ':' {
			break
		}
		value := end + 1
		if end = body.MemberEnd(p, value); end < 0 {
			break
		}
		if !t.removes(name, p[value:end]) {
			if !first {
				dst = append(dst, ',')
			}
			dst, first = append(dst, p[begin:end]...), false
		}
		if p[end] == '}' {
			return append(dst, p[end:]...)
		}
		at = end + 1
	}
	return append(dst[:start], p...) // broken
}

// blanks decodes "#011" and makes one blank of runs of them, in place. Blanks at the end go.
func (t *trim) blanks(p []byte) []byte {
	to := 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		if t.tabs && c == '#' && i+3 < len(p) && p[i+1] == '0' && p[i+2] == '1' && p[i+3] == '1' {
			c = '\t'
			i += 3
		}
		if t.spaces && c == ' ' && to > 0 && p[to-1] == ' ' {
			continue
		}
		p[to] = c
		to++
	}
	for t.spaces && to > 0 && p[to-1] == ' ' {
		to--
	}
	return p[:to]
}
