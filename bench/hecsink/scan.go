package hecsink

import (
	"bytes"

	"syslog-gateway/bench/marker"
)

// findings is what one request body holds.
type findings struct {
	markers []marker.Marker // one for each numbered event
	foreign uint64          // events without a marker
	merged  uint64          // markers that share an event with another one
}

func (f *findings) reset() { *f = findings{markers: f.markers[:0]} }

// scan reads a body. Every event is counted once: in markers or as foreign.
func (f *findings) scan(body []byte) {
	for len(body) > 0 {
		line := body
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		m, end, ok := marker.Find(line)
		if ok {
			if _, _, second := marker.Find(line[end:]); !second && !severalObjects(line) {
				f.markers = append(f.markers, m)
				continue
			}
		}
		f.scanObjects(line)
	}
}

// severalObjects reports whether another object may begin within a line: an opening
// brace behind a closing one. Texts may hold that too; a full parse then does no harm.
func severalObjects(line []byte) bool {
	for {
		i := bytes.IndexByte(line, '}')
		if i < 0 {
			return false
		}
		line = bytes.TrimLeft(line[i+1:], blanks)
		if len(line) > 0 && line[0] == '{' {
			return true
		}
	}
}

// blanks are what JSON allows between objects, but LF.
const blanks = " \t\r"

// scanObjects counts a line that is not simply one event with one marker.
func (f *findings) scanObjects(line []byte) {
	for {
		line = bytes.TrimLeft(line, blanks)
		if len(line) == 0 {
			return
		}
		n := objectLen(line)
		f.object(line[:n])
		line = line[n:]
	}
}

// object counts one event that may hold any number of markers.
func (f *findings) object(o []byte) {
	m, end, ok := marker.Find(o)
	if !ok {
		f.foreign++
		return
	}
	f.markers = append(f.markers, m)
	for {
		_, next, again := marker.Find(o[end:])
		if !again {
			return
		}
		f.merged++
		end += next
	}
}

// objectLen is the length of the JSON object that b begins with, or of all of b when
// no object ends in it.
func objectLen(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}
