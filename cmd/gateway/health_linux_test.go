package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/service"
	"syslog-gateway/internal/stats"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/testkit"
)

// What is said of a situation must be said, and be gone, within these times; the shorter
// one is for what an operator has to hear at once.
const (
	saidSoon   = 15 * time.Second
	saidAtLast = 60 * time.Second
)

// scene plays situations against one gateway and notes which sentences of health it saw
// come and go.
type scene struct {
	t    *testing.T
	page func() (summary string, problems []string)

	mu   *sync.Mutex
	seen map[string]bool
}

// says reports whether health says a sentence now.
func (s *scene) says(sentence string) bool {
	summary, _ := s.page()
	pattern := regexp.QuoteMeta(sentence)
	pattern = strings.NewReplacer("%d", `[\d,]+`, "%s", `[^;]+?`).Replace(pattern)
	return regexp.MustCompile(`(?i)(^|; )` + pattern + `(;|\.$)`).MatchString(summary)
}

// within waits until something is so.
func (s *scene) within(d time.Duration, what string, done func() bool) {
	s.t.Helper()
	if !testkit.Within(d, done) {
		summary, problems := s.page()
		s.t.Fatalf("after %v it is still not so that %s; health: %q %q", d, what, summary, problems)
	}
}

// when makes a situation, waits for its sentences, ends it, and waits until they are gone.
func (s *scene) when(d time.Duration, begin, end func(), sentences ...string) {
	s.t.Helper()
	begin()
	for _, one := range sentences {
		s.within(d, fmt.Sprintf("health says %q", one), func() bool { return s.says(one) })
	}
	end()
	for _, one := range sentences {
		s.within(saidAtLast, fmt.Sprintf("%q is gone", one), func() bool { return !s.says(one) })
		s.mu.Lock()
		s.seen[one] = true
		s.mu.Unlock()
	}
}

// health reads the page of a site.
func (s *site) health() (string, []string) {
	var st struct {
		Health   struct{ Summary string }
		Problems []string
	}
	if r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/status", s.stats)); err == nil { // else it is not running
		defer r.Body.Close()
		_ = json.NewDecoder(r.Body).Decode(&st)
	}
	return st.Health.Summary, st.Problems
}

// inside runs the gateway of a site in this process, so that a test can reach its stages.
func (s *site) inside() *service.Gateway {
	s.t.Helper()
	c := testkit.Try(config.Load(s.file, nil, nil))(s.t)
	log := new(testkit.Log)
	g := testkit.Try(service.New(service.Options{Config: c, Token: testToken, Log: slog.New(slog.NewTextHandler(log, nil)), Level: new(slog.LevelVar)}))(s.t)
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- g.Serve(ctx, ctx, func() { close(ready) }) }()
	s.t.Cleanup(func() {
		stop()
		testkit.Equal(s.t, "serve", <-ended, nil)
		if s.t.Failed() {
			s.t.Logf("log of the gateway:\n%s", log)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		s.t.Fatal(err)
	}
	return g
}

// traffic sends until it is told to stop: so many messages at a time, ten times a second.
// It drops what a gateway that holds it back does not take.
func (s *site) traffic(source string, n int) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	c := s.dial("tcp", source)
	text := strings.Repeat(line(source, "mark=traffic")+"\n", n)
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := c.Write([]byte(text)); err != nil {
				c.Close()
				if c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports[source])); err != nil {
					return
				}
			}
			select {
			case <-ctx.Done():
				c.Close()
				return
			case <-tick.C:
			}
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.t.Cleanup(stop)
	return stop
}

// say sends lines to a source.
func (s *site) say(source string, lines ...string) {
	s.t.Helper()
	c := s.dial("tcp", source)
	testkit.Try(fmt.Fprintln(c, strings.Join(lines, "\n")))(s.t)
	c.Close()
}

// TestHealthOfRealSituations makes the situation of each sentence that health may say, sees
// it said, ends the situation, and sees it gone.
func TestHealthOfRealSituations(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]bool)
	scenes := map[string]func(*testing.T, func(*testing.T, *site) *scene){
		"starting and stopping": playStart, "delivering": playDelivery, "drain and maintenance": playModes, "slow": playSlow,
		"full": playFull, "disk": playDisk, "damage": playDamage, "dead letters": playDeadLetters,
		"senders": playSenders, "little space": playSpace, "silence": playSilence, "packs": playPacks,
		"cluster": playCluster,
		"windows": playWindows, "nearly full": playNearlyFull, "flood": playFlood,
	}
	played := 0
	t.Run("scenes", func(t *testing.T) {
		for name, play := range scenes {
			t.Run(name, func(t *testing.T) {
				played++
				t.Parallel()
				play(t, func(t *testing.T, s *site) *scene { return &scene{t: t, page: s.health, mu: &mu, seen: seen} })
			})
		}
	})
	if t.Failed() || played < len(scenes) { // -run chose some
		return
	}
	for _, sentence := range monitor.Sentences() {
		if !seen[sentence] {
			t.Errorf("no situation makes and ends %q", sentence)
		}
	}
}

func nothing() {}

func playStart(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "")
	sc := on(t, s)
	var p *process
	sc.when(saidSoon, func() { p = s.start() }, func() { s.say("linux", line("linux", "mark=1")) },
		"%s listening, nothing received yet", "nothing sent to Splunk yet")
	sc.when(saidSoon, nothing, func() {
		for source := range s.ports {
			s.say(source, line(source, "mark=1"))
		}
	}, "%d of %d sources receiving", "nothing from %s yet")
	sc.when(saidSoon, func() {
		s.hec.SetScript(hectest.Always(hectest.Answer{Fault: hectest.Hang}))
		s.say("linux", line("linux", "mark=2"))
		testkit.Eventually(t, "it is on the wire", func() bool { return s.metrics().Sum("gateway_hec_in_flight") > 0 })
		_ = p.cmd.Process.Signal(os.Interrupt)
	}, func() {
		s.hec.SetScript(nil)
		p.kill()
		p = s.start()
	}, "not all ports are open")
}

func playDelivery(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "batch: {max_events: 20}\n")
	sc := on(t, s)
	other := hectest.New(hectest.Options{Token: testToken})
	t.Cleanup(other.Close)
	s.write(strings.Replace(s.read(), `["`+s.hec.URL()+`"]`, `["`+s.hec.URL()+`", "`+other.URL()+`"]`, 1))
	both := func(f func(*hectest.Server)) func() { return func() { f(s.hec); f(other) } }
	script := func(sc hectest.Script) func() { return both(func(h *hectest.Server) { h.SetScript(sc) }) }
	s.start()
	s.traffic("linux", 20)
	sc.when(saidSoon, nothing, script(hectest.Always(hectest.Busy())), "Splunk is keeping up")
	// it is up, and answers health probes
	sc.when(saidSoon, nothing, script(nil), "nothing delivered for %s, posts fail: %s")
	sc.when(saidSoon, both(func(h *hectest.Server) { h.SetDown(true) }), both(func(h *hectest.Server) { h.SetDown(false) }),
		"Splunk does not take events: %s")
	sc.when(saidSoon, func() { other.SetDown(true) }, func() { other.SetDown(false) }, "%d of %d endpoints take nothing: %s")
	// What a refused token was answered stays, however well the health probes are.
	last := func() string {
		var got struct {
			Endpoints []struct {
				URL  string
				Last string `json:"last_answer"`
			}
		}
		s.api("/api/v1/endpoints", &got)
		return got.Endpoints[1].Last
	}
	sc.when(saidSoon, script(hectest.Always(hectest.Refuse(http.StatusForbidden, 4, "Invalid token"))), func() {
		refused := func() bool { return strings.Contains(last(), "403") && strings.Contains(last(), "Invalid token") }
		testkit.Eventually(t, "no answer of before is the last any more", refused)
		for probes := other.Probes(); other.Probes() < probes+5; {
			if got := last(); !refused() {
				t.Fatalf("the last answer of an endpoint that refuses the token is %q", got)
			}
		}
		if summary, _ := s.health(); !strings.Contains(summary, "403 Invalid token") {
			t.Errorf("health: %q", summary)
		}
		script(nil)()
	}, "Splunk does not take events: %s")
	sc.within(saidSoon, "the refusal is not shown any more", func() bool { return !strings.Contains(last(), "403") })
}

func playSlow(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "batch: {max_events: 50, max_age: 20ms}\nbalancer: {shards: 1}\n")
	s.write(strings.Replace(s.read(), "hec: {", "hec: {in_flight: 1, ", 1))
	sc := on(t, s)
	s.start()
	slowly := func(d time.Duration) { s.hec.SetScript(hectest.Always(hectest.Answer{Delay: d})) }
	slowly(500 * time.Millisecond)
	stop := s.traffic("linux", 100)
	sc.when(saidAtLast, nothing, func() { stop(); slowly(100 * time.Millisecond) }, "Splunk is behind, %s waiting, the oldest for %s")
	sc.when(saidAtLast, nothing, func() { slowly(0) }, "Splunk is catching up, %s waiting, the oldest for %s")
	sc.when(saidAtLast, func() {
		slowly(14 * time.Second)
		s.say("linux", line("linux", "mark=slow"))
	}, func() { slowly(0) }, "nothing delivered for %s while events wait")
}

func playModes(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "batch: {max_events: 20}\nbalancer: {shards: 2}\n")
	sc := on(t, s)
	var fails bool
	var mu sync.Mutex
	sick := func(is bool) func() {
		return func() { mu.Lock(); defer mu.Unlock(); fails = is }
	}
	other := hectest.New(hectest.Options{Token: testToken, Script: func(*hectest.Request) hectest.Answer {
		mu.Lock()
		defer mu.Unlock()
		if fails {
			return hectest.Busy()
		}
		return hectest.Answer{}
	}})
	t.Cleanup(other.Close)
	s.write(strings.Replace(s.read(), `["`+s.hec.URL()+`"]`, `["`+s.hec.URL()+`", "`+other.URL()+`"]`, 1))
	g := s.inside()
	s.traffic("linux", 100)
	endpoint := func(state string, urls ...string) func() {
		return func() {
			for _, u := range urls {
				testkit.Equal(t, "error", g.Operator().SetEndpoint(u, state), nil)
			}
		}
	}
	shard := func(state string, names ...string) func() {
		return func() {
			for _, n := range names {
				testkit.Equal(t, "error", g.Operator().SetShard(n, state), nil)
			}
		}
	}
	sc.when(saidAtLast, sick(true), sick(false), "%d of %d posts failed in the last 10 s")
	a, b := s.hec.URL(), other.URL()
	sc.when(saidSoon, endpoint("drain", a), endpoint("ready", a), "%d of %d endpoints in drain or maint")
	sc.when(saidSoon, endpoint("maint", a, b), endpoint("ready", a, b), "Splunk gets nothing, all endpoints are in drain or maint")
	sc.when(saidSoon, shard("maint", "1"), shard("ready", "1"), "%d of %d shards in drain or maint")
	sc.when(saidSoon, shard("drain", "0", "1"), shard("ready", "0", "1"), "all shards are in drain or maint, senders wait", "senders are held back")
	// A bug that books an event twice, and the booking that undoes it.
	linux := g.Ledger().Account("unifi")
	sc.when(saidSoon, func() { linux.Deliver(1) }, func() { linux.Recover(1) }, "received and accounted-for events of %s differ")
}

func playFull(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, max_size: 1MiB, when_full: drop_newest}\nbatch: {max_bytes: 32KiB}\nbalancer: {shards: 2}\n")
	s.uncompressed()
	sc := on(t, s)
	p := s.start()
	stop := func() {}
	sc.when(saidAtLast, nothing, func() {
		s.hec.SetDown(true)
		stop = s.traffic("linux", 1000)
	}, "0 lost")
	sc.when(saidSoon, nothing, func() { stop(); s.hec.SetDown(false) }, "the queue is full, %s", "events are being lost, %s a second: %s")
	sc.when(saidSoon, nothing, func() { p.stop(); p = s.start() }, "%s lost in the last 5 min: %s")
	if summary, _ := s.health(); !strings.Contains(summary, "0 lost") {
		t.Errorf("after a restart: %q", summary)
	}
}

// The folder of the queue, or of a shard, is not where it was: the next segment cannot be
// begun.
func playDisk(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, segment_size: 1MiB}\nbatch: {max_bytes: 64KiB}\nbalancer: {shards: 2}\n")
	s.uncompressed()
	sc := on(t, s)
	s.start()
	s.traffic("linux", 2000)
	move := func(from, to string) func() {
		return func() {
			testkit.Must(t, os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)))
		}
	}
	shards, err := filepath.Glob(s.dir + "/queue/shard*1")
	if err != nil || len(shards) != 1 {
		t.Fatal(shards, err)
	}
	one := "queue/" + filepath.Base(shards[0])
	sc.when(saidAtLast, move(one, "away"), move("away", one), "%d of %d shards failing: %s")
	sc.when(saidAtLast, move("queue", "away"), move("away", "queue"), "the queue fails: %s")
}

func playDamage(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "balancer: {shards: 1}\n")
	sc := on(t, s)
	p := s.start()
	s.hec.SetDown(true)
	for i := range 3 {
		s.say("linux", line("linux", "mark=damage"))
		testkit.Eventually(t, "it is queued", func() bool { return s.metrics().Sum("gateway_queue_events") == float64(i+1) })
	}
	p.kill()
	files, err := filepath.Glob(s.dir + "/queue/*/*.dat")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	away := s.dir + "/away" // a folder in the file's place can be opened and not read
	sc.when(saidSoon, func() {
		testkit.Must(t, errors.Join(os.Rename(files[0], away), os.Mkdir(files[0], 0o700)))
		p = s.spawn(gatewayCommand(s.dir, "run", "-c", s.file)) // not ready: its only shard waits
	}, func() {
		testkit.Must(t, errors.Join(os.Remove(files[0]), os.Rename(away, files[0])))
	}, "a part of the queue cannot be read: %s")
	p.kill()
	data := testkit.Try(os.ReadFile(files[0]))(t)
	data[len(data)/2] ^= 0xff
	testkit.Must(t, os.WriteFile(files[0], data, 0o600))
	s.hec.SetDown(false)
	sc.when(saidSoon, func() { s.start() }, func() {
		testkit.Must(t, os.RemoveAll(s.dir+"/queue/corrupt"))
	}, "%s of the queue in quarantine (folder corrupt)")
}

func playDeadLetters(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "metadata: {drop: [linux_secure]}\n")
	s.write(strings.Replace(s.read(), "vendor: unifi, ", "vendor: unifi, allow: [192.0.2.0/24], ", 1))
	sc := on(t, s)
	s.start()
	s.say("linux", line("linux", "left out by a rule"), "   ", "<13>kept")
	fmt.Fprint(s.dial("udp", "unifi"), line("unifi", "left out by allow"))
	testkit.Eventually(t, "three are left out", func() bool { return s.metrics().Sum("gateway_dropped_events_total") == 3 })
	if summary, _ := s.health(); !strings.Contains(summary, "; 0 lost") || !strings.Contains(summary, "unifi") {
		t.Errorf("what was left out on purpose is a loss, or was received: %q", summary)
	}
	sc.when(saidSoon, func() {
		for i := range 5 {
			s.say("windows", line("windows", fmt.Sprintf("POISON mark=%d", i)))
		}
	}, func() {
		s.sink.forgive.Store(true)
		if out, errs, code := s.gateway("", "deadletter", "replay", "-c", s.file); code != 0 || !strings.Contains(out, "delivered 5") {
			t.Errorf("replay: exit %d\n%s%s", code, out, errs)
		}
	}, "%s in the dead-letter store")
}

func playSenders(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "")
	s.write(strings.Replace(s.read(), "vendor: linux, ", "vendor: linux, silent_after: 3s, ", 1))
	sc := on(t, s)
	s.start()
	hosts := func(names ...string) {
		var lines []string
		for _, name := range names {
			for range 12 {
				lines = append(lines, "<13>"+stampBSD()+" "+name+" app: hello")
			}
		}
		s.say("linux", lines...)
	}
	// A relay: one address, many hosts. Two of them fall silent.
	all := []string{"web1", "web2", "lost1", "lost2"}
	hosts(all...)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				hosts("web1", "web2")
			}
		}
	})
	var got struct {
		Silent  int
		Senders []struct{ Name string }
	}
	sc.when(saidSoon, nothing, func() {
		s.api("/api/v1/senders?silent=true", &got)
		if got.Silent != 2 || len(got.Senders) != 2 || !strings.HasPrefix(got.Senders[0].Name, "lost") || !strings.HasPrefix(got.Senders[1].Name, "lost") {
			t.Errorf("silent: %+v", got)
		}
		hosts("lost1", "lost2")
	}, "%s fell silent")
	close(stop)
	wg.Wait()

	// A device whose zone is not the source's.
	device := func(ahead time.Duration) {
		var lines []string
		for range 40 {
			lines = append(lines, "<13>"+time.Now().UTC().Add(ahead).Format(time.Stamp)+" cest app: hello")
		}
		s.say("cisco_asa", lines...)
	}
	sc.when(saidSoon, func() { device(2 * time.Hour) }, func() {
		_, problems := s.health()
		if len(problems) != 1 || !strings.Contains(problems[0], "+2 h 00 min") || !strings.Contains(problems[0], `timezones: {"127.0.0.1/32"`) {
			t.Errorf("problems: %q", problems)
		}
		testkit.Equal(t, "gateway_skewed_senders", s.metrics().Sum("gateway_skewed_senders"), 1)
		device(0)
	}, "%s below")
}

func playSpace(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "queue: {path: DIR/queue, min_free: 100TB}\n")
	sc := on(t, s)
	var p *process
	sc.when(saidSoon, func() { p = s.start() }, func() {
		p.stop()
		s.write(strings.Replace(s.read(), "100TB", "1MB", 1))
		s.start()
	}, "%s below")
}

// fast is a page of real stages that takes readings fifty times as often, so that its five
// minutes are six seconds.
func fast(t *testing.T, g *service.Gateway) func() (summary string, problems []string) {
	page := testkit.Try(stats.New(stats.Options{Listen: "127.0.0.1:0", Provider: g, Ledger: g.Ledger(), Sample: 20 * time.Millisecond}))(t)
	testkit.Must(t, page.Open(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = page.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return func() (string, []string) {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/status", nil))
		var st struct{ Health struct{ Summary string } }
		_ = json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&st)
		return st.Health.Summary, nil
	}
}

// What was lost, and what is not recognised, is said for five minutes.
func playWindows(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "")
	g := s.inside()
	sc := on(t, s)
	sc.page = fast(t, g)
	lose := func() {
		g.Ledger().Account("unifi").Receive(ledger.UDP, 5, 5)
		g.Ledger().Account("unifi").DropReceived("drop_newest", 5)
	}
	const losing = "events are being lost, %s a second: %s"
	testkit.Within(saidSoon, func() bool { lose(); return sc.says(losing) }) // the page takes its first reading when it likes
	sc.when(saidSoon, nothing, nothing, losing)
	sc.when(saidSoon, nothing, lose, "%s lost since the start, none in the last 5 min")
	sc.when(saidSoon, func() {
		for range 30 {
			s.say("linux", "one of an unknown product")
		}
	}, nothing, "many messages of %s are not recognised")
}

// The queue is four fifths full, which a sender fills slowly.
func playNearlyFull(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "queue: {path: DIR/queue, min_free: 1MB, max_size: 4MiB, segment_size: 64KiB}\nbatch: {max_bytes: 32KiB, max_age: 20ms}\nbalancer: {shards: 1}\n")
	s.uncompressed()
	sc := on(t, s)
	s.start()
	s.hec.SetDown(true)
	stop := s.traffic("linux", 100)
	sc.when(saidAtLast, nothing, func() { stop(); s.hec.SetDown(false) }, "the queue is nearly full, it has room for %s")
}

// A sender is known for half a minute before it floods.
func playFlood(t *testing.T, on func(*testing.T, *site) *scene) {
	s := newSite(t, "")
	sc := on(t, s)
	s.start()
	s.traffic("linux", 2)
	s.known(35 * time.Second)
	stop := func() {}
	sc.when(saidSoon, func() { stop = s.traffic("linux", 600) }, func() { stop() }, "%s sends many times its usual rate, %s a second")
}

// known waits until a sender is known for so long.
func (s *site) known(d time.Duration) {
	s.t.Helper()
	testkit.Eventually(s.t, "a sender is known for some time", func() bool {
		var got struct {
			Senders []struct {
				First time.Time `json:"first_seen"`
				Usual float64   `json:"usual_per_second"`
			}
		}
		s.api("/api/v1/senders", &got)
		return len(got.Senders) > 0 && time.Since(got.Senders[0].First) > d && got.Senders[0].Usual > 0
	})
}

// The real stages, shown by a page that takes readings fifty times as often, so that its
// five minutes are six seconds.
func playSilence(t *testing.T, on func(*testing.T, *site) *scene) {
	for sources, sentence := range map[int]string{5: "all %d sources receiving", 1: "the source is receiving"} {
		s := newSite(t, "")
		if sources == 1 {
			text := s.read()
			for name := range s.ports {
				if name != "linux" {
					text = regexp.MustCompile(`(?m)^  `+name+`: .*\n`).ReplaceAllString(text, "")
					delete(s.ports, name)
				}
			}
			s.write(text)
		}
		g := s.inside()
		sc := on(t, s)
		sc.page = fast(t, g)
		send := func() {
			for source := range s.ports {
				s.say(source, line(source, "mark=1"))
			}
		}
		sc.when(saidSoon, send, nothing, sentence)
		sc.when(saidSoon, nothing, send, "nothing from %s for %s")
	}
}

func playCluster(t *testing.T, on func(*testing.T, *site) *scene) {
	servers := jetstreamtest.Start(t, 3)
	s := newMember(t, servers, nil, "gw1", "replicas: 3")
	sc := on(t, s)
	s.start()
	s.traffic("linux", 5)
	testkit.Eventually(t, "records are secured", func() bool { return s.metrics().Sum("gateway_secured_events_total") > 0 })
	follower := (servers.Leader("SYSLOG-00") + 1) % 3
	sc.when(saidAtLast, func() { servers.Kill(follower) }, func() { servers.Run(follower) }, "%d of %d streams lack a current replica: %s")
	sc.when(saidAtLast, func() {
		for i := range 3 {
			servers.Kill(i)
		}
	}, func() {
		for i := range 3 {
			servers.Run(i)
		}
	}, "the cluster takes nothing, records wait in the disk queue: %s", "forwarding to the cluster is behind by %s")
	conn := testkit.Try(nats.Connect(strings.Join(servers.URLs(), ",")))(t)
	t.Cleanup(conn.Close)
	j := testkit.Try(js.New(conn))(t)
	stream := testkit.Try(j.Stream(t.Context(), "SYSLOG-01"))(t)
	sc.when(saidAtLast, func() { testkit.Must(t, j.DeleteStream(t.Context(), "SYSLOG-01")) },
		func() { testkit.Try(j.CreateStream(t.Context(), stream.CachedInfo().Config))(t) }, "%d of %d streams take nothing: %s")
}
