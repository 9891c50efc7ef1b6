package body

import (
	"bytes"

	"syslog-gateway/internal/event"
)

// AppendJSON appends a text of key=value and key="value" as a JSON object whose values are
// strings. Text that is not part of a pair is left out. A text without pairs gives nothing.
func AppendJSON(dst, p []byte, separator byte) []byte {
	pairs := Pairs{Separator: separator}
	from := len(dst)
	for at := 0; ; {
		i := bytes.IndexByte(p[at:], '=')
		if i < 0 {
			break
		}
		i += at
		begin := i
		for begin > at && keyByte[p[begin-1]] {
			begin--
		}
		if begin == i || begin != 0 && !startsKey(p[begin-1]) {
			at = i + 1
			continue
		}
		value := pairs.value(p[i+1:])
		dst = append(dst, `,"`...)
		dst = event.AppendString(dst, p[begin:i])
		dst = append(dst, `":"`...)
		dst = append(event.AppendString(dst, value), '"')
		at = i + 1 + len(value)
		if at < len(p) && p[i+1] == '"' {
			at = min(at+2, len(p))
		}
	}
	if len(dst) == from {
		return dst
	}
	dst[from] = '{'
	return append(dst, '}')
}
