package matcher

import (
	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
)

// Event returns what the event of the line at hand consists of. It is empty for Raw, which is
// the message as received.
func (s *Scratch) Event(f pack.Form) []byte {
	switch f {
	case pack.Message:
		return s.Text
	case pack.ProgramMessage, pack.RFC5424:
		return s.Tagged
	case pack.AsJSON:
		from := len(s.buffer)
		s.buffer = body.AppendJSON(s.buffer, s.Text, s.separator())
		return s.buffer[from:len(s.buffer):len(s.buffer)]
	default: // Raw
		return nil
	}
}

// separator is what ends the values of the pack that took the line.
func (s *Scratch) separator() byte {
	if s.pack == nil {
		return 0
	}
	return s.pack.pairs.Separator
}
