package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"syslog-gateway/internal/event"
)

// Letter is one event that HEC refused, and why. The store holds it as one line of JSON.
type Letter struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"` // when it was refused
	Reason   string    `json:"reason"`
	Status   int       `json:"http_status"`
	Code     int       `json:"hec_code"` // -1 when HEC gave none
	Text     string    `json:"text"`     // what HEC said
	Source   string    `json:"source"`
	Endpoint string    `json:"endpoint"`
	// Events is 1, or more for a whole body that could not be divided.
	Events int `json:"events"`
	// Event is the event object as it was sent.
	Event json.RawMessage `json:"event,omitempty"`
	// Body holds the bytes instead where they are not a JSON object.
	Body     []byte         `json:"body,omitempty"`
	Encoding event.Encoding `json:"body_encoding,omitempty"`
}

// parseLetter reads one line of the store.
func parseLetter(line []byte) (Letter, error) {
	var l Letter
	if err := json.Unmarshal(line, &l); err != nil {
		return Letter{}, fmt.Errorf("not a dead letter: %w", err)
	}
	if l.ID == "" || l.Events < 1 {
		return Letter{}, errors.New("not a dead letter: no ID or no events")
	}
	return l, nil
}

// Record is the letter as it is posted again, under a sequence number.
func (l Letter) Record(seq uint64) event.Record {
	rec := event.Record{Seq: seq, Source: l.Source, Events: l.Events, Body: l.Body, Encoding: l.Encoding}
	if len(l.Event) > 0 {
		rec.Body = append(bytes.Clone(l.Event), '\n')
		rec.Encoding = event.Identity
	}
	rec.Raw = len(rec.Body)
	return rec
}

func encodeLetters(to *bytes.Buffer, letters []Letter) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false) // the event stays as it was sent
	for _, l := range letters {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("write a dead letter as JSON: %w", err)
		}
	}
	return nil
}
