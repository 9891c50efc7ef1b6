package body

import "bytes"

// JSONPath returns the scalar at a path of names in the first JSON object of p, as
// [JSONValue] returns it. It is nil if there is no such scalar or the JSON ends before it.
func JSONPath(p []byte, path []string) []byte {
	i := bytes.IndexByte(p, '{')
	if i < 0 || len(path) == 0 {
		return nil
	}
	return object(p[i+1:], path)
}

// object searches the members of an object, whose bracket is before p.
func object(p []byte, path []string) []byte {
	for {
		p = skipJSONBlanks(p)
		if len(p) == 0 || p[0] != '"' {
			return nil
		}
		n := jsonString(p)
		name := p[1:max(n-1, 1)]
		p = skipJSONBlanks(p[n:])
		if len(p) == 0 || p[0] != ':' {
			return nil
		}
		p = skipJSONBlanks(p[1:])
		if string(name) == path[0] {
			switch {
			case len(path) == 1:
				return jsonScalar(p)
			case len(p) == 0 || p[0] != '{':
				return nil
			}
			path, p = path[1:], p[1:]
			continue
		}
		end := MemberEnd(p, 0)
		if end < 0 || p[end] != ',' {
			return nil
		}
		p = p[end+1:]
	}
}

// MemberEnd returns the position of the ',' or '}' behind the value at p[at] of an object of
// JSON, or -1.
func MemberEnd(p []byte, at int) int {
	depth := 0
	for i := at; i < len(p); i++ {
		switch p[i] {
		case '"':
			if i = StringEnd(p, i+1); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				if p[i] == ']' {
					return -1
				}
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// jsonString returns the length of the string at the front of p with its quotes. One that
// does not end is all of p.
func jsonString(p []byte) int {
	if end := StringEnd(p, 1); end >= 0 {
		return end + 1
	}
	return len(p)
}

// StringEnd returns the position of the quote that ends a string of JSON, or -1. at is behind
// the quote that begins it.
func StringEnd(p []byte, at int) int {
	for i := at; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func skipJSONBlanks(p []byte) []byte {
	for len(p) != 0 && (p[0] == ' ' || p[0] == '\t' || p[0] == '\n' || p[0] == '\r') {
		p = p[1:]
	}
	return p
}
