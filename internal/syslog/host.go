package syslog

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Kinds of characters of the names and addresses of hosts. Bytes of no kind are those
// that give text a form.
const (
	lower = 1 << iota
	upper
	digit
	dot
	mark    // what people put into names besides
	high    // part of a UTF-8 character
	address // only of an IPv6 address
)

var hostByte = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = lower
		case c >= 'A' && c <= 'Z':
			t[c] = upper
		case c >= '0' && c <= '9':
			t[c] = digit
		case c >= utf8.RuneSelf:
			t[c] = high
		}
	}
	t['.'] = dot
	for _, c := range "-_@+&#'()!~$^`" {
		t[c] = mark
	}
	for _, c := range ":%[]" {
		t[c] = address
	}
	return t
}()

// Host returns the name or address of a device as events show it, when the word w can
// be one, else nil. It is the only rule for hosts, wherever in a message they stand.
//
// A name is what administrators make of it, not what RFC 952 allows: "UCK-G2+",
// "U6+", "Joe's-UDM", "UDM(Home)", "fw#1", "Büro-AP". It begins with a letter, a digit
// or '_', has at least one letter, and goes on with everything that gives text no form:
// a blank, a quote, a bracket of [] {} <>, and = | , ; : / \ % * ? end a name,
// because words that hold them are tags, keys with values, columns, CEF, JSON, XML,
// paths, message identifiers. UTF-8 must be valid and printable. The dot at the end of
// an absolute name is dropped, an empty label is refused.
//
// An address is one of IPv4 without leading zeros, or of IPv6 (RFC 4291 section 2.2),
// also in brackets or with a zone, both of which are dropped. An IPv4 address mapped
// into IPv6 is the IPv4 address. The unspecified address is no host.
//
// Words that stand where a host should, and never are one: numbers and dates, zones,
// AM and PM, months and days, severities and "facility.severity", the uptime of IOS,
// the tag of Snare, what holds a control character that rsyslog escaped ("#011").
//
// A name of several words cannot be told from a name and the text behind it: its first
// word is the host.
func Host(w []byte) []byte {
	var seen byte
	for _, c := range w {
		kind := hostByte[c]
		if kind == 0 {
			return nil
		}
		seen |= kind
	}
	return host(w, seen)
}

// host is Host for a word of the given kinds of characters.
func host(w []byte, seen byte) []byte {
	if len(w) == 0 || len(w) > 255 {
		return nil
	}
	if seen&address != 0 {
		return hostAddress(w)
	}
	whole := w
	if w[len(w)-1] == '.' {
		w = w[:len(w)-1]
	}
	switch {
	case seen&(lower|upper|high) == 0:
		if !isIPv4(w) || string(w) == "0.0.0.0" {
			return nil
		}
	case hostByte[w[0]]&(dot|mark) != 0 && w[0] != '_',
		seen&dot != 0 && bytes.Contains(whole, twoDots),
		seen&high != 0 && !isPrintable(w),
		isReserved(w, seen):
		return nil
	}
	return w
}

var twoDots = []byte("..")

// hostname returns the length of the word at the front of p when it can be the name
// or address of a host, with what Host makes of it, or is the NILVALUE; else 0.
func hostname(p []byte) (int, []byte) {
	var seen byte
	n := 0
	for n < len(p) && hostByte[p[n]] != 0 {
		seen |= hostByte[p[n]]
		n++
	}
	if n < len(p) && p[n] != ' ' && p[n] != '\t' {
		return 0, nil
	}
	if n == 1 && p[0] == '-' {
		return n, nil
	}
	if h := host(p[:n], seen); h != nil {
		return n, h
	}
	return 0, nil
}

// maxReserved is the length of the longest zone with an offset, and of the longest severity.
const maxReserved = 16

// isReserved reports whether a word with letters is one of those that stand where a
// host should and are none.
func isReserved(w []byte, seen byte) bool {
	switch {
	case seen&lower == 0 && len(w) <= maxReserved && (isZone(w) || isLogLevel(w)),
		len(w) == 3 && isMonthOrDay(w),
		len(w) < 5 && isMeridiem(w),
		seen&dot != 0 && IsLevel(w),
		IsDigit(w[0]) && isUptime(w),
		string(w) == "MSWinEventLog":
		return true
	}
	if seen&mark != 0 {
		i := bytes.IndexByte(w, '#')
		return i >= 0 && i+3 < len(w) && w[i+1] == '0' && IsDigit(w[i+2]) && IsDigit(w[i+3])
	}
	return false
}

// isPrintable reports whether a word is valid UTF-8 of characters that can be seen,
// the first of which is no punctuation.
func isPrintable(w []byte) bool {
	for i := 0; i < len(w); {
		r, n := utf8.DecodeRune(w[i:])
		if r == utf8.RuneError || !unicode.IsPrint(r) || i == 0 && unicode.IsPunct(r) && r != '_' {
			return false
		}
		i += n
	}
	return true
}

// isMonthOrDay reports whether the three letters of w are the English short name of a
// month or a day, "Mar" or "MAR". In small letters they may be a name ("sun").
func isMonthOrDay(w []byte) bool {
	if !IsUpper(w[0]) || w[1]&0x20 != w[2]&0x20 {
		return false
	}
	if monthOf(w[0], w[1], w[2]) != 0 {
		return true
	}
	switch string([]byte{w[0], w[1] | 0x20, w[2] | 0x20}) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// isMeridiem reports whether w is nothing but the AM or PM of a time.
func isMeridiem(w []byte) bool {
	_, n := meridiem(w)
	return n == len(w)
}

// isUptime reports whether w is the time since the start as IOS writes it: "2y10w",
// "1w2d", "3d04h".
func isUptime(w []byte) bool {
	pairs := 0
	for i := 0; i < len(w); i++ {
		_, j := number(w, i, 3)
		if j == i || j == len(w) || bytes.IndexByte([]byte("ywdhms"), w[j]) < 0 {
			return false
		}
		i = j
		pairs++
	}
	return pairs > 1
}
