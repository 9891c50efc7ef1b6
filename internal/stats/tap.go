package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"syslog-gateway/internal/tap"
)

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
		plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
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
	out := tapStream{newStream(w, kind), lines}
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
	out.write("counts", t.Counts())
	for sent := 0; out.ok; {
		select {
		case m := <-t.Messages():
			out.write("message", tapMessage(m))
			if sent++; sent == limit {
				return
			}
		case <-counts.C:
			out.write("counts", t.Counts())
		case <-end:
			return
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		}
	}
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

func (o tapStream) write(kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // an event that is no JSON is a bug; it must be seen
		body, _ = json.Marshal(map[string]string{"error": fmt.Sprint(err)})
	}
	switch {
	case !o.lines:
		o.send([]byte("event: "+kind+"\ndata: "), body, []byte("\n\n"))
	case kind == "message":
		o.send(body, []byte("\n"))
	}
}

// forbidLines says who may see lines of messages.
func forbidLines(w http.ResponseWriter) {
	plain(w, http.StatusForbidden, "lines of messages are shown to a user only (stats.username), or to requests from this machine\n")
}
