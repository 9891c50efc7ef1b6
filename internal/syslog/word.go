package syslog

import "bytes"

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

// bom marks a text as UTF-8. RFC 5424 section 6.4 has it in front of MSG, and some senders
// have it anywhere.
var bom = []byte("\xef\xbb\xbf")

// skipBOM drops the mark at the front of p.
func skipBOM(p []byte) []byte {
	if len(p) > 2 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf {
		return p[3:]
	}
	return p
}

func first(p []byte) byte {
	if len(p) == 0 {
		return 0
	}
	return p[0]
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// number reads at most width digits at p[i:].
func number(p []byte, i, width int) (v, next int) {
	for n := 0; n < width && i < len(p) && isDigit(p[i]); n++ {
		v = v*10 + int(p[i]-'0')
		i++
	}
	return v, i
}

// pair reads the two digits at the front of p, which is at least that long; it
// returns a negative number when they are none.
func pair(p []byte) int {
	tens, units := p[0]-'0', p[1]-'0'
	if tens > 9 || units > 9 {
		return -1
	}
	return int(tens)*10 + int(units)
}

// blanks skips blanks at p[i:].
func blanks(p []byte, i int) int {
	for i < len(p) && p[i] == ' ' {
		i++
	}
	return i
}

// boundary reports whether a word may end at p[i]. A colon that does not end the
// word is inside of an address ("2001:db8::7").
func boundary(p []byte, i int) bool {
	return i >= len(p) || p[i] == ' ' || p[i] == ':' && (i+1 == len(p) || p[i+1] == ' ' || p[i+1] == '%')
}
