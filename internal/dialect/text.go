package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// nameByte is not 0 for the bytes in names of programs and firewall chains, and for the
// colon behind them.
var nameByte = func() (t [256]byte) {
	for c := range t {
		if b := byte(c); syslog.IsLetter(b) || syslog.IsDigit(b) || b == '-' || b == '.' || b == '_' || b == ':' {
			t[c] = 1
		}
	}
	return t
}()

// hasPrefix is bytes.HasPrefix for a constant prefix. It does not allocate.
func hasPrefix(p []byte, prefix string) bool {
	return len(p) >= len(prefix) && string(p[:len(prefix)]) == prefix
}

// equalFold reports whether p is an ASCII word in upper or lower case. lower is the word
// in lower case.
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

// head returns the first n bytes of p, or all of a shorter p.
func head(p []byte, n int) []byte { return p[:min(len(p), n)] }

// within returns what is between the first open in p and the next close; nil if either is
// missing.
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
