package stats

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/stats/auth"
)

// The bounds of the live page.
const (
	maxLive   = 64
	keepAlive = 15 * time.Second // between comments that keep proxies from closing the stream
)

// live sends the sections of the page that have changed. Pages that show the same are
// rendered once.
type live struct {
	page    *page
	streams *bounded
	refused *prometheus.CounterVec
	ending  <-chan struct{} // closed when the server stops

	mu       sync.Mutex
	changed  chan struct{}                // closed and renewed when there is a new reading
	rendered map[shown]map[string]section // of the newest reading
}

func newLive(p *page, refused *prometheus.CounterVec, ending <-chan struct{}) *live {
	return &live{
		page: p, streams: newBounded(maxLive), refused: refused, ending: ending,
		changed: make(chan struct{}), rendered: make(map[shown]map[string]section),
	}
}

// next wakes all pages for a new reading.
func (l *live) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.rendered)
	close(l.changed)
	l.changed = make(chan struct{})
}

// sections renders the sections, unless another stream has rendered the same before. The
// channel is closed when they are out of date.
func (l *live) sections(what shown) (map[string]section, <-chan struct{}, error) {
	l.mu.Lock()
	changed, rendered := l.changed, l.rendered[what]
	l.mu.Unlock()
	if rendered != nil {
		return rendered, changed, nil
	}
	rendered, err := l.page.render(what)
	if err != nil {
		return nil, changed, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if changed == l.changed && len(l.rendered) < maxLive {
		l.rendered[what] = rendered
	}
	return rendered, changed, nil
}

// serve sends the sections of the page whenever they have changed.
func (l *live) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	what := l.page.shown(may, r.URL.Query().Get("scope"), r.URL.Query().Has("up"))
	ended, end := context.WithCancel(r.Context())
	defer end()
	stream := &member{from: party(r.RemoteAddr), end: end}
	given, in := l.streams.enter(stream, true)
	if !in {
		refuseStream(w, l.refused, fmt.Sprintf("%d pages are open already, and no address has more of them than yours", maxLive))
		return
	}
	defer l.streams.leave(stream)
	if given != nil {
		given.end()
		l.refused.WithLabelValues("streams").Inc()
	}
	out := newStream(w, r, "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	sent := make(map[string][sha256.Size]byte)
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	for out.ok {
		rendered, changed, err := l.sections(what)
		if err != nil {
			l.page.errors.Printf("cannot write /api/v1/events: %v", err)
			return
		}
		var news [][]byte
		for _, name := range sections() {
			if p := rendered[name]; p.sum != sent[name] {
				sent[name] = p.sum
				news = append(news, p.text)
			}
		}
		if len(news) > 0 {
			out.send(news...)
		}
		select {
		case <-changed:
		case <-idle.C:
			out.send([]byte(": still here\n\n"))
		case <-ended.Done():
			return
		case <-l.ending:
			return
		}
	}
}
