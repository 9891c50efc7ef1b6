package body

import "bytes"

// Pairs finds keys in a text of key=value and key="value". A key begins at the front of
// the text or behind a blank, a tab, ',', ';', '|' or '^'. Only the first Within bytes are
// searched, and quoted values are not skipped there, so a key inside of one can be found
// if the text has no such key before it.
type Pairs struct {
	// Names are the keys that are searched for, at most 16.
	Names [][]byte
	// Separator ends a value without quotes; 0 is a blank.
	Separator byte
	// Within is how many bytes of the text may begin with a key.
	Within int
}

// Read sets values[i] to the value of Names[i], or to nil. It stops when it has all. Of
// several values of a key the first counts.
func (k *Pairs) Read(p []byte, values [][]byte) {
	clear(values)
	missing := len(k.Names)
	area := p[:min(len(p), k.Within)]
	for at := 0; missing > 0; {
		name, behind := nextKey(area, at)
		if behind < 0 {
			return
		}
		at = behind
		for n, want := range k.Names {
			if len(want) == len(name) && want[0] == name[0] && string(want) == string(name) {
				if values[n] == nil {
					values[n] = k.value(p[at:])
					missing--
				}
				break
			}
		}
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
		for i := 1; i < len(p); i++ {
			switch p[i] {
			case '\\':
				i++
			case '"':
				return p[1:i]
			}
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
