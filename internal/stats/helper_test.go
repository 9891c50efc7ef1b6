package stats

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/stats/metrics"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stages is a Provider of the values that the test sets.
type stages struct {
	mu         sync.Mutex
	snap       status.Snapshot
	conditions []status.Condition
	letters    []status.DeadLetter
	groups     []status.DeadLetterGroup
	orders     []string // the operator's calls
}

func (s *stages) Snapshot() status.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.snap // of its own, as a provider's is: tests change what they put in
	snap.Sources, snap.Shards, snap.Endpoints = slices.Clone(snap.Sources), slices.Clone(snap.Shards), slices.Clone(snap.Endpoints)
	return snap
}

func (s *stages) Ready() []status.Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conditions)
}

func (s *stages) DeadLetters(n int) ([]status.DeadLetter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letters[:min(n, len(s.letters))], nil
}

func (s *stages) DeadLetterGroups(n int) ([]status.DeadLetterGroup, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups[:min(n, len(s.groups))], uint64(len(s.groups) - min(n, len(s.groups)))
}

func (s *stages) SetShard(name, state string) error   { return s.order("shard", name, state) }
func (s *stages) SetEndpoint(url, state string) error { return s.order("endpoint", url, state) }

func (s *stages) order(what, name, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, what+" "+name+" "+state)
	return nil
}

func (s *stages) set(change func(*stages)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// port is a running server with everything around it.
type port struct {
	t        *testing.T
	stages   *stages
	ledger   *ledger.Ledger
	registry *prometheus.Registry
	reloads  *metrics.Reloads
	log      *testkit.Log
	server   *Server
	client   *http.Client
	scheme   string
	stop     func() error
}

// shows changes the stages before the server takes its first reading: readings of the same
// moment are one reading, whoever takes it.
func shows(changes ...func(*stages)) func(*Options) {
	return func(o *Options) {
		for _, c := range changes {
			o.Provider.(*stages).set(c)
		}
	}
}

// open starts a server on a free port of the loopback and stops it with the test.
func open(t *testing.T, change ...func(*Options)) *port {
	t.Helper()
	p := &port{
		t: t, ledger: ledger.New(), registry: prometheus.NewRegistry(), reloads: new(metrics.Reloads),
		log: new(testkit.Log), scheme: "http", stages: &stages{snap: statustest.Calm()},
	}
	p.client = &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	options := Options{
		Listen: "127.0.0.1:0", Provider: p.stages, Ledger: p.ledger, Registry: p.registry, Reloads: p.reloads,
		Logger: slog.New(slog.NewTextHandler(p.log, nil)),
	}
	for _, c := range change {
		c(&options)
	}
	server := testkit.Try(New(options))(t)
	testkit.Must(t, server.Open(t.Context()))
	p.server = server
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	p.stop = sync.OnceValue(func() error {
		p.client.CloseIdleConnections()
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		testkit.Equal(t, "Run", p.stop(), nil)
	})
	return p
}

// from makes the client's next connections come from an address of its own.
func (p *port) from(i int) {
	p.client.CloseIdleConnections()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))}}
	p.client.Transport = &http.Transport{DialContext: d.DialContext}
}

// answer is a response with its body.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (p *port) do(method, path string, change ...func(*http.Request)) answer {
	p.t.Helper()
	p.server.live.renew() // the page is of the last second
	return testkit.Try(p.try(method, path, change...))(p.t)
}

// try is do for goroutines other than the test's.
func (p *port) try(method, path string, change ...func(*http.Request)) (answer, error) {
	r, err := http.NewRequest(method, p.scheme+"://"+p.server.Addr().String()+path, nil)
	if err != nil {
		return answer{}, err
	}
	for _, c := range change {
		c(r)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

func (p *port) get(path string) string {
	p.t.Helper()
	a := p.do(http.MethodGet, path)
	if a.code != http.StatusOK {
		p.t.Fatalf("GET %s: %d %s", path, a.code, a.body)
	}
	return a.body
}

// traffic books something of everything for each source of calm, and balances.
func traffic(l *ledger.Ledger) {
	for _, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		l.Account(name).Receive(ledger.UDP, 5, 500)
	}
	a := l.Account("linux")
	a.Receive(ledger.TCP, 1_234_567, 300_000_000)
	a.Recover(1000)
	a.Accept(1_234_000)
	a.Deliver(1_230_000)
	a.DeadLetter("invalid_event", 7)
	a.DropQueued("queue_full", 40)
	a.DropReceived("shutdown", 2)
	a.CountFlaws(11, 12, 13)
}
