package stats

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/tap"
)

// maxFollowers is how many streams of unknown lines may be open.
const maxFollowers = 16

// unknownLines serves the last messages that no rule knows.
type unknownLines struct {
	ring      *tap.Ring // nil if there is none
	refused   *prometheus.CounterVec
	errors    *log.Logger
	ending    <-chan struct{} // closed when the server stops
	followers atomic.Int32
}

// unknownLine is one message that no rule knows.
type unknownLine struct {
	Time      time.Time `json:"time"`
	Source    string    `json:"source"`
	Transport string    `json:"transport"`
	Sender    string    `json:"sender"`
	Host      string    `json:"host"`
	Truncated bool      `json:"truncated"`
	Raw       string    `json:"raw"` // as received; invalid UTF-8 is U+FFFD
}

func newUnknownLine(m tap.Message) unknownLine {
	return unknownLine{
		Time: m.Received.UTC(), Source: m.Source, Transport: m.Transport, Sender: m.From.String(), Host: strings.ToValidUTF8(m.Host, "\ufffd"),
		Truncated: m.Truncated, Raw: strings.ToValidUTF8(string(m.Raw), "\ufffd"),
	}
}

// serve lists the newest unknown messages, the newest last: ?limit= at most so many.
// ?source=, ?sender= and ?text= choose. With ?format=ndjson they are JSON lines, which with
// ?follow=true go on with those that come.
func (u *unknownLines) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), tap.RingSize, 1, tap.RingSize)
	format, follow := cmp.Or(q.Get("format"), "json"), cmp.Or(q.Get("follow"), "false")
	lines := format == "ndjson"
	switch {
	case !may.Lines:
		forbidLines(w)
		return
	case u.ring == nil:
		plain(w, http.StatusNotFound, "unknown messages are not kept here\n")
		return
	case err != nil || !lines && format != "json" || follow != "false" && (follow != "true" || !lines):
		plain(w, http.StatusBadRequest, fmt.Sprintf(
			"limit is a number from 1 to %d, format is json or ndjson, follow is true or false and needs ndjson\n", tap.RingSize))
		return
	}
	f, err := u.ring.Follow(tap.Filter{Source: q.Get("source"), Sender: q.Get("sender"), Text: q.Get("text")})
	switch {
	case err != nil:
		plain(w, http.StatusBadRequest, err.Error()+"\n")
	case follow == "true":
		u.follow(w, r, f, limit)
	case lines:
		write(w, http.StatusOK, "application/x-ndjson", jsonLines(newest(f.Next(), limit)))
	default:
		list := []unknownLine{}
		for _, m := range newest(f.Next(), limit) {
			list = append(list, newUnknownLine(m))
		}
		writeJSON(w, u.errors, "/api/v1/unparsed", map[string]any{"now": time.Now().UTC(), "unparsed": list})
	}
}

// newest are the last messages of a list, at most so many.
func newest(list []tap.Message, most int) []tap.Message { return list[max(len(list)-most, 0):] }

// follow sends the newest messages and then those that come, until the client is gone.
func (u *unknownLines) follow(w http.ResponseWriter, r *http.Request, f *tap.Follower, limit int) {
	defer u.followers.Add(-1)
	if u.followers.Add(1) > maxFollowers {
		refuseStream(w, u.refused, "too many streams of unknown messages are open")
		return
	}
	out := newStream(w, r, "application/x-ndjson")
	if r.Method == http.MethodHead {
		return
	}
	ready := time.NewTicker(sendEvery)
	defer ready.Stop()
	for list := newest(f.Next(), limit); out.ok; list = f.Next() {
		if len(list) > 0 {
			out.send(jsonLines(list))
		}
		select {
		case <-ready.C:
		case <-r.Context().Done():
			return
		case <-u.ending:
			return
		}
	}
}

// jsonLines writes messages as JSON, one a line.
func jsonLines(list []tap.Message) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, m := range list {
		_ = enc.Encode(newUnknownLine(m)) // of texts, numbers and a time: cannot fail
	}
	return b.Bytes()
}
