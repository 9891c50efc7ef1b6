package syslog

import "bytes"

// version1 reads what follows the "1 " of RFC 5424. Some devices write the version digit
// also before a time of RFC 3164 or before epoch seconds.
func (h *Header) version1(p []byte) bool {
	if stamp, n := ParseISO(p); n != 0 && n < len(p) && p[n] == ' ' {
		h.Stamp = stamp
		h.rfc5424(p[n+1:])
	} else if len(p) > 2 && p[0] == '-' && p[1] == ' ' && h.Priority != NoPriority {
		h.rfc5424(p[2:])
	} else if !h.bsd(p) && !h.epoch(p) {
		return false
	}
	h.Version, h.Rest = 1, p
	return true
}

// rfc5424 reads HOSTNAME to MSG (RFC 5424 section 6). Some devices omit fields: if
// STRUCTURED-DATA is missing, p is read as after any other time.
func (h *Header) rfc5424(p []byte) {
	h.Shape = RFC5424
	host, rest := Word(p)
	app, q := Word(rest)
	procID, q := Word(q)
	msgID, q := Word(q)
	if len(msgID) == 0 || len(q) == 0 || (q[0] != '-' && q[0] != '[') {
		h.afterTime(p)
		return
	}
	sd, q, ok := structuredData(q)
	if !ok {
		h.afterTime(p)
		return
	}
	h.Tagged = rest
	h.Hostname = nilValue(host)
	h.Host = Host(h.Hostname)
	h.AppName, h.ProcID, h.MsgID = nilValue(app), nilValue(procID), nilValue(msgID)
	h.StructuredData = sd
	if len(q) != 0 && q[0] == ' ' {
		q = q[1:]
	}
	h.Content = skipBOM(q)
}

// structuredData cuts STRUCTURED-DATA off p, which begins with '-' or '['. sd is empty
// for the NILVALUE.
func structuredData(p []byte) (sd, rest []byte, ok bool) {
	if p[0] == '-' {
		return nil, p[1:], len(p) == 1 || p[1] == ' '
	}
	i := 0
	for i < len(p) && p[i] == '[' {
		n := element(p[i:])
		if n == 0 {
			return nil, p, false
		}
		i += n
	}
	return p[:i], p[i:], i == len(p) || p[i] == ' '
}

// element returns the length of one SD-ELEMENT, or 0 if it does not end.
func element(p []byte) int {
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case ']':
			return i + 1
		case '"':
			n := quoted(p[i+1:])
			if n == 0 {
				return 0
			}
			i += n
		}
	}
	return 0
}

// quoted returns the length of a PARAM-VALUE with its closing quote, or 0 if there is no
// such quote. In the value '\' escapes '"', '\' and ']'.
func quoted(p []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(p[i:], '"')
		if n < 0 {
			return 0
		}
		escape := bytes.IndexByte(p[i:i+n], '\\')
		if escape < 0 {
			return i + n + 1
		}
		i += escape + 2
	}
}
