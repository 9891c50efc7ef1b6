package stats

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/stats/desk"
	"syslog-gateway/internal/testkit"
)

// TestWorkIsShared: pages that are open or loaded cost one reading a second, and one rendering
// of each section, however many there are. A page that shows something else costs its own
// sections only.
func TestWorkIsShared(t *testing.T) {
	s := crowd(t)
	s.live.next()
	count := func(look func()) work {
		before := s.live.renderer.work
		look()
		after := s.live.renderer.work
		return work{after.readings - before.readings, after.renders - before.renders}
	}
	load := func(path string) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		testkit.Equal(t, path, w.Code, http.StatusOK)
	}
	all := uint64(len(desk.Sections()))
	testkit.Equal(t, "a hundred pages", count(func() {
		for range 100 {
			load("/stats")
		}
	}), work{1, all})
	testkit.Equal(t, "another window", count(func() {
		for range 10 {
			load("/stats?range=7d")
		}
	}), work{0, 2}) // time, and the volume, whose links keep the window
	renders := uint64(0)
	for range 50 { // ten seconds' worth of lists, and of all else fifty
		s.live.next()
		did := count(func() {
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() { load("/stats") })
			}
			group.Wait()
		})
		testkit.Equal(t, "readings in a second", did.readings, uint64(1))
		renders += did.renders
	}
	var want uint64
	for _, one := range desk.Sections() {
		want += 50 / uint64(one.Every)
	}
	testkit.Equal(t, "renderings in 50 s", renders, want)
	if n := len(s.live.renders); n > 2*int(all) {
		t.Errorf("%d renderings are kept", n)
	}
}

// TestRenderingsAreBounded: whoever asks for ever other scopes makes the server keep no more.
func TestRenderingsAreBounded(t *testing.T) {
	p := open(t)
	for i := range 300 {
		c := desk.Choice{Scope: string(rune('a' + i%26)), Range: string(rune('0' + i))}
		testkit.Try(p.server.live.sections(c))(t)
	}
	if n := len(p.server.live.renders); n > maxRendered {
		t.Errorf("%d renderings are kept", n)
	}
}

// TestOpenPages: many open pages get every reading, and cost one rendering.
func TestOpenPages(t *testing.T) {
	p := open(t, func(o *Options) { o.Sample = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	got := make(chan struct{}, 1024)
	for range 20 {
		group.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.server.Addr().String()+"/api/v1/events", nil)
			resp, err := p.client.Do(r)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			buffer := make([]byte, 64<<10)
			for {
				if _, err := resp.Body.Read(buffer); err != nil {
					return
				}
				got <- struct{}{}
			}
		})
	}
	for range 20 {
		<-got
	}
	p.server.live.mu.Lock()
	first := p.server.live.renderer.work
	p.server.live.mu.Unlock()
	traffic(p.ledger)
	p.server.live.next()
	for range 20 {
		<-got
	}
	p.server.live.mu.Lock()
	did := p.server.live.renderer.work
	p.server.live.mu.Unlock()
	cancel()
	group.Wait()
	if did.readings-first.readings > 2 || did.renders-first.renders > uint64(len(desk.Sections())) {
		t.Errorf("%d readings and %d renderings for 20 pages", did.readings-first.readings, did.renders-first.renders)
	}
}

// BenchmarkOpenPages is a second with 1, 10 and 50 open pages; it reports the work, which must
// not grow with them.
func BenchmarkOpenPages(b *testing.B) {
	for _, pages := range []int{1, 10, 50} {
		b.Run(strconv.Itoa(pages), func(b *testing.B) {
			s := crowd(b)
			c := desk.Choice{}.Choose(nil)
			before := s.live.renderer.work
			b.ReportAllocs()
			for b.Loop() {
				s.live.next()
				for range pages {
					if _, err := s.live.sections(c); err != nil {
						b.Fatal(err)
					}
				}
			}
			did := s.live.renderer.work
			if n := uint64(b.N); did.readings-before.readings > n || did.renders-before.renders > n*uint64(len(desk.Sections())) {
				b.Fatalf("%d readings and %d renderings in %d s for %d pages", did.readings-before.readings, did.renders-before.renders, n, pages)
			}
			b.ReportMetric(float64(did.readings-before.readings)/float64(b.N), "readings/s")
			b.ReportMetric(float64(did.renders-before.renders)/float64(b.N), "renders/s")
		})
	}
}
