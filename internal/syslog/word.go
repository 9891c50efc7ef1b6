package syslog

import "bytes"

// The rules for bytes and words. Package dialect uses the exported ones, so that both
// packages read a message alike.

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return c-'0' <= 9 }

// IsHex reports whether c is a hexadecimal digit.
func IsHex(c byte) bool { return IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// HexDigit returns the value of a hexadecimal digit.
func HexDigit(c byte) byte {
	if IsDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// IsUpper reports whether c is an upper-case ASCII letter.
func IsUpper(c byte) bool { return c-'A' <= 'Z'-'A' }

// IsLetter reports whether c is an ASCII letter.
func IsLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// IsNumber reports whether w consists of digits.
func IsNumber(w []byte) bool {
	for _, c := range w {
		if !IsDigit(c) {
			return false
		}
	}
	return len(w) != 0
}

// Word returns the first word of p, which ends at a space, and what follows that space.
func Word(p []byte) (w, rest []byte) {
	i := bytes.IndexByte(p, ' ')
	if i < 0 {
		return p, nil
	}
	return p[:i], p[i+1:]
}

// SkipBlanks skips the spaces and tabs at the front of p, which separate the elements of
// a device's own text.
func SkipBlanks(p []byte) []byte {
	i := 0
	for i < len(p) && (p[i] == ' ' || p[i] == '\t') {
		i++
	}
	return p[i:]
}

// skipSpaces skips the spaces at the front of p. Only spaces separate header fields:
// a tab may be the separator of the columns behind the header.
func skipSpaces(p []byte) []byte { return p[spaces(p, 0):] }

// spaces returns the position behind the spaces at p[i:].
func spaces(p []byte, i int) int {
	for i < len(p) && p[i] == ' ' {
		i++
	}
	return i
}

// nilValue returns nil for the NILVALUE "-" of RFC 5424, else w.
func nilValue(w []byte) []byte {
	if len(w) == 1 && w[0] == '-' {
		return nil
	}
	return w
}

// bom is the byte order mark of UTF-8. RFC 5424 section 6.4 has it in front of MSG;
// some senders write it elsewhere.
var bom = []byte("\xef\xbb\xbf")

// skipBOM skips a byte order mark at the front of p.
func skipBOM(p []byte) []byte {
	if len(p) > 2 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf {
		return p[3:]
	}
	return p
}

// first returns the first byte of p, or 0 if p is empty.
func first(p []byte) byte {
	if len(p) == 0 {
		return 0
	}
	return p[0]
}

// number reads at most width digits at p[i:].
func number(p []byte, i, width int) (v, next int) {
	for n := 0; n < width && i < len(p) && IsDigit(p[i]); n++ {
		v = v*10 + int(p[i]-'0')
		i++
	}
	return v, i
}

// pair reads two digits at the front of p, which has at least two bytes. The result is
// negative if they are not digits.
func pair(p []byte) int {
	tens, units := p[0]-'0', p[1]-'0'
	if tens > 9 || units > 9 {
		return -1
	}
	return int(tens)*10 + int(units)
}

// boundary reports whether a word may end at p[i]. A colon ends a word only if a space,
// a '%' or nothing follows: others are part of an address ("2001:db8::7").
func boundary(p []byte, i int) bool {
	return i >= len(p) || p[i] == ' ' || p[i] == ':' && (i+1 == len(p) || p[i+1] == ' ' || p[i+1] == '%')
}
