package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/bench/mix"
)

const (
	// floodBodies are posted round robin, and all their numbers differ. From the second round
	// on the sink counts the messages as duplicates, which is 5 ns less work a message.
	floodBodies = 40
	// bodySize is what the gateway's bodies have before compression.
	bodySize = 512 << 10
	// bodyMessages of any vendor fill a body.
	bodyMessages = 1500
)

// hecBody is a request's body with so many events.
type hecBody struct {
	data   []byte
	events uint64
}

// hecEvent is an event with the keys that the gateway gives one.
type hecEvent struct {
	Time       int64     `json:"time"`
	Host       string    `json:"host"`
	Source     string    `json:"source"`
	Sourcetype string    `json:"sourcetype"`
	Index      string    `json:"index"`
	Event      string    `json:"event"`
	Fields     hecFields `json:"fields"`
}

type hecFields struct {
	Facility  string `json:"facility"`
	Severity  string `json:"severity"`
	Transport string `json:"transport"`
	SenderIP  string `json:"sender_ip"`
}

// makeBodies makes n bodies of one vendor's lines each, the vendors round robin, as the
// gateway does, and numbers the messages of all from 0 without gaps.
func makeBodies(n int, compress bool) ([]hecBody, error) {
	var rings []*mix.Ring
	for i, v := range mix.Vendors() {
		ring, err := mix.NewRing(bodyMessages, []mix.Vendor{v}, mix.Datagram, uint64(i))
		if err != nil {
			return nil, fmt.Errorf("make messages for the sink: %w", err)
		}
		rings = append(rings, ring)
	}
	var bodies []hecBody
	var first uint64
	for i := range n {
		vendor := i % len(rings)
		raw, events, err := makeBody(rings[vendor], mix.Vendors()[vendor], first)
		if err != nil {
			return nil, fmt.Errorf("make a body for the sink: %w", err)
		}
		if compress {
			if raw, err = squeeze(raw); err != nil {
				return nil, fmt.Errorf("compress a body for the sink: %w", err)
			}
		}
		bodies = append(bodies, hecBody{raw, events})
		first += events
	}
	return bodies, nil
}

// makeBody makes one body of a vendor's messages, which it numbers from first on.
func makeBody(ring *mix.Ring, v mix.Vendor, first uint64) (raw []byte, events uint64, err error) {
	now := time.Now()
	ring.Number(0, ring.Len(), first, now)
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false) // nor does the gateway
	for i := 0; i < ring.Len() && b.Len() < bodySize; i++ {
		err := lines.Encode(hecEvent{
			Time: now.Unix(), Host: "host-1", Source: "syslog:1514", Sourcetype: "syslog:" + string(v), Index: indexOf(v),
			Event:  string(ring.Bytes(i, i+1)),
			Fields: hecFields{Facility: "local4", Severity: "info", Transport: "tcp", SenderIP: "127.0.0.1"},
		})
		if err != nil {
			return nil, 0, err
		}
		events++
	}
	return b.Bytes(), events, nil
}

// squeeze compresses as the gateway does by default: gzip, level 1.
func squeeze(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := zw.Write(raw); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
