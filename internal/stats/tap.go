package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"syslog-gateway/internal/tap"
)

// pourEvery is how often what has come is sent: people see no difference, and the
// kernel is called less.
const pourEvery = 100 * time.Millisecond

// countsEvery is how often a tap tells how much it has looked at.
const countsEvery = 2 * time.Second

// tapped is one message as the tap shows it.
type tapped struct {
	Time      time.Time       `json:"time"`
	Source    string          `json:"source"`
	Transport string          `json:"transport"`
	Sender    string          `json:"sender"`
	Host      string          `json:"host"`
	Class     string          `json:"class"`
	Truncated bool            `json:"truncated"`
	Dropped   string          `json:"dropped"` // the reason for which there is no event
	Raw       string          `json:"raw"`     // as received; what is no UTF-8 is U+FFFD
	Event     json.RawMessage `json:"event"`   // as Splunk gets it; null when dropped
}

// serveTap sends messages as they go through: as server-sent events, or with
// ?format=ndjson as JSON lines. ?source=, ?sender=, ?class= and ?text= choose, ?limit=
// and ?seconds= end it.
func (s *Server) serveTap(w http.ResponseWriter, r *http.Request, may rights) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), 0, 1, 100000)
	seconds, err2 := whole(q.Get("seconds"), 0, 1, 86400)
	lines := q.Get("format") == "ndjson"
	switch {
	case !may.lines:
		forbidLines(w)
		return
	case s.taps == nil:
		plain(w, http.StatusNotFound, "there is no tap here\n")
		return
	case err != nil || err2 != nil || (!lines && q.Get("format") != "" && q.Get("format") != "sse"):
		plain(w, http.StatusBadRequest, "limit is a number from 1 on, seconds one from 1 to 86400, format is sse or ndjson\n")
		return
	}
	t, err := s.taps.Listen(tap.Filter{Source: q.Get("source"), Sender: q.Get("sender"), Class: q.Get("class"), Text: q.Get("text")})
	switch {
	case errors.Is(err, tap.ErrBusy):
		s.refuseStream(w, err.Error())
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
	s.pour(r, out, t, limit, end)
}

// pour sends until limit messages were sent, or it is time, or the client is gone.
func (s *Server) pour(r *http.Request, out tapStream, t *tap.Tap, limit int, end <-chan time.Time) {
	counts := time.NewTicker(countsEvery)
	defer counts.Stop()
	ready := time.NewTicker(pourEvery)
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

// waiting takes what has come, at most limit of it; with a limit of 0 or less, all.
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
		Class: m.Class, Truncated: m.Truncated, Dropped: m.Dropped,
		Raw: strings.ToValidUTF8(string(m.Raw), "\ufffd"), Event: m.Event,
	}
}

// tapStream writes JSON as server-sent events or as lines. Counts are left out of lines:
// each of those is a message.
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
	body, err := json.Marshal(v)
	if err != nil { // an event that is no JSON is a bug; it must be seen
		body, _ = json.Marshal(map[string]string{"error": fmt.Sprint(err)})
	}
	if o.lines {
		to.Write(append(body, '\n'))
		return
	}
	fmt.Fprintf(to, "event: %s\ndata: %s\n\n", kind, body)
}

// forbidLines says who may see lines of messages.
func forbidLines(w http.ResponseWriter) {
	plain(w, http.StatusForbidden, "lines of messages are shown to a user only: log in, or set stats.username and its password; "+
		"on the machine itself `gateway tap` shows them\n")
}
