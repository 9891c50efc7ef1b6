package hec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "11112222-aaaa-bbbb-cccc-secret000000"

// memory is a Source in memory: it gives out records, those given back again, and
// ends when all are acknowledged.
type memory struct {
	mu      sync.Mutex
	change  chan struct{} // closed and renewed at each change
	todo    []event.Record
	out     map[uint64]event.Record
	acked   map[uint64]int
	nacked  map[uint64]int
	dropped map[uint64]bool
	total   int
	failure error // of the next Next
}

func newMemory(records ...event.Record) *memory {
	m := &memory{
		change: make(chan struct{}), todo: records, total: len(records),
		out: make(map[uint64]event.Record), acked: make(map[uint64]int),
		nacked: make(map[uint64]int), dropped: make(map[uint64]bool),
	}
	for i := range m.todo {
		m.todo[i].Seq = uint64(i + 1)
	}
	return m
}

func (m *memory) changed() {
	close(m.change)
	m.change = make(chan struct{})
}

func (m *memory) Next(ctx context.Context, buf []byte) (event.Record, error) {
	for {
		m.mu.Lock()
		if m.failure != nil {
			defer m.mu.Unlock()
			return event.Record{}, m.failure
		}
		if len(m.todo) > 0 {
			r := m.todo[0]
			m.todo = m.todo[1:]
			m.out[r.Seq] = r
			m.mu.Unlock()
			r.Body = append(buf[:0], r.Body...)
			return r, nil
		}
		if len(m.acked)+len(m.dropped) >= m.total {
			m.mu.Unlock()
			return event.Record{}, ErrEnd
		}
		change := m.change
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return event.Record{}, ctx.Err()
		case <-change:
		}
	}
}

func (m *memory) Ack(seq uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.changed()
	delete(m.out, seq)
	if m.dropped[seq] {
		return false
	}
	m.acked[seq]++
	return true
}

func (m *memory) Nack(seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.changed()
	m.nacked[seq]++
	if r, ok := m.out[seq]; ok && !m.dropped[seq] {
		m.todo = append(m.todo, r)
	}
	delete(m.out, seq)
}

func (m *memory) Abandoned(seq uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped[seq]
}

// drop takes a record away, as drop_oldest does.
func (m *memory) drop(seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.changed()
	m.dropped[seq] = true
}

// await waits until ok holds for the source.
func (m *memory) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(15 * time.Second)
	for {
		m.mu.Lock()
		done, change := ok(), m.change
		m.mu.Unlock()
		if done {
			return
		}
		select {
		case <-change:
		case <-limit:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// line is one event with a number.
func line(n int) string {
	return fmt.Sprintf(`{"time":1770000000.%03d,"host":"fw01","source":"syslog:1516","sourcetype":"cisco:asa","index":"firewall","event":"event <%d>"}`, n%1000, n)
}

// record makes a body of lines.
func record(enc event.Encoding, lines ...string) event.Record {
	raw := strings.Join(lines, "\n") + "\n"
	r := event.Record{
		Source: "cisco_asa", Events: len(lines), Raw: len(raw),
		Received: time.Now(), Encoding: enc, Body: []byte(raw),
	}
	if enc == event.Gzip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(r.Body)
		z.Close()
		r.Body = b.Bytes()
	}
	return r
}

// records makes n records of k numbered events.
func records(n, k int) []event.Record {
	var all []event.Record
	for i := range n {
		var lines []string
		for j := range k {
			lines = append(lines, line(i*k+j))
		}
		all = append(all, record([]event.Encoding{event.Gzip, event.Identity}[i%2], lines...))
	}
	return all
}

// rig is a client with all that it needs, for one test.
type rig struct {
	*Client
	t      *testing.T
	ledger *ledger.Ledger
	dead   *deadletter.Store
	folder string // of dead
	log    *testkit.Log
}

// newRig makes a client for servers with quick retries; change may change its
// options.
func newRig(t *testing.T, change func(*Options), servers ...*hectest.Server) *rig {
	t.Helper()
	r := &rig{t: t, ledger: ledger.New(), log: new(testkit.Log), folder: t.TempDir()}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.dead = open(t, r.folder, 0, r.log)
	o := Options{
		Settings: Settings{
			Token: testToken, Timeout: 10 * time.Second,
			Retry: endpoints.Backoff{Initial: time.Millisecond, Max: 20 * time.Millisecond},
		},
		InFlight: 3, HealthInterval: time.Hour, StopGrace: 5 * time.Second,
		DeadLetter: r.dead, Ledger: r.ledger, Logger: log,
	}
	for _, s := range servers {
		o.Endpoints = append(o.Endpoints, s.URL())
	}
	if change != nil {
		change(&o)
	}
	var err error
	if r.Client, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.close()
		testkit.Lacks(t, "the log holds the token", r.log.String(), testToken)
	})
	return r
}

// close closes the client, without a limit.
func (r *rig) close() {
	testkit.Equal(r.t, "error", r.Close(context.Background()), nil)
}

// setToken changes the token and nothing else.
func (r *rig) setToken(token string) error {
	set := *r.settings.Load()
	set.Token = token
	return r.Reconfigure(set)
}

func serve(t *testing.T, o hectest.Options) *hectest.Server {
	t.Helper()
	if o.Token == "" {
		o.Token = testToken
	}
	o.Keep = true
	s := hectest.New(o)
	t.Cleanup(s.Close)
	return s
}

// start runs Deliver, and Run beside it; wait returns Deliver's error.
func (r *rig) start(ctx context.Context, src *memory) (wait func() error) {
	account := r.ledger.Account("cisco_asa")
	for _, rec := range src.todo {
		account.Recover(rec.Events)
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	ended := make(chan error, 1)
	go func() { ended <- r.Deliver(ctx, src) }()
	return func() error {
		r.t.Helper()
		defer func() { cancel(); <-ran }()
		select {
		case err := <-ended:
			return err
		case <-time.After(30 * time.Second):
			r.t.Errorf("Deliver does not return; log:\n%s", r.log)
			cancel()
			return errors.Join(errors.New("no end"), <-ended)
		}
	}
}

// all delivers everything and checks the counts.
func (r *rig) all(src *memory) ledger.Balance {
	r.t.Helper()
	if err := r.start(context.Background(), src)(); err != nil {
		r.t.Fatalf("Deliver: %v", err)
	}
	return r.balanced(src, 0)
}

// ends waits for the end of Deliver and checks that each of want events is counted once
// and has arrived.
func (r *rig) ends(wait func() error, src *memory, want int, servers ...*hectest.Server) {
	r.t.Helper()
	testkit.Must(r.t, wait())
	r.balanced(src, 0)
	arrived(r.t, want, nil, servers...)
}

// balanced checks that each event is counted once and each record finished once.
func (r *rig) balanced(src *memory, pending int) ledger.Balance {
	r.t.Helper()
	b := r.ledger.Account("cisco_asa").Balance()
	if b.Difference() != 0 || b.Pending() != int64(pending) {
		r.t.Errorf("ledger: difference %d, pending %d, want 0 and %d: %+v", b.Difference(), b.Pending(), pending, b)
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	for seq, n := range src.acked {
		if n != 1 {
			r.t.Errorf("record %d was acknowledged %d times", seq, n)
		}
	}
	if len(src.out) > 0 {
		r.t.Errorf("records neither acknowledged nor given back: %d", len(src.out))
	}
	return b
}

// arrived checks that each event from first to first+n came at least once, and
// nothing else did.
func arrived(t *testing.T, want int, except map[int]bool, servers ...*hectest.Server) {
	t.Helper()
	seen := make(map[string]int)
	for _, s := range servers {
		for _, e := range s.Events() {
			seen[e]++
		}
	}
	for n := range want {
		if c := seen[line(n)]; (c == 0) != except[n] {
			t.Errorf("event %d arrived %d times", n, c)
		}
		delete(seen, line(n))
	}
	for e := range seen {
		t.Errorf("an event arrived that was not sent so: %q", e)
	}
}
