package stats

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The bounds of the live page.
const (
	maxLive    = 64
	beatEvery  = 15 * time.Second // a comment that keeps proxies from closing the stream
	liveWrites = 10 * time.Second // how long a client may take for one piece
	// streamBuffer is what the kernel keeps for a client that does not read.
	streamBuffer = 64 << 10
	// streamRetry is what a stream that is refused is told to wait.
	streamRetry = "15"
)

// sections are the parts of the page that are sent anew when they have changed, in
// their order.
func sections() []string {
	return []string{"uptime", "health", "books", "sources", "queue", "endpoints", "senders", "problems"}
}

// live hands out what has changed. All pages that show the same are rendered once.
type live struct {
	streams *bounded
	mu      sync.Mutex
	tick    chan struct{} // closed and renewed when there is a new reading
	// of the present reading, by what is shown
	rendered map[shown]map[string]part
}

// part is a rendered section, ready to be sent, and its digest.
type part struct {
	text []byte
	sum  [sha256.Size]byte
}

// shown is what decides how a page looks.
type shown struct {
	admin, lines, up bool
	scope            string
}

func newLive() *live {
	return &live{streams: newBounded(maxLive), tick: make(chan struct{}), rendered: make(map[shown]map[string]part)}
}

// next tells all pages that there is a new reading.
func (l *live) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.rendered)
	close(l.tick)
	l.tick = make(chan struct{})
}

// parts renders the sections, or takes them from whoever has rendered them before.
func (s *Server) parts(what shown) (map[string]part, <-chan struct{}, error) {
	l := s.live
	l.mu.Lock()
	tick, parts := l.tick, l.rendered[what]
	l.mu.Unlock()
	if parts != nil {
		return parts, tick, nil
	}
	v := s.view(what)
	parts = make(map[string]part)
	for _, name := range sections() {
		var b bytes.Buffer
		if err := s.page.template.ExecuteTemplate(&b, name, v); err != nil {
			return nil, tick, fmt.Errorf("section %s: %w", name, err)
		}
		message, err := sectionJSON(name, v.Health.Level, b.String())
		if err != nil {
			return nil, tick, err
		}
		text := fmt.Appendf(nil, "event: section\ndata: %s\n\n", message)
		parts[name] = part{text, sha256.Sum256(message)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if tick == l.tick && len(l.rendered) < maxLive {
		l.rendered[what] = parts
	}
	return parts, tick, nil
}

// sectionJSON writes a section for the page's script. It is never part of a page, so <
// and > may stay.
func sectionJSON(id, level, html string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]string{"id": id, "html": html, "level": level})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// stream is an answer that goes on (HTML, section 9.2, server-sent events; or JSON
// lines).
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	conn    *conn // whose only answer this is from here on; nil where it carries others
	ok      bool
}

func newStream(w http.ResponseWriter, r *http.Request, kind string) *stream {
	s := &stream{w: w, control: http.NewResponseController(w), ok: true}
	if c := connOf(r); c != nil && r.ProtoMajor == 1 {
		s.conn = c
		c.streaming()
		w.Header().Set("Connection", "close")
	}
	_ = s.control.SetReadDeadline(time.Time{}) // the server's is for requests
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Accel-Buffering", "no") // of nginx
	w.WriteHeader(http.StatusOK)
	s.send()
	return s
}

// send writes pieces; a client that takes too long for them is given up.
func (s *stream) send(pieces ...[]byte) {
	if !s.ok {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(liveWrites))
	for _, p := range pieces {
		if _, err := s.w.Write(p); err != nil {
			s.giveUp()
			return
		}
	}
	if s.control.Flush() != nil {
		s.giveUp()
	}
}

func (s *stream) giveUp() {
	s.ok = false
	if s.conn != nil {
		s.conn.abort()
	}
}

// refuseStream answers a stream that there is no room for, and has its connection closed.
func (s *Server) refuseStream(w http.ResponseWriter, why string) {
	s.refused.WithLabelValues("streams").Inc()
	w.Header().Set("Retry-After", streamRetry)
	w.Header().Set("Connection", "close")
	plain(w, http.StatusServiceUnavailable, why+"\n")
}

// serveEvents sends the sections of the page whenever they have changed.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request, may rights) {
	what := shown{
		admin: may.admin && s.operator != nil, lines: may.lines,
		up: r.URL.Query().Has("up"), scope: r.URL.Query().Get("scope"),
	}
	ended, end := context.WithCancel(r.Context())
	defer end()
	place := &member{from: party(r.RemoteAddr), end: end}
	given, in := s.live.streams.enter(place, true)
	if !in {
		s.refuseStream(w, fmt.Sprintf("%d pages are open already, and no address has more of them than yours", maxLive))
		return
	}
	defer s.live.streams.leave(place)
	if given != nil {
		given.end()
		s.refused.WithLabelValues("streams").Inc()
	}
	out := newStream(w, r, "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	had := make(map[string][sha256.Size]byte)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for out.ok {
		var news [][]byte
		parts, tick, err := s.parts(what)
		if err != nil {
			s.http.ErrorLog.Printf("cannot write /api/v1/events: %v", err)
			return
		}
		for _, name := range sections() {
			if p := parts[name]; p.sum != had[name] {
				had[name] = p.sum
				news = append(news, p.text)
			}
		}
		if len(news) > 0 {
			out.send(news...)
		}
		select {
		case <-tick:
		case <-beat.C:
			out.send([]byte(": still here\n\n"))
		case <-ended.Done():
			return
		case <-s.ending:
			return
		}
	}
}
