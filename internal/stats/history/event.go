package history

import (
	"encoding/binary"
	"strings"
	"time"

	"syslog-gateway/internal/printable"
)

// The kinds of events.
const (
	Start         = "start"
	Stop          = "stop"
	Reload        = "reload"
	ReloadRefused = "reload_refused"
	EndpointDown  = "endpoint_down"
	EndpointUp    = "endpoint_up"
	AlarmOn       = "alarm_on"
	AlarmOff      = "alarm_off"
)

// Event is something to mark in the history.
type Event struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"` // one line of UTF-8
}

// The bounds of an event, which has to fit into a slot.
const (
	maxKind = 32
	maxText = 400
)

// bounded makes the text one line that fits.
func (e Event) bounded() Event {
	e.Time = e.Time.UTC()
	e.Text = printable.Escape(printable.Fold(strings.ToValidUTF8(e.Text, "\ufffd")))
	if len(e.Text) > maxText {
		e.Text = strings.ToValidUTF8(e.Text[:maxText-len("…")], "") + "…"
	}
	return e
}

// append writes number, time, kind and text.
func (e Event) append(dst []byte, number uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, number)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Time.UnixNano()))
	dst = append(append(dst, byte(len(e.Kind))), e.Kind...)
	return append(dst, e.Text...)
}

func parseEvent(b []byte) (e Event, number uint64, ok bool) {
	if len(b) < 17 || int(b[16]) > maxKind || len(b) < 17+int(b[16]) || len(b) > 17+int(b[16])+maxText {
		return e, 0, false
	}
	e = Event{
		Time: time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:]))), Kind: string(b[17 : 17+int(b[16])]), Text: string(b[17+int(b[16]):]),
	}
	return e.bounded(), binary.LittleEndian.Uint64(b), true
}
