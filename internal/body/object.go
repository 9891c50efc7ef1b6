package body

import "syslog-gateway/internal/event"

// AppendJSON appends a text of key=value and key="value" as a JSON object whose values are
// strings. Text that is not part of a pair is left out. A text without pairs gives nothing.
func AppendJSON(dst, p []byte, separator byte) []byte {
	pairs := Pairs{Separator: separator}
	from := len(dst)
	for at := 0; ; {
		name, behind := nextKey(p, at)
		if behind < 0 {
			break
		}
		value := pairs.value(p[behind:])
		dst = append(dst, `,"`...)
		dst = event.AppendString(dst, name)
		dst = append(dst, `":"`...)
		dst = append(event.AppendString(dst, value), '"')
		at = behind + len(value)
		if behind < len(p) && p[behind] == '"' {
			at = min(at+2, len(p))
		}
	}
	if len(dst) == from {
		return dst
	}
	dst[from] = '{'
	return append(dst, '}')
}
