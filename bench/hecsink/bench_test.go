package hecsink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/bench/mix"
)

// bodies returns gzip bodies of about 512 KiB and the number of events in all.
func bodies(b *testing.B) (packed [][]byte, each int) {
	b.Helper()
	r, err := mix.NewRing(3000, mix.Vendors(), mix.Datagram, 1)
	if err != nil {
		b.Fatal(err)
	}
	each = 1000
	for at := 0; at < r.Len(); at += each {
		r.Number(at, at+each, uint64(at), time.Now())
		var raw strings.Builder
		for i := at; i < at+each; i++ {
			e, err := json.Marshal(string(r.Bytes(i, i+1)))
			if err != nil {
				b.Fatal(err)
			}
			fmt.Fprintf(&raw, `{"time":1767225600,"host":"h","source":"syslog:1514","sourcetype":"cisco:asa","index":"firewall","event":%s,"fields":{"facility":"local4","severity":"info","transport":"tcp","sender_ip":"10.0.0.1"}}`+"\n", e)
		}
		packed = append(packed, zip(b, raw.String()))
	}
	return packed, each
}

// BenchmarkEvent is the cost of one event over HTTP on loopback with its
// decompression, the client's cost included; BenchmarkScan that of counting alone.
func BenchmarkEvent(b *testing.B) {
	b.ReportAllocs()
	packed, each := bodies(b)
	s := New(Options{Expect: 3000, Latency: true})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	b.ResetTimer()
	for i := 0; i < b.N; i += each {
		req, err := http.NewRequest(http.MethodPost, srv.URL+"/services/collector/event", bytes.NewReader(packed[i/each%len(packed)]))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Encoding", "gzip")
		resp, err := srv.Client().Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func BenchmarkScan(b *testing.B) {
	b.ReportAllocs()
	packed, each := bodies(b)
	var raws [][]byte
	for _, p := range packed {
		zr, err := gzip.NewReader(bytes.NewReader(p))
		if err != nil {
			b.Fatal(err)
		}
		raw, err := io.ReadAll(zr)
		if err != nil {
			b.Fatal(err)
		}
		raws = append(raws, raw)
	}
	t := newTally(3000, true)
	var f findings
	b.SetBytes(int64(len(raws[0]) / each))
	b.ResetTimer()
	for i := 0; i < b.N; i += each {
		raw := raws[i/each%len(raws)]
		f.reset()
		f.scan(raw)
		t.take(&f, 0, len(raw), time.Now())
	}
}
