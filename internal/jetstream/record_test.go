package jetstream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"syslog-gateway/internal/event"
)

// FuzzRecord: what somebody else has put into a stream is an error, never a record that was
// not stored so, and a record is read as it was stored.
func FuzzRecord(f *testing.F) {
	f.Add("3", "99", "linux", "1773498532000000000", "gzip", "0", []byte("body"))
	f.Add("", "-1", "", "x", "br", "ffffffffff", []byte{})
	f.Fuzz(func(t *testing.T, events, raw, source, received, encoding, crc string, body []byte) {
		h := nats.Header{headerEvents: {events}, headerRaw: {raw}, headerSource: {source}, headerReceived: {received}, headerEncoding: {encoding}, headerCRC: {crc}}
		r, err := recordOf(h, body)
		if err != nil {
			return
		}
		again, err := recordOf(headersOf(&r), r.Body)
		if err != nil || again.Source != r.Source || again.Events != r.Events || again.Raw != r.Raw || !again.Received.Equal(r.Received) || again.Encoding != r.Encoding {
			t.Errorf("%+v becomes %+v: %v", r, again, err)
		}
	})
}

// TestDamaged: a body that is not what was stored is found by its checksum.
func TestDamaged(t *testing.T) {
	r := event.Record{Source: "linux", Events: 1, Raw: 4, Received: time.Unix(1, 2), Body: []byte("body")}
	h := headersOf(&r)
	if _, err := recordOf(h, []byte("bodi")); err != errDamaged {
		t.Errorf("a damaged body: %v", err)
	}
	if _, err := recordOf(h, r.Body); err != nil {
		t.Error(err)
	}
}

// TestNames: identifiers differ by gateway, shard, number and time; subjects are bounded.
func TestNames(t *testing.T) {
	r := event.Record{Seq: 7, Received: time.Unix(0, 255)}
	if got := identifier("gw-1", 3, &r); got != "gw-1:3:7:ff" {
		t.Error(got)
	}
	if got := subjectOf(2, "my.source >", "gw*1"); got != "syslog.02.my_source__.gw_1" {
		t.Error(got)
	}
}
