package body

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// JSONValue returns the value of a key in a JSON object on one line, without decoding
// it: a string without its quotes, a number as written. quotedKey is the key with its
// quotes. The first occurrence at any depth is used, unless it is inside a string, where
// its quotes are escaped. The result is nil for a string with an escape: that is neither
// a name nor a time.
func JSONValue(p, quotedKey []byte) []byte {
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

// jsonScalar returns the scalar at the front of p. See JSONValue.
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

// JSONHas reports whether an object has a key.
func JSONHas(p, quotedKey []byte) bool { return jsonKey(p, quotedKey) >= 0 }

// jsonKey returns the position of a key with its quotes, or -1. It searches for the name
// without the first quote, because bytes.Index would stop at every quote.
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

// IsObject reports whether p is one JSON object, with or without the "@cee:" of the
// Common Event Expression in front.
func IsObject(p []byte) bool {
	p = bytes.TrimSpace(bytes.TrimPrefix(p, cee))
	return len(p) > 4 && p[0] == '{' && p[len(p)-1] == '}' && bytes.IndexByte(p, '"') > 0
}

var cee = []byte("@cee:")
