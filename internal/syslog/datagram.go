package syslog

import "bytes"

// Datagram cuts the first message off a datagram. rest is what follows it, empty at the
// end. A datagram is one message (RFC 5426 section 3.1); LF, CR and NUL around it are
// removed. Two exceptions occur: several messages with a PRI each, separated by LF, and
// the MSG-LEN that `logger --octet-count` writes over UDP as well.
func Datagram(p []byte) (msg, rest []byte) {
	p = uncounted(trimTrailer(p[gap(p):]))
	for i := 0; i < len(p); {
		lf := bytes.IndexByte(p[i:], '\n')
		if lf < 0 {
			break
		}
		i += lf + 1
		if _, _, v := readPRI(p[i:]); v == yes {
			return trimTrailer(p[:i]), p[i:]
		}
	}
	return p, nil
}

// uncounted removes a "MSG-LEN SP" that counts what follows.
func uncounted(p []byte) []byte {
	n, i := number(p, 0, 6)
	if i == 0 || i+1 >= len(p) || p[i] != ' ' || p[i+1] != '<' || n < len(p)-i-1 {
		return p
	}
	return p[i+1:]
}
