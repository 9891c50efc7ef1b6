package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/tap"
)

const (
	// sendEvery is how often waiting messages are sent: people see no difference, and
	// there are fewer system calls.
	sendEvery = 100 * time.Millisecond
	// countsEvery is how often a tap sends how many messages it has examined.
	countsEvery = 2 * time.Second
)

// tapStreams serves the tap.
type tapStreams struct {
	hub     *tap.Hub // nil if there is none
	refused *prometheus.CounterVec
	ending  <-chan struct{} // closed when the server stops
}

// tapped is one message as the tap shows it.
type tapped struct {
	Time      time.Time       `json:"time"`
	Source    string          `json:"source"`
	Transport string          `json:"transport"`
	Sender    string          `json:"sender"`
	Host      string          `json:"host"`
	Class     string          `json:"class"`
	Pack      string          `json:"pack"`  // of the class; empty for the built-in families
	Rules     []string        `json:"rules"` // what rules did, in words
	Truncated bool            `json:"truncated"`
	Dropped   string          `json:"dropped"` // why there is no event
	Raw       string          `json:"raw"`     // as received; invalid UTF-8 is U+FFFD
	Event     json.RawMessage `json:"event"`   // as Splunk gets it; null when dropped
}

// serve sends messages as they go through: as server-sent events, or with ?format=ndjson
// as JSON lines. ?source=, ?sender=, ?class=, ?pack=, ?rule= and ?text= choose, ?limit= and
// ?seconds= end it.
func (s *tapStreams) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), 0, 1, 100000)
	seconds, err2 := whole(q.Get("seconds"), 0, 1, 86400)
	lines := q.Get("format") == "ndjson"
	switch {
	case !may.Lines:
		forbidLines(w)
		return
	case s.hub == nil:
		plain(w, http.StatusNotFound, "there is no tap here\n")
		return
	case err != nil || err2 != nil || (!lines && q.Get("format") != "" && q.Get("format") != "sse"):
		plain(w, http.StatusBadRequest, "limit is a number from 1 on, seconds one from 1 to 86400, format is sse or ndjson\n")
		return
	}
	t, err := s.hub.Listen(tap.Filter{Source: q.Get("source"), Sender: q.Get("sender"), Class: q.Get("class"), Pack: q.Get("pack"), Rule: q.Get("rule"), Text: q.Get("text")})
	switch {
	case errors.Is(err, tap.ErrBusy):
		refuseStream(w, s.refused, err.Error())
		return
	case err != nil:
		plain(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	defer t.Close()
	kind := "text/event-stream"
	if lines {
		kind = "application/x-ndjson"
	}
	out := tapStream{newStream(w, r, kind), lines}
	if r.Method == http.MethodHead {
		return
	}
	var end <-chan time.Time
	if seconds > 0 {
		timer := time.NewTimer(time.Duration(seconds) * time.Second)
		defer timer.Stop()
		end = timer.C
	}
	s.send(r, out, t, limit, end)
}

// send sends until limit messages were sent, the time is up, or the client is gone.
func (s *tapStreams) send(r *http.Request, out tapStream, t *tap.Tap, limit int, end <-chan time.Time) {
	counts := time.NewTicker(countsEvery)
	defer counts.Stop()
	ready := time.NewTicker(sendEvery)
	defer ready.Stop()
	out.counts(t)
	for sent := 0; out.ok; {
		select {
		case <-ready.C:
			var have []tap.Message
			if have = waiting(t, limit-sent); len(have) == 0 {
				continue
			}
			out.messages(have)
			if sent += len(have); sent == limit {
				return
			}
		case <-counts.C:
			out.counts(t)
		case <-end:
			return
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		}
	}
}

// waiting takes the messages that wait, at most limit; all with a limit of 0 or less.
func waiting(t *tap.Tap, limit int) (have []tap.Message) {
	for limit <= 0 || len(have) < limit {
		select {
		case m := <-t.Messages():
			have = append(have, m)
		default:
			return have
		}
	}
	return have
}

func tapMessage(m tap.Message) tapped {
	return tapped{
		Time: m.Received.UTC(), Source: m.Source, Transport: m.Transport, Sender: m.From.String(), Host: m.Host,
		Class: m.Class, Pack: m.Pack, Rules: monitor.OrEmpty(m.Rules), Truncated: m.Truncated, Dropped: m.Dropped,
		Raw: strings.ToValidUTF8(string(m.Raw), "\ufffd"), Event: m.Event,
	}
}

// tapStream writes JSON as server-sent events or as lines. Lines have no counts: each line
// is a message.
type tapStream struct {
	*stream
	lines bool
}

func (o tapStream) messages(list []tap.Message) {
	var b bytes.Buffer
	for _, m := range list {
		o.write(&b, "message", tapMessage(m))
	}
	o.send(b.Bytes())
}

func (o tapStream) counts(t *tap.Tap) {
	if !o.lines {
		var b bytes.Buffer
		o.write(&b, "counts", t.Counts())
		o.send(b.Bytes())
	}
}

func (o tapStream) write(to *bytes.Buffer, kind string, v any) {
	body, err := readable(v)
	if err != nil { // an event that is not JSON is a bug, and must be seen
		body, _ = readable(map[string]string{"error": fmt.Sprint(err)})
	}
	if o.lines {
		to.Write(body)
		return
	}
	fmt.Fprintf(to, "event: %s\ndata: %s\n", kind, body)
}

// readable is JSON with a line end, and with <134> as people know it: net/http serves it as
// no HTML.
func readable(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
