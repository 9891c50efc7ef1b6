package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// nameByte is not 0 for what programs, firewall chains and the like have in their names,
// and for the colon behind them.
var nameByte = func() (t [256]byte) {
	for c := range t {
		if b := byte(c); syslog.IsLetter(b) || syslog.IsDigit(b) || b == '-' || b == '.' || b == '_' || b == ':' {
			t[c] = 1
		}
	}
	return t
}()

// hasPrefix is bytes.HasPrefix with a constant prefix, for which the compiler
// makes no string.
func hasPrefix(p []byte, prefix string) bool {
	return len(p) >= len(prefix) && string(p[:len(prefix)]) == prefix
}

// equalFold compares with an ASCII word in lower case.
func equalFold(p []byte, lower string) bool {
	if len(p) != len(lower) {
		return false
	}
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// head is the first n bytes of p, or all of it.
func head(p []byte, n int) []byte { return p[:min(len(p), n)] }

// within cuts p behind the first occurrence of open up to the next close; nil
// when there is none.
func within(p, open []byte, close byte) []byte {
	i := bytes.Index(p, open)
	if i < 0 {
		return nil
	}
	p = p[i+len(open):]
	j := bytes.IndexByte(p, close)
	if j < 0 {
		return nil
	}
	return p[:j]
}

// leefValue returns the value behind "key=", up to the '|' or tab of PAN-OS's
// LEEF format.
func leefValue(p, key []byte) []byte {
	i := bytes.Index(p, key)
	if i < 0 {
		return nil
	}
	p = p[i+len(key):]
	for j, c := range p {
		if c == '|' || c == '\t' {
			return p[:j]
		}
	}
	return p
}
