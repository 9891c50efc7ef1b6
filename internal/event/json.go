package event

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// AppendString appends s to dst as the inside of a JSON string (RFC 8259 section
// 7), without the quotes. Bytes that are not UTF-8 become U+FFFD, one for each, as
// encoding/json does it.
func AppendString(dst, s []byte) []byte {
	start := 0
	for i := 0; i < len(s); {
		if i+8 <= len(s) && plain(binary.LittleEndian.Uint64(s[i:])) {
			i += 8
			continue
		}
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
		} else {
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// plain reports whether none of the eight bytes of w needs a second look: all are
// ASCII, none a control character, quote or backslash.
func plain(w uint64) bool {
	control := w - ones*0x20
	quote := (w ^ ones*'"') - ones
	backslash := (w ^ ones*'\\') - ones
	return (control|quote|backslash|w)&highs == 0
}

const hexDigits = "0123456789abcdef"

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// AppendTime appends an instant, in nanoseconds since 1970, as the decimal seconds
// that HEC wants for "time", with the fraction it has. Instants before 1970 become
// 0.
func AppendTime(dst []byte, nanos int64) []byte {
	nanos = max(nanos, 0)
	dst = strconv.AppendInt(dst, nanos/1e9, 10)
	fraction := nanos % 1e9
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(1e8); fraction != 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit))
		fraction %= unit
	}
	return dst
}
