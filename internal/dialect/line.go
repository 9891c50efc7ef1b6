package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// line is a message on its way to a Result.
type line struct {
	// text is where the device's own text begins: behind the header, and behind the
	// header that a relay put in front of it.
	text []byte
	// app is the program tag before text; empty when there is none.
	app    []byte
	procID []byte
	// tagged is text with its tag.
	tagged []byte
	// data is the structured data of RFC 5424.
	data []byte
	// rest is everything behind the PRI.
	rest []byte
	// headed says that there is a time, or all of an RFC 5424 header.
	headed bool
	// sequenced says that the header is one of IOS, with sequence numbers.
	sequenced bool
	// prioritised says that there is a PRI.
	prioritised bool
}

// newLine makes a line of a header, and of its fields the first guess of the
// Result.
func newLine(h *syslog.Header, by Reason, r *Result) line {
	// Not the header itself: what a Result keeps of a line would move it to the heap.
	l := line{
		text: h.Content, app: h.AppName, procID: h.ProcID, tagged: h.Tagged,
		data: h.StructuredData, rest: h.Rest, headed: h.Shape != syslog.Bare,
		sequenced: h.Shape == syslog.CiscoSequence, prioritised: h.Priority != syslog.NoPriority,
	}
	if string(l.app) == "syslog-ng" && bytes.HasPrefix(l.text, relayError) {
		l.text, l.app, l.procID = l.text[len(relayError):], nil, nil
	}
	if h.Stamp.Exists() {
		r.Stamp, r.TimeBy = r.zoned(h.Stamp), by
	}
	if h.Host != nil {
		r.Host, r.HostBy = h.Host, by
	}
	return l
}

// relayError precedes a message that syslog-ng could not parse and sends all the same:
// an XML event without a header.
var relayError = []byte("Error processing log message: ")
