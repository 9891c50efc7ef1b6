package syslog

import "bytes"

// afterTime reads "host tag: text" behind the time of every shape. Host and tag are
// optional. A word that cannot be a host is the tag or the begin of the text. If a tag
// follows it, it is an unusable host and is skipped.
func (h *Header) afterTime(p []byte) {
	if first(p) == ':' { // "Jan 31 2020 17:24:03: %ASA-…"
		p = p[1:]
	}
	p = skipBOM(skipSeparator(p))
	n, host := hostname(p)
	if n == 0 {
		if w, rest := Word(p); IsLevel(w) {
			p = skipSpaces(rest)
			n, host = hostname(p)
		}
	}
	if n != 0 {
		h.Hostname, h.Host = nilValue(p[:n]), host
		p = skipSeparator(p[min(n+1, len(p)):])
	}
	h.tag(p)
	if n == 0 && h.AppName == nil && len(p) != 0 {
		h.tagBehind(p)
	}
}

// tagBehind reads the tag behind the word at the front of p, which is in the place of the
// host but is none. If there is no tag, or if the word is part of a known text, all of p
// is text.
func (h *Header) tagBehind(p []byte) {
	n := bytes.IndexByte(p[:min(len(p), 256)], ' ')
	if n < 1 || !isStrange(p[:n]) {
		return
	}
	if h.tag(skipSeparator(p[n:])); h.AppName == nil {
		h.Tagged, h.Content = p, p
		return
	}
	h.NoHost = p[:n]
}

// isStrange reports whether a word that Host refuses may still be meant as a host. Words
// that package dialect searches for are not: columns and device tags (','), message
// identifiers ('%'), firewall chains ('['), words with a colon that are not addresses.
func isStrange(w []byte) bool {
	colon, text := false, false
	for _, c := range w {
		switch {
		case c == ',' || c == '%' || c == '[' || c == '\t':
			return false
		case c == ':':
			colon = true
		case !IsHex(c) && c != '.':
			text = true
		}
	}
	return !colon || !text
}

// skipSeparator skips spaces, and the colon between spaces that Cisco devices write before
// the text: "fw1 : %ASA-…".
func skipSeparator(p []byte) []byte {
	p = skipSpaces(p)
	if len(p) > 1 && p[0] == ':' && p[1] == ' ' {
		p = skipSpaces(p[2:])
	}
	return p
}

// tag reads "app: " or "app[procid]: " (RFC 3164 section 4.1.3) at the front of p; the
// rest is the content. A tag ends with a colon or with a process number in brackets. A
// word without either is text.
func (h *Header) tag(p []byte) {
	p = skipBOM(p)
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
	if p[i] == ']' && i+1 < len(p) && p[i+1] == '[' { // "gdm-password][812]: "
		j++
	}
	if p[j] == '[' {
		n := bytes.IndexByte(p[j:min(len(p), j+130)], ']')
		if n < 1 || bytes.IndexByte(p[j:j+n], ' ') >= 0 {
			return
		}
		procID = p[j+1 : j+n]
		j += n + 1
	}
	switch {
	case j < len(p) && p[j] == ':' && (j+1 == len(p) || p[j+1] == ' ' || p[j+1] == '\t' || p[j+1] == '[' || procID != nil):
		j++
	case len(procID) != 0 && IsDigit(procID[0]) && (j == len(p) || p[j] == ' '):
	default:
		return
	}
	h.AppName, h.ProcID = nilValue(p[:i]), nilValue(procID)
	if j < len(p) && p[j] == ' ' {
		j++
	}
	h.Content = skipBOM(p[j:])
}

// tagByte is true for the characters of a tag: printable ASCII except those that end a
// tag and those that only text begins with.
var tagByte = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = true
	}
	for _, c := range `:[]{}"'=,;|<>%?*` {
		t[c] = false
	}
	return t
}()
