package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// jsonValue returns the value of a key of a JSON object on one line, without
// decoding it: a string without its quotes, a number as written. quotedKey is the
// key with its quotes. The first occurrence counts, at whatever depth; one inside
// a string is not taken (its quotes are escaped there). Strings that hold an
// escape are not returned: they are no names and no times.
func jsonValue(p, quotedKey []byte) []byte {
	for {
		i := jsonKey(p, quotedKey)
		if i < 0 {
			return nil
		}
		escaped := i > 0 && p[i-1] == '\\'
		p = syslog.SkipBlanks(p[i+len(quotedKey):])
		if escaped || len(p) == 0 || p[0] != ':' {
			continue
		}
		return jsonScalar(syslog.SkipBlanks(p[1:]))
	}
}

func jsonScalar(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	if p[0] == '"' {
		end := bytes.IndexByte(p[1:], '"')
		if end < 0 || bytes.IndexByte(p[1:1+end], '\\') >= 0 {
			return nil
		}
		return p[1 : 1+end]
	}
	i := 0
	for i < len(p) && p[i] != ',' && p[i] != '}' && p[i] != ' ' && p[i] != ']' {
		i++
	}
	return p[:i]
}

// jsonHas reports whether an object has a key.
func jsonHas(p, quotedKey []byte) bool { return jsonKey(p, quotedKey) >= 0 }

// jsonKey finds a key with its quotes. It looks for the name, whose letters are much
// rarer in JSON than the quote that bytes.Index would stop at.
func jsonKey(p, quotedKey []byte) int {
	for from := 1; from < len(p); {
		i := bytes.Index(p[from:], quotedKey[1:])
		if i < 0 {
			return -1
		}
		if i += from; p[i-1] == '"' {
			return i - 1
		}
		from = i + 1
	}
	return -1
}

// isObject reports whether p is one JSON object, with or without the cookie of the
// Common Event Expression.
func isObject(p []byte) bool {
	if hasPrefix(p, "@cee:") {
		p = p[len("@cee:"):]
	}
	p = bytes.TrimSpace(p)
	return len(p) > 4 && p[0] == '{' && p[len(p)-1] == '}' && bytes.IndexByte(p, '"') > 0
}
