package event

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// AppendString appends s to dst as a JSON string (RFC 8259 section 7) without the quotes.
// Each byte that is not UTF-8 becomes U+FFFD, as in encoding/json.
func AppendString(dst, s []byte) []byte {
	for {
		var n int
		dst, n = appendEasy(dst, s)
		if n == len(s) {
			return dst
		}
		if s = s[n:]; plain(s[:1]) != 0 { // appendEasy has stopped before a plain byte
			continue
		}
		if s[0] < utf8.RuneSelf {
			dst = appendEscaped(dst, s[0])
			s = s[1:]
			continue
		}
		r, size := utf8.DecodeRune(s)
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, "\ufffd"...)
		} else {
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
}

// appendPlain appends the front of s that is ASCII and needs no escape, and returns its
// length.
func appendPlain(dst, s []byte) ([]byte, int) {
	n := plain(s)
	return append(dst, s[:n]...), n
}

// plain returns how many bytes at the front of s are ASCII that needs no escape.
func plain(s []byte) int {
	i := 0
	for ; i+32 <= len(s); i += 32 { // four words at a time, which the processor checks in parallel
		p := s[i : i+32 : i+32]
		a := special(binary.LittleEndian.Uint64(p))
		b := special(binary.LittleEndian.Uint64(p[8:]))
		c := special(binary.LittleEndian.Uint64(p[16:]))
		d := special(binary.LittleEndian.Uint64(p[24:]))
		if a|b|c|d != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if a := special(binary.LittleEndian.Uint64(s[i:])); a != 0 {
			return i + bits.TrailingZeros64(a)>>3
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// special returns a word with the high bit set in every byte of w that is a control
// character, a quote, a backslash, or not ASCII. Bytes behind the first such byte may be
// found wrongly, by a borrow.
func special(w uint64) uint64 {
	control := w - ones*0x20
	quote := (w ^ ones*'"') - ones
	backslash := (w ^ ones*'\\') - ones
	return (control | quote | backslash | w) & highs
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends the escape of an ASCII character.
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

// AppendTime appends an instant as [Times] does.
func AppendTime(dst []byte, nanos int64) []byte { return new(Times).Append(dst, nanos) }

// Times writes instants one after the other. It remembers the last second, which the next
// instant mostly has too. The zero value is ready.
type Times struct {
	second uint64
	text   [20]byte
	length int // of text; 0: there was none
}

// Append appends an instant, in nanoseconds since 1970, as the decimal seconds of the HEC key
// "time". Instants before 1970 become 0.
func (t *Times) Append(dst []byte, nanos int64) []byte {
	since := uint64(max(nanos, 0))
	if second := since / 1e9; second != t.second || t.length == 0 {
		t.second, t.length = second, len(strconv.AppendUint(t.text[:0], second, 10))
	}
	dst = append(dst, t.text[:t.length]...)
	fraction := uint32(since - t.second*1e9)
	if fraction == 0 {
		return dst
	}
	length := 9
	for fraction%1000 == 0 {
		fraction /= 1000
		length -= 3
	}
	for fraction%10 == 0 {
		fraction /= 10
		length--
	}
	dst = append(dst, ".000000000"[:length+1]...)
	for i := range length {
		dst[len(dst)-1-i] = byte('0' + fraction%10)
		fraction /= 10
	}
	return dst
}
