package syslog

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Kinds of characters in names and addresses of hosts. Bytes without a kind end a word.
const (
	lower = 1 << iota
	upper
	digit
	dot
	other   // other characters that occur in names
	high    // part of a UTF-8 character
	address // only in an IPv6 address
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
		t[c] = other
	}
	for _, c := range ":%[]" {
		t[c] = address
	}
	return t
}()

// Host returns the name or address of a device as events show it, or nil if the word w
// cannot be one. It is the only rule for hosts, anywhere in a message.
//
// Names are what administrators write, not what RFC 952 allows: "UCK-G2+", "U6+",
// "Joe's-UDM", "UDM(Home)", "fw#1", "Büro-AP". A name begins with a letter, a digit or '_'
// and has at least one letter. It has no space, no double quote, none of [] {} <> and none
// of = | , ; : / \ % * ?, because words with these are tags, keys with values, columns,
// CEF, JSON, XML, paths or message identifiers. UTF-8 must be valid and printable. A dot
// at the end of an absolute name is removed. Empty labels are refused.
//
// An address is IPv4 without leading zeros, or IPv6 (RFC 4291 section 2.2). Brackets and a
// zone are removed. An IPv4 address mapped into IPv6 becomes the IPv4 address. The
// unspecified address is refused.
//
// These words are refused, although they are where a host may be: numbers and dates,
// zones, AM and PM, months and days, log levels and "facility.severity", the uptime of
// IOS, the tag of Snare, and words with a control character that rsyslog escaped ("#011").
//
// A name of several words resembles a name followed by text: its first word is the host.
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
	case hostByte[w[0]]&(dot|other) != 0 && w[0] != '_',
		seen&dot != 0 && bytes.Contains(whole, twoDots),
		seen&high != 0 && !isPrintable(w),
		isReserved(w, seen):
		return nil
	}
	return w
}

var twoDots = []byte("..")

// hostname returns the length of the word at the front of p and its Host, or the length
// and nil for the NILVALUE, or 0 for a word that is no host.
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

// maxReserved is the length of the longest zone with an offset, and of the longest level.
const maxReserved = 16

// isReserved reports whether a word with letters is one of those that Host refuses by
// their meaning.
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
	if seen&other != 0 {
		i := bytes.IndexByte(w, '#')
		return i >= 0 && i+3 < len(w) && w[i+1] == '0' && IsDigit(w[i+2]) && IsDigit(w[i+3])
	}
	return false
}

// isPrintable reports whether a word is valid UTF-8 with printable characters, and does not
// begin with punctuation.
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

// isMonthOrDay reports whether the three letters of w are the short English name of a
// month or a weekday, "Mar" or "MAR". In lower case they may be a host ("sun").
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

// isMeridiem reports whether w is the AM or PM of a time.
func isMeridiem(w []byte) bool {
	_, n := meridiem(w)
	return n == len(w)
}

// isUptime reports whether w is an uptime of IOS: "2y10w", "1w2d", "3d04h".
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
