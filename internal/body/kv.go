package body

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Pairs finds keys in a text of key=value and key="value". A key begins at the front of
// the text or behind a blank, a tab, ',', ';', '|' or '^'. Only the first Within bytes are
// searched, and quoted values are not skipped there, so a key inside of one can be found
// if the text has no such key before it.
type Pairs struct {
	// Names are the keys that are searched for.
	Names [][]byte
	// Separator ends a value without quotes; 0 is a blank.
	Separator byte
	// Within is how many bytes of the text may begin with a key.
	Within int
}

// Read sets values[i] to the value of Names[i], or to nil.
func (k *Pairs) Read(p []byte, values [][]byte) {
	var signs Signs
	for n := range values {
		values[n] = k.Find(p, &signs, n)
	}
}

// Find returns the value of Names[n], or nil. Of several values of a key the first counts.
// signs is of the same text, or empty.
func (k *Pairs) Find(p []byte, signs *Signs, n int) []byte {
	signs.scan(p, k.Within)
	name := k.Names[n]
	last := name[len(name)-1]
	for _, at := range signs.at[:signs.n] {
		i := int(at)
		from := i - len(name)
		switch {
		case i >= k.Within:
			return nil
		case from < 0 || p[i-1] != last || from > 0 && !startsKey(p[from-1]) || string(p[from:i]) != string(name):
		default:
			return k.value(p[i+1:])
		}
	}
	return nil
}

// Signs are the positions of '=' at the front of a text, which are found once for all keys.
// The zero value is ready for a text; Reset makes it ready for another.
type Signs struct {
	at   [maxSigns]uint16
	n    int
	upto int // what has been searched
}

// maxSigns is how many '=' of a text are known. Keys behind them are not found.
const maxSigns = 128

// Reset forgets the text.
func (s *Signs) Reset() { s.n, s.upto = 0, 0 }

// scan searches the first bytes of a text, eight at a time.
func (s *Signs) scan(p []byte, within int) {
	within = min(within, len(p))
	for s.upto < within && s.n < maxSigns {
		if s.upto+8 > len(p) {
			if p[s.upto] == '=' {
				s.at[s.n] = uint16(s.upto)
				s.n++
			}
			s.upto++
			continue
		}
		for found := matches(binary.LittleEndian.Uint64(p[s.upto:]), '='); found != 0 && s.n < maxSigns; found &= found - 1 {
			s.at[s.n] = uint16(s.upto + bits.TrailingZeros64(found)/8)
			s.n++
		}
		s.upto += 8
	}
}

// nextKey returns the next key of p that ends behind at, and the position behind its '='. The
// position is negative if there is none.
func nextKey(p []byte, at int) (name []byte, behind int) {
	for {
		i := bytes.IndexByte(p[at:], '=')
		if i < 0 {
			return nil, -1
		}
		i += at
		from := i
		for from > at && keyByte[p[from-1]] {
			from--
		}
		if at = i + 1; from != i && (from == 0 || startsKey(p[from-1])) {
			return p[from:i], at
		}
	}
}

// value returns the value at the front of p, never nil.
func (k *Pairs) value(p []byte) []byte {
	if len(p) != 0 && p[0] == '"' {
		if end := StringEnd(p, 1); end >= 0 {
			return p[1:end]
		}
		return p[1:]
	}
	if k.Separator != 0 {
		if i := bytes.IndexByte(p, k.Separator); i >= 0 {
			p = p[:i]
		}
		return p[:len(p):len(p)]
	}
	i := 0
	for i < len(p) && (!endByte[p[i]] || p[i] != ' ' && p[i] != '\t' && !beginsKey(p[i+1:])) {
		i++
	}
	for i > 0 && (p[i-1] == ',' || p[i-1] == ';') {
		i--
	}
	return p[:i:i]
}

// beginsKey reports whether a key and its '=' stand at the front of p.
func beginsKey(p []byte) bool {
	i := 0
	for i < len(p) && keyByte[p[i]] {
		i++
	}
	return i != 0 && i < len(p) && p[i] == '='
}

func startsKey(c byte) bool {
	return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '|' || c == '^'
}

// endByte is true for what may end a value without quotes.
var endByte = func() (t [256]bool) {
	for c := range t {
		t[c] = startsKey(byte(c))
	}
	return t
}()

var keyByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.'
	}
	return t
}()
