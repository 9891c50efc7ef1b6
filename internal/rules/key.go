package rules

import (
	"bytes"
	"math"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// hideKey hides the values of a key: key=value, key="value", "key": "value", key: value,
// <key>value</key>, <x name="key">value</x>, also within strings of JSON and in URLs.
func (h *hider) hideKey(m *mask, p []byte, f matcher.Form) {
	for at := 0; at < len(p); {
		i := bytes.Index(p[at:], m.first)
		if i < 0 {
			return
		}
		i += at
		at = i + 1
		if !begins(p, i) {
			continue
		}
		v := valueOf(p, i, i+len(m.first), f)
		if v.to == 0 {
			continue
		}
		h.add(m, v.from, v.to, p[v.wrap:int(v.wrap)+int(v.wrapSize)])
		if v.kind != closed {
			h.ends(open{v.kind, v.quote, v.until, m})
		}
		at = max(at, v.to)
	}
}

// value is where the value of a key is. to is 0 if there is none.
type value struct {
	from, to int
	wrap     int32 // where the quotes are that the value lacks
	wrapSize uint16
	kind     openKind
	until    byte
	quote    quote
}

// begins reports whether a key can begin at p[i].
func begins(p []byte, i int) bool {
	if i == 0 {
		return true
	}
	if !nameByte[p[i-1]] {
		return true
	}
	j := i
	for j > 0 && i-j < maxDashes && (p[j-1] == '-' || p[j-1] == '.') { // "--password=" begins one, "x-password=" does not
		j--
	}
	if i-j == maxDashes {
		return true
	}
	if j < i && (j == 0 || !nameByte[p[j-1]]) {
		return true
	}
	switch {
	case i >= 2 && p[i-2] == '\\': // "\n", "\t" in a string
		return bytes.IndexByte(escapes, p[i-1]) >= 0
	case i >= 3 && p[i-3] == '%': // "%20"
		return syslog.IsHex(p[i-2]) && syslog.IsHex(p[i-1])
	case i >= 4 && p[i-4] == '#': // "#011"
		return isOctal(p[i-3]) && isOctal(p[i-2]) && isOctal(p[i-1])
	case i >= 4 && p[i-4] == '\\' && p[i-3] == 'x': // "\x22"
		return true
	case i >= 6 && p[i-6] == '\\' && p[i-5] == 'u': // "\u0020"
		return true
	}
	return false
}

// encodedQuote returns the length of a quote at p[i] that is encoded as in URLs, in XML, or in
// strings: "%22", "&quot;", "\x22", "\u0022", with any number of backslashes; 0 if there is
// none.
func encodedQuote(p []byte, i int) int {
	if i == len(p) {
		return 0
	}
	begin := i
	switch p[i] {
	case '\\':
		for i < len(p) && p[i] == '\\' {
			i++
		}
		for _, code := range stringQuotes {
			if bytes.HasPrefix(p[i:], code) {
				return i + len(code) - begin
			}
		}
	case '%', '&':
		for _, code := range textQuotes {
			if bytes.HasPrefix(p[i:], code) {
				return len(code)
			}
		}
	}
	return 0
}

// encodedEnd returns where a text ends that begins at p[at] behind an encoded quote, or -1. A
// quote behind an odd number of backslashes, encoded or not, is escaped.
func encodedEnd(p []byte, at int, quote []byte) int {
	for i := at; ; {
		j := bytes.Index(p[i:], quote)
		if j < 0 {
			return -1
		}
		i += j
		n := 0
		for end := i; end > at; n++ {
			size := encodedBackslash(p[at:end])
			if size == 0 {
				break
			}
			end -= size
		}
		if n%2 == 0 {
			return i
		}
		i += len(quote)
	}
}

// encodedBackslash returns the length of a backslash at the end of p, encoded or not, or 0.
func encodedBackslash(p []byte) int {
	if len(p) != 0 && p[len(p)-1] == '\\' {
		return 1
	}
	for _, code := range backslashes {
		if n := len(p) - len(code); n >= 0 && bytes.EqualFold(p[n:], code) {
			return len(code)
		}
	}
	return 0
}

var backslashes = [][]byte{[]byte(`\x5c`), []byte("%5c"), []byte(`\u005c`), []byte("&#92;")}

var (
	stringQuotes = [][]byte{[]byte("x22"), []byte("x27"), []byte("u0022"), []byte("u0027")}
	textQuotes   = [][]byte{[]byte("%22"), []byte("%27"), []byte("&quot;"), []byte("&#34;"), []byte("&apos;"), []byte("&#39;")}
)

// maxDashes bounds the search for what is before dashes and dots.
const maxDashes = 8

var escapes = []byte("nrtbfv0")

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// nameByte are the bytes of keys.
var nameByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.'
	}
	return t
}()

// valueOf returns the value of the key p[start:end].
func valueOf(p []byte, start, end int, f matcher.Form) value {
	i, quoted := end, 0
	if start > 0 && (p[start-1] == '"' || p[start-1] == '\'') { // "key", or \"key\" within a string
		for i < len(p) && p[i] == '\\' {
			i++
		}
		if i < len(p) && p[i] == p[start-1] {
			i++
			quoted = i - end
		} else {
			i = end
		}
	} else {
		i += encodedQuote(p, i)
	}
	sign := skipBlanks(p, i)
	if sign == len(p) {
		return value{}
	}
	equals := false
	v := sign + 1
	switch c := p[sign]; {
	case c == '=':
		equals = true
		if v < len(p) && (p[v] == '>' || p[v] == '=') {
			v++
		}
	case c == ':':
		if v < len(p) && p[v] == '=' {
			v++
		}
	case c == '%' && sign+2 < len(p) && p[sign+1] == '3' && (p[sign+2]|0x20 == 'd' || p[sign+2]|0x20 == 'a'):
		v = sign + 3
	case c == '\\' && bytes.HasPrefix(p[sign:], unicodeEquals): // "\u003d" in a string
		v = sign + len(unicodeEquals)
	case c == '>' && (quoted != 0 || start > 0 && p[start-1] == '<'):
		return elementOf(p, v)
	default:
		return value{}
	}
	if equals && quoted == 0 {
		if f.CEF {
			return extensionOf(p, v)
		}
		if f.Separator != 0 && (v == len(p) || p[v] != '"') {
			return separated(p, v, f.Separator)
		}
	}
	at := skipBlanks(p, v)
	if at == len(p) {
		return value{}
	}
	if equals && at > v && sign == i && hasKey(p[at:]) { // "user= action=deny"
		return value{}
	}
	return scalarOf(p, at, end, quoted, f)
}

var unicodeEquals = []byte(`\u003d`)

func skipBlanks(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t') {
		i++
	}
	return i
}

// hasKey reports whether p begins with "key=".
func hasKey(p []byte) bool {
	i := 0
	for i < len(p) && nameByte[p[i]] {
		i++
	}
	return i > 0 && i < len(p) && p[i] == '='
}

// scalarOf returns the value at p[at]: quoted, in brackets, or a word. The quotes of its key
// are p[end:end+quoted].
func scalarOf(p []byte, at, end, quoted int, f matcher.Form) value {
	if q, n := quoteAt(p, at); n != 0 {
		if q.sign != 0 && n == 1 && at+1 < len(p) && p[at+1] == q.sign { // "" is empty, ""x"" is x in a column of CSV
			if at+2 == len(p) || !nameByte[p[at+2]] && p[at+2] < 0x80 {
				return value{}
			}
			q.doubled, n = true, 2
		}
		from := at + n
		if end := q.end(p, from); end >= 0 {
			return value{from: from, to: end}
		}
		return value{from: from, to: len(p), kind: openQuote, quote: q}
	}
	if n := encodedQuote(p, at); n != 0 {
		from := at + n
		if end := encodedEnd(p, from, p[at:from]); end >= 0 {
			return value{from: from, to: end}
		}
		return value{from: from, to: len(p), kind: openLost}
	}
	v := value{from: at, to: len(p)}
	if quoted != 0 && quoted < math.MaxUint16 && p[end+quoted-1] == '"' {
		v.wrap, v.wrapSize = int32(end), uint16(quoted)
	}
	switch p[at] {
	case '{', '[':
		if end := structureEnd(p, at); end >= 0 {
			v.to = end
		}
		return v
	}
	if v.wrapSize != 0 { // a number or a word of JSON
		end := at
		for end < len(p) && p[end] > ' ' && p[end] != ',' && p[end] != '}' && p[end] != ']' {
			end++
		}
		return v.ending(p, end)
	}
	return v.ending(p, wordEnd(p, at, f))
}

// ending returns a word as a value. One that ends with the text may go on.
func (v value) ending(p []byte, to int) value {
	if v.to = to; to == len(p) {
		v.kind = openWord
	}
	for v.to > v.from+1 && v.kind == closed && (p[v.to-1] == ',' || p[v.to-1] == ';') {
		v.to--
	}
	return v
}

// wordEnd returns the end of the word that begins at p[at]. Quotes in it may have blanks
// between them. Within a string of an object it ends with the string.
func wordEnd(p []byte, at int, f matcher.Form) int {
	for i := at; i < len(p); i++ {
		switch c := p[i]; {
		case c <= ' ':
			return i
		case c == '\\':
			i++
		case c == '"' && f.Object:
			return i
		case c == '"':
			end := (quote{sign: '"'}).end(p, i+1)
			if end < 0 {
				return len(p)
			}
			i = end
		}
	}
	return len(p)
}

// separated returns a value that a character ends.
func separated(p []byte, at int, separator byte) value {
	if i := bytes.IndexByte(p[at:], separator); i >= 0 {
		return value{from: at, to: at + i}
	}
	return value{from: at, to: len(p), kind: openUntil, until: separator}
}

// extensionOf returns a value of CEF, which ends before the next " key=".
func extensionOf(p []byte, at int) value {
	for i := at; ; {
		j := bytes.IndexByte(p[i:], '=')
		if j < 0 {
			return value{from: at, to: len(p), kind: openExtension}
		}
		i += j
		key := i
		for key > at && (nameByte[p[key-1]] || p[key-1] == '[' || p[key-1] == ']') {
			key--
		}
		if key < i && key > at && p[key-1] == ' ' {
			end := key - 1
			for end > at && p[end-1] == ' ' {
				end--
			}
			return value{from: at, to: end}
		}
		i++
	}
}

// elementOf returns the text of an element of XML.
func elementOf(p []byte, at int) value {
	if i := bytes.IndexByte(p[at:], '<'); i >= 0 {
		return value{from: at, to: at + i}
	}
	return value{from: at, to: len(p), kind: openUntil, until: '<'}
}

// quote is a quote and what escapes it.
type quote struct {
	sign    byte
	doubled bool   // ""
	level   uint16 // backslashes before it: 1 within a string of JSON, 3 within a string within that
}

// quoteAt returns the quote at p[at] and its length.
func quoteAt(p []byte, at int) (q quote, n int) {
	i := at
	for i < len(p) && p[i] == '\\' {
		i++
	}
	if i == len(p) || p[i] != '"' && p[i] != '\'' || p[i] == '\'' && i > at {
		return quote{}, 0
	}
	return quote{sign: p[i], level: uint16(min(i-at, math.MaxUint16))}, i + 1 - at
}

// end returns where the quoted text that begins at p[at] ends, or -1. An escaped quote does
// not end it, and neither does a doubled one.
func (q quote) end(p []byte, at int) int {
	for i := at; ; i++ {
		j := bytes.IndexByte(p[i:], q.sign)
		if j < 0 {
			return -1
		}
		i += j
		if q.doubled {
			if i+1 < len(p) && p[i+1] == q.sign {
				return i
			}
			continue
		}
		n, level := 0, int(q.level)
		for i-n > 0 && p[i-n-1] == '\\' {
			n++
		}
		switch {
		case n < level: // the string around it ends
			return i - n
		case (n-level)%(2*(level+1)) != 0: // escaped
		case level == 0 && i+1 < len(p) && p[i+1] == q.sign: // doubled
			i++
		default:
			return i - level
		}
	}
}

// structureEnd returns the end of an object or a list that begins at p[at], or -1.
func structureEnd(p []byte, at int) int {
	depth := 0
	for i := at; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			end := (quote{sign: '"'}).end(p, i+1)
			if end < 0 {
				return -1
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
