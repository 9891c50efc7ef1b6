package stats

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/desk"
)

// The bounds of the live page.
const (
	maxLive   = 64
	keepAlive = 15 * time.Second // between comments that keep proxies from closing the stream
)

// live sends the sections of the page that have changed.
type live struct {
	renderer
	errors  *log.Logger
	streams *bounded
	refused *prometheus.CounterVec
	ending  <-chan struct{} // closed when the server stops
	choose  func(*http.Request, auth.Rights, string, bool) desk.Choice

	waking  sync.Mutex
	changed chan struct{} // closed and renewed when there is a new reading
}

func newLive(d *desk.Desk, errors *log.Logger, refused *prometheus.CounterVec, ending <-chan struct{}) *live {
	return &live{
		renderer: renderer{desk: d, renders: make(map[sectionKey]kept)}, errors: errors, streams: newBounded(maxLive), refused: refused,
		ending: ending, changed: make(chan struct{}),
	}
}

// next wakes all pages for a new reading, and renew after something has been done: then all
// sections are rendered anew.
func (l *live) next()  { l.wake(false) }
func (l *live) renew() { l.wake(true) }

func (l *live) wake(all bool) {
	l.renderer.next(all)
	l.waking.Lock()
	defer l.waking.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// news is closed when there is a new reading.
func (l *live) news() <-chan struct{} {
	l.waking.Lock()
	defer l.waking.Unlock()
	return l.changed
}

// serve sends the sections of the page whenever they have changed.
func (l *live) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	c := l.choose(r, may, r.URL.Query().Get("scope"), r.URL.Query().Has("up")).Settle(l.reading())
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
		changed := l.news() // before the sections are read: what comes meanwhile is not missed
		all, err := l.sections(c)
		if err != nil {
			l.errors.Printf("cannot write /api/v1/events: %v", err)
			return
		}
		var news [][]byte
		for _, one := range all {
			if one.sum != sent[one.name] {
				sent[one.name] = one.sum
				news = append(news, one.event)
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
