package hec

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// A token without acknowledgement: what is accepted is not delivered, one record finds
// out, and nothing more is posted until a poll says that the token has it.
func TestNoAckID(t *testing.T) {
	s := serve(t, hectest.Options{})
	reg := prometheus.NewPedanticRegistry()
	r := newRig(t, func(o *Options) {
		withAcks(2*time.Millisecond, time.Hour)(o)
		o.HealthInterval, o.Registerer, o.InFlight = 200*time.Millisecond, reg, 8
	}, s)
	src := newMemory(records(20, 2)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "it is refused", func() bool { return r.Endpoints()[0].State == "refused" })
	polls, probes := s.Polls(), s.Probes()
	testkit.Eventually(t, "it is asked whether it has acknowledgement", func() bool { return s.Polls() > polls+1 && s.Probes() > probes+1 })
	testkit.Equal(t, "posts to an endpoint that confirms nothing", s.Requests(), 1)
	st := r.Endpoints()[0]
	if b := r.ledger.Account("cisco_asa").Balance(); b.Delivered != 0 || r.AnyUp() || !strings.Contains(st.LastAnswer, "ackId") {
		t.Errorf("delivered %d; %+v", b.Delivered, st)
	}
	if wait := time.Until(st.RetryTime); wait < 5*time.Minute-time.Minute || wait > 5*time.Minute {
		t.Errorf("the next trial is in %v", wait)
	}
	if log := r.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "useACK") {
		t.Errorf("log:\n%s", log)
	}
	if n := metric(t, reg, "gateway_hec_unconfirmed_answers_total", ""); n != 1 {
		t.Errorf("%v are counted", n)
	}
	s.SetAcks(true)
	testkit.Must(t, wait())
	if b := r.balanced(src, 0); b.Delivered != 40 || s.Requests() != 21 {
		t.Errorf("delivered %d, %d posts", b.Delivered, s.Requests())
	}
	arrived(t, 40, nil, s)
}

// Answers to polls are good, yet posts get no ackId: the trial is after 5
// minutes, and after a reload.
func TestNoAckIDThoughPollsAreWell(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true, Script: hectest.Sequence(hectest.Answer{Status: 200, Text: "Success", NoAckID: true})})
	r := newRig(t, func(o *Options) {
		withAcks(2*time.Millisecond, time.Hour)(o)
		o.HealthInterval = 200 * time.Millisecond
	}, s)
	src := newMemory(records(6, 1)...)
	wait := r.start(t.Context(), src)
	polls := s.Polls()
	testkit.Eventually(t, "it is asked", func() bool { return s.Polls() > polls+2 })
	testkit.Equal(t, "posts", s.Requests(), 1)
	testkit.Must(t, r.setToken(testToken))
	r.ends(wait, src, 6, s)
}

// One endpoint confirms nothing: the other has it all.
func TestNoAckIDOfOneEndpoint(t *testing.T) {
	mute, other := serve(t, hectest.Options{}), serve(t, hectest.Options{Acks: true})
	r := newRig(t, withAcks(2*time.Millisecond, time.Hour), mute, other)
	src := newMemory(records(30, 1)...)
	if b := r.all(src); b.Delivered != 30 || mute.Requests() != 1 {
		t.Errorf("delivered %d, %d posts", b.Delivered, mute.Requests())
	}
	arrived(t, 30, nil, other)
}

func pack(t *testing.T, coding string, body string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip", "GZip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw deflate":
		w, _ = flate.NewWriter(&b, flate.BestSpeed)
	default:
		return body
	}
	_, _ = w.Write([]byte(body))
	w.Close()
	return b.String()
}

// A proxy compresses the answer, though it was not asked to.
func TestCompressedAnswers(t *testing.T) {
	const success = `{"text":"Success","code":0}`
	for _, row := range []struct{ name, header, body string }{
		{"gzip", "gzip", pack(t, "gzip", success)},
		{"x-gzip", "x-gzip", pack(t, "gzip", success)},
		{"any case", "GZip", pack(t, "gzip", success)},
		{"deflate", "deflate", pack(t, "deflate", success)},
		{"raw deflate", "deflate", pack(t, "raw deflate", success)},
		{"two", "deflate, gzip", pack(t, "gzip", pack(t, "deflate", success))},
		{"identity", "identity", success},
		{"gzip and identity", "identity,gzip", pack(t, "gzip", success)},
		{"only said", "gzip", success},
		{"empty", "", success},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := hectest.Answer{Status: 200, Body: row.body, ContentType: "application/json",
				Header: http.Header{"Content-Encoding": {row.header}}, Taken: true}
			s := serve(t, hectest.Options{Script: hectest.Always(a)})
			r := newRig(t, nil, s)
			if b := r.all(newMemory(records(20, 2)...)); b.Delivered != 40 || s.Requests() != 20 {
				t.Errorf("delivered %d with %d posts", b.Delivered, s.Requests())
			}
			for _, h := range s.Headers() {
				testkit.Equal(t, "asked for", h.Get("Accept-Encoding"), "identity")
			}
		})
	}
}

// A 200 that cannot be read: the events are not given up, and not sent again and again.
func TestAnswerThatCanNotBeRead(t *testing.T) {
	big := pack(t, "gzip", strings.Repeat(" ", 10<<20)+`{"text":"Success","code":0}`)
	for _, row := range []struct{ name, header, body string }{
		{"brotli", "br", "\x0b\x0d\x80{...}\x03"}, {"no gzip", "gzip", "<html>"}, {"cut gzip", "gzip", pack(t, "gzip", "{}")[:12]},
		{"a bomb", "gzip", big}, {"many", "gzip,gzip,gzip,gzip", "x"},
		{"unknown, though the body is valid", "zstd", `{"text":"Success","code":0}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Status: 200, Body: row.body, Taken: true,
				Header: http.Header{"Content-Encoding": {row.header}}})})
			r := newRig(t, func(o *Options) { o.HealthInterval = 5 * time.Millisecond; o.InFlight = 4 }, s)
			ctx, cancel := context.WithCancel(t.Context())
			src := newMemory(records(20, 1)...)
			wait := r.start(ctx, src)
			testkit.Eventually(t, "it is out", func() bool { return !r.AnyUp() })
			testkit.Eventually(t, "probes", func() bool { return s.Probes() > 10 })
			if n := s.Requests(); n > 4 {
				t.Errorf("%d posts", n)
			}
			if last := r.Endpoints()[0].LastAnswer; !strings.Contains(last, "cannot be read") {
				t.Errorf("last answer %q", last)
			}
			s.SetScript(nil)
			if err := r.setToken(testToken); err != nil { // a reload
				t.Fatal(err)
			}
			defer cancel()
			r.ends(wait, src, 20, s)
		})
	}
	// What is no 2xx is understood by its status.
	s := serve(t, hectest.Options{Script: hectest.Sequence(hectest.Answer{Status: 503, Body: "\x0b", Header: http.Header{"Content-Encoding": {"br"}}})})
	newRig(t, nil, s).all(newMemory(records(3, 1)...))
	testkit.Equal(t, "posts", s.Requests(), 4)
}

// Whatever the header and the bytes: decoding ends, within its bound.
func FuzzDecode(f *testing.F) {
	f.Add("gzip", []byte("\x1f\x8b\x08\x00"))
	f.Add("deflate, gzip", []byte("{}"))
	f.Add("br", []byte("x"))
	f.Fuzz(func(t *testing.T, coding string, body []byte) {
		plain, err := decode(http.Header{"Content-Encoding": {coding}}, body)
		if err == nil && len(plain) > max(maxAnswer, len(body)) {
			t.Errorf("%d bytes", len(plain))
		}
	})
}
