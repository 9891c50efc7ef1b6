package syslog

import "bytes"

// hostAddress is Host for a word with a character of IPv6 addresses. Some syslog daemons
// write an address without a name in brackets.
func hostAddress(w []byte) []byte {
	if w[0] == '[' && w[len(w)-1] == ']' {
		w = w[1 : len(w)-1]
		if isIPv4(w) && string(w) != "0.0.0.0" {
			return w
		}
	}
	if i := bytes.IndexByte(w, '%'); i > 0 && i+1 < len(w) {
		w = w[:i]
	}
	if !isIPv6(w) {
		return nil
	}
	groups := bytes.TrimLeft(w, "0:")
	if len(groups) == 0 {
		return nil
	}
	if v4 := groups[min(5, len(groups)):]; bytes.EqualFold(groups[:len(groups)-len(v4)], mapped) && isIPv4(v4) {
		if string(v4) == "0.0.0.0" {
			return nil
		}
		return v4
	}
	return w
}

// mapped is what precedes an IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2),
// without the zeros.
var mapped = []byte("ffff:")

// isIPv4 reports whether w is four numbers up to 255 between dots, as netip.ParseAddr
// reads them.
func isIPv4(w []byte) bool {
	for part, i := 0, 0; part < 4; part++ {
		v, j := number(w, i, 3)
		if j == i || v > 255 || j-i > 1 && w[i] == '0' || (j == len(w)) != (part == 3) || j < len(w) && w[j] != '.' {
			return false
		}
		i = j + 1
	}
	return true
}

// isIPv6 reports whether w is an address in a form of RFC 4291 section 2.2: eight groups of
// hexadecimal digits, or fewer and "::". The last two groups may be an IPv4 address. A
// time of day and a MAC address are not IPv6 addresses.
func isIPv6(w []byte) bool {
	groups, size, short := 0, 0, false
	for i, c := range w {
		switch {
		case c == ':':
			if i > 0 && w[i-1] == ':' {
				if short {
					return false
				}
				short = true
			}
			size = 0
		case c == '.':
			return isIPv4(w[i-size:]) && (short && groups < 7 || groups == 7)
		case size < 4 && IsHex(c):
			if size == 0 {
				groups++
			}
			size++
		default:
			return false
		}
	}
	n := len(w)
	if n < 2 || w[0] == ':' && w[1] != ':' || w[n-1] == ':' && w[n-2] != ':' {
		return false
	}
	return short && groups < 8 || !short && groups == 8
}
