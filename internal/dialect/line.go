package dialect

import (
	"bytes"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// line is a message without its headers: the device's text, and what the headers say
// that decides how the text is read. Its methods are about these fields; what only one
// family has is read by functions in the file of that family.
type line struct {
	// text is the device's own text: behind the header, and behind the header of a
	// relay.
	text []byte
	// app is the program tag before text, or empty.
	app    []byte
	procID []byte
	msgID  []byte
	// tagged is text with its tag.
	tagged []byte
	// data is the structured data of RFC 5424.
	data []byte
	// host is the host of the header as written.
	host     []byte
	shape    syslog.Shape
	priority int
	// rest is everything behind the PRI.
	rest []byte
	// headed says that there is a time, or a complete header of RFC 5424.
	headed bool
	// sequenced says that the header is one of IOS with sequence numbers.
	sequenced bool
	// prioritised says that there is a PRI.
	prioritised bool
}

// begin makes l, which is new, the line behind a header. It sets host and time of r to those
// of the header.
func (l *line) begin(h *syslog.Header, by Reason, r *Result) {
	// The fields are copied: a line that pointed to the header would move it to the heap.
	l.text, l.app, l.procID, l.msgID, l.tagged = h.Content, h.AppName, h.ProcID, h.MsgID, h.Tagged
	l.data, l.rest, l.headed = h.StructuredData, h.Rest, h.Shape != syslog.Bare
	l.host, l.shape, l.priority = h.Hostname, h.Shape, h.Priority
	l.sequenced, l.prioritised = h.Shape == syslog.CiscoSequence, h.Priority != syslog.NoPriority
	if string(l.app) == "syslog-ng" && bytes.HasPrefix(l.text, relayError) {
		l.text, l.app, l.procID = l.text[len(relayError):], nil, nil
	}
	if len(l.host) == 0 {
		l.host = h.NoHost
	}
	if h.Stamp.Exists() {
		r.setStamp(&h.Stamp, by)
	}
	if h.Host != nil {
		r.Host, r.HostBy = h.Host, by
	}
}

// relayError is what syslog-ng writes in front of a message that it cannot parse, such
// as an XML event without a header.
var relayError = []byte("Error processing log message: ")

// setTagged sets the class of a line whose tag completes the event's source.
func (l *line) setTagged(c ClassID, by Reason, r *Result) bool {
	r.setClass(c, by)
	r.Source = l.app
	return true
}

// setProgram sets the source to the base name of the program. A tag without a colon is
// text to the header scanner, so the first word of the text is tried as well.
func (l *line) setProgram(r *Result) {
	program := l.app
	if len(program) == 0 && l.headed && len(r.Host) != 0 {
		program, _ = syslog.Word(l.text)
		if len(program) > 48 || !isProgram(program) {
			program = nil
		}
	}
	r.Source = program[bytes.LastIndexByte(program, '/')+1:]
}

// keep keeps the line, which decides what the message is, for rules. text is the device's
// own text in it.
func (l *line) keep(text []byte, r *Result) {
	if r.from.Rules {
		l.store(text, r)
	}
}

// store is apart from keep, which is then part of its callers.
func (l *line) store(text []byte, r *Result) {
	r.scratch.Own = matcher.Line{
		Text: text, Tagged: l.tagged, Program: l.app, ProcID: l.procID, MsgID: l.msgID, Data: l.data,
		Host: l.host, Shape: l.shape, Priority: l.priority, From: r.from.Address,
	}
}
