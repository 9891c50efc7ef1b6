package matcher

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
)

// Event returns what the event of the line at hand consists of. It is empty for Raw, which is
// the message as received.
func (s *Scratch) Event(f pack.Form) []byte {
	switch f {
	case pack.Message:
		return s.Text
	case pack.ProgramMessage:
		return s.Tagged
	case pack.RFC5424:
		if i := bytes.Index(s.Tagged, s.Data); i >= 0 && len(s.Data) != 0 {
			return s.Tagged[i:]
		}
		return s.Text
	case pack.AsJSON:
		if len(s.Text) != 0 && s.Text[0] == '{' {
			return s.Text
		}
		from := len(s.buffer)
		s.buffer = body.AppendJSON(s.buffer, s.Text, s.separator())
		return s.buffer[from:len(s.buffer):len(s.buffer)]
	default: // Raw
		return nil
	}
}

// separator is what ends the values of the pack that took the line.
func (s *Scratch) separator() byte {
	if s.taker == nil {
		return 0
	}
	return s.taker.keys.Separator
}
