package segment

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/testkit"
)

func FuzzDecodeHeader(f *testing.F) {
	good := AppendRecord(nil, 42, aRecord())
	f.Add(good)
	f.Add(good[:MinHeader-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, v := DecodeHeader(b)
		if v != Valid {
			return
		}
		if h.Size()-PrefixLen > MaxRecord || int(h.Len()) > len(b) {
			t.Fatalf("%+v of %d bytes", h, len(b))
		}
		for i := range h.Len() { // one changed bit is noticed
			bad := bytes.Clone(b[:h.Len()])
			bad[i] ^= 1 << (i % 8)
			if _, v := DecodeHeader(bad); v == Valid && i != 44 {
				t.Fatalf("a changed byte %d passes", i)
			}
		}
	})
}

// Reading the headers of any bytes ends, covers every byte once, and finds records that are
// appended behind them.
func FuzzHeaders(f *testing.F) {
	rec := AppendRecord([]byte{0, 0, 0, 0}, 7, aRecord())
	rec[3] = byte(len(rec) - PrefixLen)
	f.Add(rec)
	f.Add(append(slices.Clone(rec), rec[:20]...))
	f.Add(append([]byte("junk"), rec...))
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		res := testkit.Try(Headers(bytes.NewReader(b), int64(len(b)), 0, nil))(t)
		covered := res.Bytes
		for _, d := range res.Damage {
			if d.To <= d.From {
				t.Fatalf("damage %+v", d)
			}
			covered += d.To - d.From
		}
		if res.TornAt >= 0 {
			covered += int64(len(b)) - res.TornAt
		}
		if covered != int64(len(b)) {
			t.Fatalf("%d of %d bytes are covered: %+v", covered, len(b), res)
		}
	})
}

func aRecord() *event.Record {
	return &event.Record{Source: "palo_alto", Events: 4, Raw: 100, Received: time.Unix(1_700_000_003, 0), Body: bytes.Repeat([]byte("x"), 100)}
}
