package syslog

import "bytes"

// afterTime reads "host tag: text" behind the time of every shape but RFC 5424.
// Either may be missing: a word that can not be the name of a host is the tag, or
// begins the text.
func (h *Header) afterTime(p []byte) {
	if first(p) == ':' { // "Jan 31 2020 17:24:03: %ASA-…"
		p = p[1:]
	}
	p = skipSeparator(p)
	if n := hostname(p); n != 0 {
		h.Hostname = nilValue(p[:n])
		p = skipSeparator(p[min(n+1, len(p)):])
	}
	h.tag(p)
}

// skipSeparator skips blanks and the lone colon between blanks that Cisco devices
// put in front of the text: "fw1 : %ASA-…".
func skipSeparator(p []byte) []byte {
	p = skipBlanks(p)
	if len(p) > 1 && p[0] == ':' && p[1] == ' ' {
		p = skipBlanks(p[2:])
	}
	return p
}

// tag reads "app: " or "app[procid]: " (RFC 3164 section 4.1.3) at the front of p
// and leaves the rest as the content. A tag ends with a colon or a bracketed
// process number: a bare word is text.
func (h *Header) tag(p []byte) {
	h.Tagged, h.Content = p, p
	i := 0
	for i < len(p) && i < 128 && tagByte[p[i]] {
		i++
	}
	if i == 0 || i == len(p) {
		return
	}
	j := i
	var procID []byte
	if p[i] == '[' {
		n := bytes.IndexByte(p[i:min(len(p), i+130)], ']')
		if n < 1 || bytes.IndexByte(p[i:i+n], ' ') >= 0 {
			return
		}
		procID = p[i+1 : i+n]
		j = i + n + 1
	}
	switch {
	case j < len(p) && p[j] == ':' && (j+1 == len(p) || p[j+1] == ' ' || p[j+1] == '\t' || p[j+1] == '[' || procID != nil):
		j++
	case len(procID) != 0 && isDigit(procID[0]) && (j == len(p) || p[j] == ' '):
	default:
		return
	}
	h.AppName, h.ProcID = nilValue(p[:i]), nilValue(procID)
	if j < len(p) && p[j] == ' ' {
		j++
	}
	h.Content = p[j:]
}

// tagByte holds the characters of a tag: printable ASCII but those that end it or
// that only text begins with.
var tagByte = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = true
	}
	for _, c := range `:[]{}"'=,;|<>%?*` {
		t[c] = false
	}
	return t
}()

// Kinds of characters that make up the names and addresses of hosts.
const (
	letter = 1 << iota
	digit
	mark // '.', '-', and the '_' and '@' that people use all the same
	colon
)

var hostByte = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80:
			t[c] = letter
		case c >= '0' && c <= '9':
			t[c] = digit
		}
	}
	t['.'], t['-'], t['_'], t['@'], t[':'] = mark, mark, mark, mark, colon
	return t
}()

// hostname returns the length of the word at the front of p when it can be the name
// or address of a host, or the NILVALUE, else 0. A tag ("sshd[7]:", "kernel:"), a
// number, a column of CSV, a dash run and a severity word can not.
func hostname(p []byte) int {
	var seen byte
	n := 0
	for n < len(p) && hostByte[p[n]] != 0 {
		seen |= hostByte[p[n]]
		n++
	}
	w := p[:n]
	switch {
	case n == 0 || n > 255 || n < len(p) && p[n] != ' ' && p[n] != '\t':
		return 0
	case seen&colon != 0:
		if !isIPv6(w) {
			return 0
		}
	case seen&letter == 0:
		if !isIPv4(w) && string(w) != "-" {
			return 0
		}
	case isLevel(w):
		return 0
	}
	return n
}

// isLevel reports whether w is the severity that logging libraries write behind the
// time: "2021-06-01 12:00:00,123 INFO [main] …".
func isLevel(w []byte) bool {
	switch string(w) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "CRITICAL", "FATAL":
		return true
	}
	return false
}

// isIPv4 reports whether w, of digits and marks, is four numbers between dots.
func isIPv4(w []byte) bool {
	i := 0
	for range 3 {
		_, j := number(w, i, 3)
		if j == i || j == len(w) || w[j] != '.' {
			return false
		}
		i = j + 1
	}
	_, j := number(w, i, 3)
	return j > i && j == len(w)
}

// isIPv6 reports whether w is an address in a form of RFC 4291 section 2.2: eight
// groups of hexadecimal digits, or fewer and "::"; the last two may be written as an
// IPv4 address. A time of day and a MAC address are not.
func isIPv6(w []byte) bool {
	colons, size, short := 0, 0, false
	for i, c := range w {
		switch {
		case c == ':':
			if i > 0 && w[i-1] == ':' {
				if short {
					return false
				}
				short = true
			}
			colons++
			size = 0
		case c == '.':
			return isIPv4(w[i-size:]) && (short && colons <= 7 || colons == 6)
		case size < 4 && (isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'):
			size++
		default:
			return false
		}
	}
	n := len(w)
	if n < 2 || w[0] == ':' && w[1] != ':' || w[n-1] == ':' && w[n-2] != ':' {
		return false
	}
	return short && colons <= 8 || colons == 7
}

// word cuts the first word off p: up to a blank, which is taken too.
func word(p []byte) (w, rest []byte) {
	i := bytes.IndexByte(p, ' ')
	if i < 0 {
		return p, nil
	}
	return p[:i], p[i+1:]
}

// nilValue turns the NILVALUE "-" into nothing.
func nilValue(w []byte) []byte {
	if len(w) == 1 && w[0] == '-' {
		return nil
	}
	return w
}

func skipBlanks(p []byte) []byte {
	i := 0
	for i < len(p) && p[i] == ' ' {
		i++
	}
	return p[i:]
}

func first(p []byte) byte {
	if len(p) == 0 {
		return 0
	}
	return p[0]
}
