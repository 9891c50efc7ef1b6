package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/testkit"
)

// ruled is a gateway under load whose rules change, and what is known of its messages.
type ruled struct {
	*site
	all     []*template
	senders []string // addresses; message n of TCP is of sender n%len
	tcp     int      // messages by TCP; those of UDP have the next numbers
	total   int

	asked, live atomic.Int64 // generations of the rules: asked for, in force
	sent        atomic.Int64

	kept   *bufio.Writer // what HEC got, for later: to look at it takes longer than to send it
	keptMu sync.Mutex

	mu      sync.Mutex
	arrived []bool // delivered or refused, by number
	seen    int
	twice   int
	faults  int
	marks   [][]since // by sender
	// What the events that arrived say of the rules.
	saved, masked        map[string]int
	suppressed, stoodFor map[string]int
	secrets, generations map[string]int
}

// since says that messages from a number on were sent when a generation was in force.
type since struct{ id, generation int }

const udpSender = "127.0.3.1"

func (r *ruled) sender(id int) (address, transport string) {
	if id >= r.tcp {
		return udpSender, "udp"
	}
	return r.senders[id%len(r.senders)], "tcp"
}

func (r *ruled) message(id int) (*template, form) {
	t := r.kind(id)
	if t.parent != nil && r.before(id) < 0 {
		t = t.parent
	}
	return t, t.forms[random(id, 7)%uint64(len(t.forms))]
}

func (r *ruled) kind(id int) *template { return r.all[random(id, 6)%uint64(len(r.all))] }

// before is the message that a line of TCP continues; -1 if there is none.
func (r *ruled) before(id int) int {
	port := r.kind(id).port
	for i := id - len(r.senders); i >= 0 && id < r.tcp; i -= len(r.senders) {
		if t := r.kind(i); t.port == port && t.parent == nil {
			return i
		}
	}
	return -1
}

// wire is a message as it is sent.
func (t *template) wire(id int, f form) string {
	list := t.pieces(id, f)
	return t.before + join(list, -1) + list[len(list)-1].cut + t.after
}

// fault says what is wrong, up to a bound.
func (r *ruled) fault(format string, args ...any) {
	if r.faults++; r.faults <= 20 {
		r.t.Errorf(format, args...)
	}
}

// take takes an event that arrived somewhere: it must be exactly what the rules of one
// generation make of its message, and of none that was out of force when it was sent.
func (r *ruled) take(where string, line []byte) {
	var e hecEvent
	err := json.Unmarshal(line, &e)
	id := idOf(e.Event)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[where] += leaks(line)
	if err != nil || id < 0 || id >= r.total {
		r.fault("%s has an event that nobody sent: %.300q %v", where, line, err)
		return
	}
	t, f := r.message(id)
	g, err := strconv.Atoi(e.Fields["generation"])
	first := id
	if t.parent != nil {
		first = r.before(id)
	}
	if from, to := r.floor(first), int(r.asked.Load()); err != nil || g < from || g > to {
		r.fault("%s: message %d is of generation %q, want %d to %d: %.300q", where, id, e.Fields["generation"], from, to, line)
		return
	}
	left, _ := strconv.Atoi(e.Fields["suppressed"])
	delete(e.Fields, "suppressed")
	delete(e.Fields, "time_clamped")
	e.Source = r.anyPort(t, e.Source)
	sender, transport := r.sender(id)
	want := t.want(id, f, g, sender, transport)
	if !e.equal(&want) {
		r.fault("%s: message %d is\n%q, want\n%q", where, id, e, want)
		return
	}
	if where == "queue" || where == "tap" {
		return // it is to be delivered
	}
	if r.arrived[id] {
		r.twice++
		return
	}
	r.arrived[id] = true
	r.seen++
	rules := map[string]bool{}
	for _, p := range t.pieces(id, f) {
		switch {
		case p.rule == "thin" || p.rule == "blanks":
			r.saved[p.rule] += len(p.text) - len(p.under(g%2))
		case p.rule != "":
			rules[p.rule] = true
		}
	}
	for rule := range rules {
		r.masked[rule]++
	}
	r.suppressed[t.rule] += left
	rate, _ := strconv.Atoi(e.Fields["sample_rate"])
	r.stoodFor[t.rule] += rate
	r.generations[e.Fields["generation"]]++
}

// keep keeps an event that HEC got.
func (r *ruled) keep(line []byte) {
	r.keptMu.Lock()
	defer r.keptMu.Unlock()
	_, _ = r.kept.Write(line)
	_ = r.kept.WriteByte('\n') // Flush says what fails
}

// eachLine calls f with each line.
func eachLine(t *testing.T, from io.Reader, f func(line []byte)) {
	t.Helper()
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f(lines.Bytes())
	}
	testkit.Must(t, lines.Err())
}

// floor is the generation that was in force when a message was sent.
func (r *ruled) floor(id int) int {
	marks := r.marks[len(r.senders)]
	if id < r.tcp {
		marks = r.marks[id%len(r.senders)]
	}
	if i := sort.Search(len(marks), func(i int) bool { return marks[i].id > id }); i > 0 {
		return marks[i-1].generation
	}
	return 0
}

// wait polls until done. A scrape costs the gateway much, and there may be much to wait for.
func (r *ruled) wait(what string, done func() bool) {
	r.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(5 * time.Minute); !done(); <-tick.C {
		if time.Now().After(limit) {
			r.t.Fatalf("after five minutes it is still not so that %s", what)
		}
	}
}

// note notes that what a sender sends from a number on is for the rules in force, or later
// ones.
func (r *ruled) note(sender, id int) {
	g := int(r.live.Load())
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.marks[sender]; len(m) == 0 || m[len(m)-1].generation != g {
		r.marks[sender] = append(m, since{id, g})
	}
}

// anyPort returns a name that is the same on every site, whatever its ports are.
func (s *site) anyPort(t *template, source string) string {
	return strings.Replace(source, fmt.Sprint(":", s.ports[t.port]), ":port", 1)
}

// dialFrom connects to each port from an address.
func (s *site) dialFrom(network, address string) map[string]net.Conn {
	s.t.Helper()
	conns := make(map[string]net.Conn)
	for source, port := range s.ports {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		if network == "udp" {
			d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(address)}
		}
		c := testkit.Try(d.Dial(network, fmt.Sprintf("127.0.0.1:%d", port)))(s.t)
		s.t.Cleanup(func() { c.Close() })
		conns[source] = c
	}
	return conns
}

// framed appends a message, with LF or, where no line continues another one, octet counting.
func (t *template) framed(to *bytes.Buffer, id int, f form) {
	msg := t.wire(id, f)
	if id&8 != 0 && t.port != "windows" {
		fmt.Fprintf(to, "%d ", len(msg)+1)
	}
	to.WriteString(msg + "\n")
}

// send sends the messages of one sender at its share of the rate.
func (r *ruled) send(k int, conns map[string]net.Conn) {
	bufs := make(map[string]*bytes.Buffer)
	for source := range conns {
		bufs[source] = new(bytes.Buffer)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for id := k; id < r.tcp; <-tick.C {
		due := int(time.Since(began).Seconds() * ruledRate)
		r.note(k, id)
		from := id
		for ; id < min(due, r.tcp); id += len(r.senders) {
			t, f := r.message(id)
			t.framed(bufs[t.port], id, f)
		}
		for source, b := range bufs {
			if _, err := b.WriteTo(conns[source]); err != nil {
				r.t.Errorf("send to %s: %v", source, err)
				return
			}
		}
		r.sent.Add(int64((id - from) / len(r.senders)))
	}
	for _, c := range conns {
		c.Close()
	}
}

// sendDatagrams sends the datagrams, waiting for the gateway every few.
func (r *ruled) sendDatagrams(conns map[string]net.Conn) {
	const window = 20
	for id := r.tcp; id < r.total; id++ {
		r.note(len(r.senders), id)
		t, f := r.message(id)
		_, _ = io.WriteString(conns[t.port], t.wire(id, f))
		r.sent.Add(1)
		if n := id + 1 - r.tcp; n%window == 0 || id == r.total-1 {
			testkit.Eventually(r.t, "the datagrams are received", func() bool {
				return r.metrics().Sum("gateway_received_events_total", `transport="udp"`) >= float64(n)
			})
		}
	}
}

// asks asks a gateway by its control socket.
func (s *site) asks(path string) *http.Response {
	s.t.Helper()
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return control.Dial(ctx, s.socket())
	}}}
	r := testkit.Try(c.Get("http://localhost" + path))(s.t)
	if r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s", path, r.Status)
	}
	return r
}

// watched is what people see of a gateway from when it begins on.
type watched struct {
	*site
	streams map[string]*testkit.Log
}

func (s *site) watch() *watched {
	s.t.Helper()
	w := &watched{s, make(map[string]*testkit.Log)}
	for name, path := range map[string]string{"tap": "/api/v1/tap?format=ndjson", "unknown lines": "/api/v1/unparsed?format=ndjson&follow=true"} {
		r, out := s.asks(path), new(testkit.Log)
		s.t.Cleanup(func() { r.Body.Close() })
		w.streams[name] = out
		go func() { _, _ = io.Copy(out, r.Body) }() // ends with the gateway
	}
	return w
}

// leaks counts the secrets that were shown, by where. It waits until something was shown in
// each stream.
func (w *watched) leaks(p *process) map[string]int {
	w.t.Helper()
	found := map[string]int{"log": leaks([]byte(p.log.String()))}
	for name, out := range w.streams {
		testkit.Eventually(w.t, name+" shows messages", func() bool { return strings.Contains(out.String(), "gwid") })
		found[name] = leaks([]byte(out.String()))
	}
	for name, path := range map[string]string{"page": "/stats", "ring": "/api/v1/unparsed", "dead letters of the page": "/api/v1/deadletters"} {
		r := w.asks(path)
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || !bytes.Contains(body, []byte("gwid")) {
			w.t.Errorf("%s shows no message: %v", path, err)
		}
		found[name] = leaks(body)
	}
	return found
}

// refused calls f with each event in the dead letters, and returns the secrets in their files.
func (s *site) refused(f func(event []byte)) (secrets int) {
	s.t.Helper()
	_ = filepath.WalkDir(filepath.Join(s.dir, "dead"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data := testkit.Try(os.ReadFile(path))(s.t)
		secrets += leaks(data)
		for l := range bytes.Lines(data) {
			var letter struct {
				Events int
				Event  json.RawMessage
			}
			if err := json.Unmarshal(l, &letter); err != nil || letter.Events != 1 || len(letter.Event) == 0 {
				s.t.Errorf("%s: %v: %.200q", path, err, l)
				continue
			}
			f(letter.Event)
		}
		return nil
	})
	return secrets
}

// queued calls f with each event in the queue of a stopped gateway, and returns the secrets in
// its files, as they are and unpacked.
func (s *site) queued(f func(event []byte)) (secrets, n int) {
	s.t.Helper()
	queue := filepath.Join(s.dir, "queue")
	_ = filepath.WalkDir(queue, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			secrets += leaksOf(testkit.Try(os.ReadFile(path))(s.t), 12) // what is packed has short runs by chance
		}
		return err
	})
	out, in := io.Pipe()
	go func() { in.CloseWithError(inspect.Export(context.Background(), queue, in, nil)) }()
	eachLine(s.t, out, func(line []byte) {
		n++
		secrets += leaks(line)
		f(line)
	})
	return secrets, n
}

// ruledSite is a site whose endpoint refuses what is poisoned, with a source for all products.
func ruledSite(t *testing.T, onEvent func([]byte)) *site {
	s := newSite(t, "packs: {folder: DIR/packs, mask_secret_file: DIR/secret}\n")
	testkit.Must(t, os.WriteFile(filepath.Join(s.dir, "secret"), []byte(maskSecret), 0o600))
	own := s.hec.URL()
	s.hec = hectest.New(hectest.Options{Token: testToken, OnEvent: onEvent, Check: func(line []byte) int {
		if bytes.Contains(line, []byte("POISON")) {
			return 6
		}
		return 0
	}})
	t.Cleanup(s.hec.Close)
	s.write(strings.NewReplacer("vendor: unifi", "vendor: auto", "address: 127.0.0.1}", fmt.Sprintf("address: 127.0.0.1, max_message_size: %d}", ruledMax), own, s.hec.URL()).Replace(s.read()))
	return s
}

// arrivals are the events that have left a gateway.
func arrivals(m testkit.Series) float64 {
	return m.Sum("gateway_delivered_events_total") + m.Sum("gateway_deadlettered_events_total")
}

// learn sends one message of each template and form through a gateway without rules. It notes
// what becomes of the templates, and checks that the secrets are found wherever they are
// looked for.
func learn(t *testing.T, all []*template) {
	type one struct {
		t *template
		f form
	}
	var list []one
	known := map[*template]bool{}
	for _, tm := range all {
		for _, f := range tm.forms {
			if !known[tm] && tm.parent == nil {
				list = append(list, one{tm, f})
			}
		}
		known[tm] = true
	}
	var s *site
	var mu sync.Mutex
	inHEC := 0
	take := func(line []byte) {
		mu.Lock()
		defer mu.Unlock()
		inHEC += leaks(line)
		var e hecEvent
		err := json.Unmarshal(line, &e)
		id := idOf(e.Event)
		if err != nil || id < 0 || id >= len(list) {
			t.Errorf("an event that nobody sent: %.300q %v", line, err)
			return
		}
		m := list[id]
		delete(e.Fields, "time_clamped")
		e.Source = s.anyPort(m.t, e.Source)
		begin, end, ok := strings.Cut(e.Event, join(m.t.pieces(id, m.f), -1))
		switch {
		case !ok:
			t.Errorf("without rules, a message is changed: %q is %q", m.t.wire(id, m.f), e.Event)
		case !m.t.learnt:
			e.Event, e.Time = "", ""
			m.t.base, m.t.begin, m.t.end, m.t.learnt = e, begin, end, true
		default:
			e.Event = ""
			if !e.equal(&m.t.base) || begin != m.t.begin || end != m.t.end {
				t.Errorf("without rules, messages of a kind differ:\n%q %s %s\n%q %s %s", e, begin, end, m.t.base, m.t.begin, m.t.end)
			}
		}
	}
	s = ruledSite(t, take)
	p := s.start()
	w := s.watch()
	send := func() {
		conns := s.dialFrom("tcp", "127.0.0.1")
		for id, m := range list {
			var b bytes.Buffer
			m.t.framed(&b, id, m.f)
			testkit.Try(b.WriteTo(conns[m.t.port]))(t)
		}
		for _, c := range conns {
			c.Close()
		}
	}
	send()
	testkit.Eventually(t, "all have arrived", func() bool { return arrivals(s.metrics()) == float64(len(list)) })
	found := w.leaks(p)
	delete(found, "log") // no message is in it
	found["dead letters"] = s.refused(take)
	mu.Lock()
	found["HEC"] = inHEC
	mu.Unlock()
	s.hec.SetDown(true)
	send()
	testkit.Eventually(t, "all are received again", func() bool {
		return s.metrics().Sum("gateway_received_events_total") == float64(2*len(list))
	})
	testkit.Equal(t, "exit code", p.stop(), 0)
	found["queue"], _ = s.queued(func([]byte) {})
	for where, n := range found {
		if n == 0 {
			t.Errorf("without masks, no secret is found in: %s", where)
		}
	}
	for _, m := range list {
		if !m.t.learnt {
			t.Fatalf("nothing has arrived of %q", m.t.before)
		}
	}
	t.Logf("control without rules: secrets found in %v", found)
}

// apply writes the files of a generation of the rules.
func (r *ruled) apply(generation int) {
	for name, data := range rulesOf(generation) {
		r.pack(name, data)
	}
	r.asked.Store(int64(generation))
}

// change makes the next generation the one in force, once a second until the messages are
// sent. When two thirds are, the endpoint goes down.
func (r *ruled) change(p *process, done <-chan struct{}) (generations int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for g := 1; ; g++ {
		r.apply(g)
		r.reload(p, "success", float64(g))
		r.live.Store(int64(g))
		if r.sent.Load() > int64(r.total)*2/3 {
			r.hec.SetDown(true)
		}
		select {
		case <-done:
			return g
		case <-tick.C:
		}
	}
}

// TestRulesUnderLoad sends the five families and 60 products and more at a rate through a
// gateway with rules of every kind, which change every second. Every event must be exactly
// what one set makes of its message, every message must be in the books, and no secret
// anywhere.
func TestRulesUnderLoad(t *testing.T) {
	all, products := templates(t)
	if products < 60 {
		t.Fatalf("there are %d products", products)
	}
	learn(t, all)
	r := &ruled{
		all: all, senders: []string{"127.0.1.1", "127.0.2.1", "127.0.1.2", "127.0.4.1"},
		saved: map[string]int{}, masked: map[string]int{}, suppressed: map[string]int{}, stoodFor: map[string]int{},
		secrets: map[string]int{}, generations: map[string]int{},
	}
	r.tcp = int(ruledTime.Seconds()) * ruledRate
	r.total = r.tcp + min(r.tcp/50, 5000)
	r.arrived, r.marks = make([]bool, r.total), make([][]since, len(r.senders)+1)
	kept := testkit.Try(os.Create(filepath.Join(t.TempDir(), "events")))(t)
	defer kept.Close()
	r.kept = bufio.NewWriterSize(kept, 1<<20)
	r.site = ruledSite(t, r.keep)
	r.apply(0)
	p := r.start()
	w := r.watch()

	var conns []map[string]net.Conn
	for _, address := range r.senders {
		conns = append(conns, r.dialFrom("tcp", address))
	}
	began := time.Now()
	var wg sync.WaitGroup
	for k := range r.senders {
		wg.Go(func() { r.send(k, conns[k]) })
	}
	datagrams := r.dialFrom("udp", udpSender)
	wg.Go(func() { r.sendDatagrams(datagrams) })
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	changes := r.change(p, done)
	took := time.Since(began)
	r.hec.SetDown(true)
	r.wait("all are received", func() bool {
		return r.metrics().Sum("gateway_received_events_total") == float64(r.total)
	})
	r.assertBalance()
	counted := r.metrics()
	for where, n := range w.leaks(p) {
		r.secrets[where] += n
	}
	testkit.Equal(t, "exit code", p.stop(), 0)
	shown := 0
	for l := range strings.Lines(w.streams["tap"].String()) {
		var m struct{ Event json.RawMessage }
		if err := json.Unmarshal([]byte(l), &m); err == nil && len(m.Event) > 4 { // else it is cut, or left out: null
			shown++
			r.take("tap", m.Event)
		}
	}
	inFiles, pending := r.queued(func(line []byte) { r.take("queue", line) })
	r.secrets["queue"] += inFiles

	// The rest is delivered by another process.
	r.hec.SetDown(false)
	p = r.start()
	r.wait("the queue is empty", func() bool {
		m := r.metrics()
		return m.Sum("gateway_queue_events") == 0 && arrivals(m) == float64(pending)
	})
	r.assertBalance()
	testkit.Equal(t, "exit code", p.stop(), 0)
	testkit.Must(t, r.kept.Flush())
	testkit.Try(kept.Seek(0, io.SeekStart))(t)
	eachLine(t, kept, func(line []byte) { r.take("HEC", line) })
	dead := 0
	r.secrets["dead letters"] += r.refused(func(line []byte) {
		dead++
		r.take("dead letters", line)
	})
	r.secrets["log"] += leaks([]byte(p.log.String()))
	r.books(counted, pending, dead)
	t.Logf("%d messages, %d of them datagrams, of %d products and 5 families in %.1f s: %.0f/s; %d generations of rules, %d seen in events; %d pending at the stop; %d dead letters; %d shown by the tap; %d came twice; secrets found: %v",
		r.total, r.total-r.tcp, products, took.Seconds(), float64(r.total)/took.Seconds(), changes, len(r.generations), pending, dead, shown, r.twice, r.secrets)
}

// books compares the counters with what has arrived.
func (r *ruled) books(m testkit.Series, pending, dead int) {
	t := r.t
	t.Helper()
	missing, saved, lost := map[string]int{}, map[string]int{}, 0
	sent := map[string]int{}
	for id, arrived := range r.arrived {
		tm, f := r.message(id)
		sent[tm.rule]++
		switch {
		case arrived:
		case tm.rule == "":
			if lost++; lost <= 5 {
				t.Errorf("message %d is lost: %q", id, tm.wire(id, f))
			}
		default:
			missing[tm.rule]++
			saved[tm.rule] += len(tm.begin) + len(join(tm.pieces(id, f), -1)) + len(tm.end)
		}
	}
	testkit.Equal(t, "lost messages", lost, 0)
	left := 0
	for rule, action := range leaving {
		left += missing[rule]
		name := `rule="site.` + rule + `"`
		testkit.Equal(t, "left out by "+rule, m.Sum("gateway_rule_events_total", name, `action="`+action+`"`), float64(missing[rule]))
		testkit.Equal(t, "bytes saved by "+rule, m.Sum("gateway_rule_saved_bytes_total", name), float64(saved[rule]))
		if missing[rule] == 0 || action == "drop" && missing[rule] != sent[rule] {
			t.Errorf("%s has left out %d of %d", rule, missing[rule], sent[rule])
		}
	}
	for _, rule := range []string{"words", "between", "found", "iban"} {
		if n := m.Sum("gateway_rule_events_total", `rule="site.`+rule+`"`, `action="mask"`); n != float64(r.masked[rule]) || n == 0 {
			t.Errorf("%s masked %v, %d arrived", rule, n, r.masked[rule])
		}
	}
	for _, rule := range []string{"thin", "blanks"} {
		testkit.Equal(t, "bytes saved by "+rule, m.Sum("gateway_rule_saved_bytes_total", `rule="site.`+rule+`"`), float64(r.saved[rule]))
	}
	testkit.Equal(t, "left out by rules", m.Sum("gateway_dropped_events_total", `reason="rule"`), float64(left))
	testkit.Equal(t, "left out", m.Sum("gateway_dropped_events_total"), float64(left))
	testkit.Equal(t, "sent = arrived + left out", r.seen+left, r.total)
	testkit.Equal(t, "pending", m.Sum("gateway_queue_events")+m.Sum("gateway_pending_events", `stage="memory"`), float64(pending))
	testkit.Equal(t, "faults", r.faults, 0)
	for rule, least := range map[string]int{
		"calm": 0, "storm": 0, // a change forgets how many it were
		"steady": missing["steady"] / 2, // a change does not; it is the same in both sets. What came last is told by none
	} {
		if n := r.suppressed[rule]; n < least || n > missing[rule] {
			t.Errorf("events tell of %d that %s left out, of %d, want %d or more", n, rule, missing[rule], least)
		}
	}
	for rule := range samples { // what is kept stands for all; after each change the count begins anew
		if n := r.stoodFor[rule]; n < sent[rule] {
			t.Errorf("the events of %s stand for %d, of %d", rule, n, sent[rule])
		}
	}
	for where, n := range r.secrets {
		testkit.Equal(t, "secrets in "+where, n, 0)
	}
	if dead == 0 || len(r.generations) < 2 {
		t.Errorf("%d dead letters, events of %d generations", dead, len(r.generations))
	}
}
