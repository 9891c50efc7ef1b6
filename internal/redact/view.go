package redact

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// view is a text without escapes and without wrapping, in which secrets can be found. It
// has the position in the original text of each byte.
type view struct {
	text string
	from []int // for each byte: the first byte in the original
	to   []int // and the one behind the last
}

// maxViews is how many times a text is unescaped. A proxy that quotes the page of another
// proxy escapes it again.
const maxViews = 5

// views returns the text as it is, unescaped once, unescaped twice and so on, until nothing
// changes. If a text has HTML tags, the views also have it without them.
func views(text string) []view {
	v := view{text: text}
	for i := range len(text) {
		v.from, v.to = append(v.from, i), append(v.to, i+1)
	}
	var all []view
	for range maxViews {
		all = append(all, v.without(wraps))
		if strings.ContainsRune(v.text, '<') {
			all = append(all, v.without(tags))
		}
		next := v.unescaped()
		if next.text == v.text {
			break
		}
		v = next
	}
	return all
}

// hide hides the original of the bytes i to j.
func (v view) hide(hide []bool, i, j int) {
	for k := v.from[i]; k < v.to[j-1]; k++ {
		hide[k] = true
	}
}

// alone reports whether no letter or digit is next to the bytes i to j.
func (v view) alone(i, j int) bool {
	word := func(k int) bool {
		if k < 0 || k >= len(v.text) {
			return false
		}
		c := v.text[k]
		return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
	}
	// Bytes that were omitted between two bytes separate them too.
	before := word(i-1) && v.to[i-1] == v.from[i]
	after := word(j) && v.to[j-1] == v.from[j]
	return !before && !after
}

// builder makes a view from another one.
type builder struct {
	of view
	b  strings.Builder
	v  view
}

// put writes text instead of the bytes i to j of the other view.
func (b *builder) put(text string, i, j int) {
	b.b.WriteString(text)
	for range len(text) {
		b.v.from = append(b.v.from, b.of.from[i])
		b.v.to = append(b.v.to, b.of.to[j-1])
	}
}

// view returns the new view.
func (b *builder) view() view {
	b.v.text = b.b.String()
	return b.v
}

// without omits bytes: skip returns how many of them a text begins with.
func (v view) without(skip func(string) int) view {
	b := builder{of: v}
	for i := 0; i < len(v.text); {
		if n := skip(v.text[i:]); n > 0 {
			i += n
			continue
		}
		b.put(v.text[i:i+1], i, i+1)
		i++
	}
	return b.view()
}

// invisible are characters without a visible form, other than spaces and controls.
const invisible = "\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff"

// wraps returns the length of what wraps a line at the front of a text: spaces, controls,
// invisible characters, and the = or \ before an end of line.
func wraps(text string) int {
	if c := text[0]; c <= ' ' || c == 0x7f {
		return 1
	}
	if len(text) > 1 && (text[0] == '=' || text[0] == '\\') && (text[1] == '\r' || text[1] == '\n') {
		return 2
	}
	if text[0] < utf8.RuneSelf {
		return 0
	}
	if r, n := utf8.DecodeRuneInString(text); strings.ContainsRune(invisible, r) && r != utf8.RuneError {
		return n
	}
	return 0
}

// tags is wraps and also skips HTML tags.
func tags(text string) int {
	if text[0] == '<' && len(text) > 1 && (text[1] == '/' || text[1] == '!' || 'a' <= text[1]|0x20 && text[1]|0x20 <= 'z') {
		if end := strings.IndexByte(text, '>'); end > 0 {
			return end + 1
		}
	}
	return wraps(text)
}

// unescaped removes one layer of escapes of all kinds.
func (v view) unescaped() view {
	b := builder{of: v}
	for i := 0; i < len(v.text); {
		plain, n := unescape(v.text[i:])
		b.put(plain, i, i+n)
		i += n
	}
	return b.view()
}

// unescape returns the first character of a text without its escape, and its length in
// the text.
func unescape(text string) (string, int) {
	switch text[0] {
	case '%':
		if c, ok := code(text, 1, 2, 16); ok {
			return string([]byte{byte(c)}), 3
		}
	case '&':
		return entity(text)
	case '\\':
		return backslash(text)
	}
	return text[:1], 1
}

// entity reads an HTML entity, with or without its semicolon.
func entity(text string) (string, int) {
	end := 1
	for end < len(text) && end < 12 && (text[end] == '#' || '0' <= text[end] && text[end] <= '9' ||
		'a' <= text[end]|0x20 && text[end]|0x20 <= 'z') {
		end++
	}
	if strings.HasPrefix(text, "&#") { // the entity may end before the digits do
		return number(text[:end], end < len(text) && text[end] == ';')
	}
	if end == len(text) || text[end] != ';' {
		return text[:1], 1
	}
	plain := html.UnescapeString(text[:end+1])
	if plain == text[:end+1] {
		return text[:1], 1
	}
	return plain, end + 1
}

// number reads &#45 or &#x2d. closed says that a semicolon follows.
func number(text string, closed bool) (string, int) {
	digits, base := text[2:], 10
	if len(digits) > 0 && digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	n := 0
	for n < len(digits) && (digits[n] <= '9' || base == 16 && digits[n]|0x20 <= 'f') {
		n++
	}
	c, err := strconv.ParseUint(digits[:n], base, 21)
	if err != nil || c == 0 {
		return text[:1], 1
	}
	length := len(text) - len(digits) + n
	if closed && n == len(digits) {
		length++
	}
	return string(rune(c)), length
}

// backslash reads the escapes of JSON and of quoted text: \u002d, \x2d, \/ and \n.
func backslash(text string) (string, int) {
	if len(text) < 2 {
		return text, len(text)
	}
	switch c := text[1]; c {
	case 'u', 'U', 'x':
		n := map[byte]int{'u': 4, 'U': 8, 'x': 2}[c]
		if v, ok := code(text, 2, n, 16); ok {
			if c == 'x' {
				return string([]byte{byte(v)}), 4
			}
			return string(rune(v)), 2 + n
		}
	case 'n', 'r', 't', 'f':
		return " ", 2
	case '/', '"', '\'', '\\':
		return text[1:2], 2
	}
	return text[:1], 1
}

// code reads n digits at a position.
func code(text string, at, n, base int) (uint64, bool) {
	if len(text) < at+n {
		return 0, false
	}
	v, err := strconv.ParseUint(text[at:at+n], base, 32)
	return v, err == nil && v > 0
}
