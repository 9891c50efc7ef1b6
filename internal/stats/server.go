package stats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/tap"
)

// The bounds of the server.
const (
	// maxConnections is beside those that carry a stream. A request has to be read before
	// so many others come, also on a machine that is busy.
	maxConnections = 1024
	maxScrapes     = 8 // of /metrics at a time
	maxHeader      = 16 << 10
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute // longer than the usual scrape interval of 1 min
	stopTimeout    = 2 * time.Second
)

// Options say where to serve what. Listen, Provider and Ledger are required.
type Options struct {
	// Listen is the address, such as ":8404".
	Listen string
	// Users protect all but /healthz and /readyz; none: everybody may read, and nobody
	// sees lines or sets anything aside over the network.
	Users []User
	// Readers lets everybody read although there are users; /stats?login asks for them.
	Readers bool
	// Socket is the path of the control socket, whose folder is there; empty: none.
	Socket string
	// Operator sets shards and endpoints aside; nil: nobody can.
	Operator Operator
	// Senders remembers who sends, Problems what was logged, and Taps shows messages;
	// nil: there are none.
	Senders  *senders.Table
	Problems *Problems
	Taps     *tap.Hub
	// Sample is the time between two readings of the state, of which 301 are remembered; 0 is
	// a second.
	Sample time.Duration
	// Pprof serves /debug/pprof.
	Pprof bool
	// TLS holds at least a certificate; nil: plain HTTP.
	TLS *tls.Config
	// Provider tells the state of the stages.
	Provider Provider
	// Ledger has the books.
	Ledger *ledger.Ledger
	// Registry has the metrics of the stages; nil: there are none. Those of this
	// package, of Go and of the process are added and must not be in it.
	Registry prometheus.Gatherer
	// Reloads are shown as a metric; nil: they stay 0.
	Reloads *Reloads
	// Logger gets what goes wrong; nil: nobody does.
	Logger *slog.Logger
}

// Server is the HTTP server. Use it in the order New, Start, Run.
type Server struct {
	address  string
	users    *doorman
	provider Provider
	operator Operator
	ledger   *ledger.Ledger
	problems *Problems
	taps     *tap.Hub
	watcher  *watcher
	history  *history
	live     *live
	ending   chan struct{} // closed when Run is to end
	logger   *slog.Logger
	page     *page
	routes   map[string]route
	http     *http.Server // on the port
	local    *http.Server // on the control socket
	ln       net.Listener
	conns    *bounded // over TCP
	verbs    *bounded // over the control socket
	control  *control // nil: none
	refused  *prometheus.CounterVec
	guessLog *log.Logger // of wrong passwords
}

// New checks the options and builds the server. It opens nothing.
func New(o Options) (*Server, error) {
	if o.Provider == nil || o.Ledger == nil {
		return nil, errors.New("stats: Provider and Ledger are required")
	}
	users, err := newDoorman(o.Users, o.Readers)
	if err != nil {
		return nil, err
	}
	if o.Sample == 0 {
		o.Sample = sampleEvery
	}
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		address: o.Listen, users: users, provider: o.Provider, operator: o.Operator, ledger: o.Ledger, logger: o.Logger, page: page,
		problems: o.Problems, taps: o.Taps, watcher: &watcher{book: o.Senders},
		history: newHistory(o.Sample), live: newLive(), ending: make(chan struct{}),
		conns: newBounded(maxConnections), verbs: newBounded(maxSocketConns),
		refused: newRefused(), guessLog: newErrorLog(o.Logger),
	}
	if o.Socket != "" {
		s.control = &control{path: o.Socket}
	}
	metrics, err := s.metrics(o)
	if err != nil {
		return nil, err
	}
	s.routes = s.routing(metrics, o.Pprof)
	s.http, s.local = s.newHTTP(), s.newHTTP()
	return s, s.setTLS(o.TLS)
}

// newHTTP is what serves the port or the control socket, with all of its bounds.
func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ConnContext:    withConn,
		ErrorLog:       newErrorLog(s.logger),
		// else OPTIONS * would be answered past the password
		DisableGeneralOptionsHandler: true,
	}
}

// route answers a request that may do some things.
type route func(http.ResponseWriter, *http.Request, rights)

// routing says what is where.
func (s *Server) routing(metrics http.Handler, profiles bool) map[string]route {
	anybody := func(h http.HandlerFunc) route {
		return func(w http.ResponseWriter, r *http.Request, _ rights) { h(w, r) }
	}
	routes := map[string]route{
		"/":                    anybody(s.serveRoot),
		"/stats":               s.servePage,
		"/stats.js":            anybody(s.serveScript),
		"/api/v1/status":       anybody(s.serveStatus),
		"/api/v1/sources":      anybody(s.serveSources),
		"/api/v1/shards":       anybody(s.serveShards),
		"/api/v1/endpoints":    anybody(s.serveEndpoints),
		"/api/v1/senders":      anybody(s.serveSenders),
		"/api/v1/deadletters":  s.serveDeadLetters,
		"/api/v1/events":       s.serveEvents,
		"/api/v1/tap":          s.serveTap,
		"/api/v1/openapi.yaml": anybody(s.serveOpenAPI),
		"/metrics":             anybody(metrics.ServeHTTP),
		"/healthz":             anybody(s.serveHealth),
		"/readyz":              anybody(s.serveReady),
	}
	if profiles {
		addProfiles(routes)
	}
	return routes
}

// addProfiles serves what net/http/pprof does, to those who may see lines of messages:
// a heap holds some.
func addProfiles(routes map[string]route) {
	const root = "/debug/pprof/"
	pages := map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	}
	for _, name := range []string{"heap", "goroutine", "allocs", "block", "mutex", "threadcreate"} {
		pages[name] = pprof.Handler(name).ServeHTTP
	}
	for name, h := range pages {
		routes[root+name] = func(w http.ResponseWriter, r *http.Request, may rights) {
			if !may.lines {
				forbidLines(w)
				return
			}
			w.Header().Del("Content-Security-Policy") // its index has a style of its own
			h(w, r)
		}
	}
}

// setTLS refuses a configuration that could answer no handshake.
func (s *Server) setTLS(c *tls.Config) error {
	if c == nil {
		return nil
	}
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return errors.New("stats: TLS is asked for without a certificate; set stats.tls.cert_file and key_file")
	}
	s.http.TLSConfig = c.Clone()
	return nil
}

// metrics returns the handler of /metrics. The collectors are in a registry of the
// server's own, so that several servers can follow each other over one Registry.
func (s *Server) metrics(o Options) (http.Handler, error) {
	reloads := o.Reloads
	if reloads == nil {
		reloads = new(Reloads)
	}
	own := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		s.refused,
		&collector{descriptions: describe(), snapshot: s.snapshot, ready: s.provider.Ready, crowd: s.watcher.crowd, reloads: reloads},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := own.Register(c); err != nil {
			return nil, fmt.Errorf("stats: register metrics: %w", err)
		}
	}
	all := prometheus.Gatherers{own}
	if o.Registry != nil {
		all = append(all, o.Registry)
	}
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog: newErrorLog(s.logger),
		// One collector that fails must not take the numbers of all others along;
		// it is logged and counted.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            own,
		MaxRequestsInFlight: maxScrapes,
	}), nil
}

// Start opens the port and the control socket. The error names the address; without the
// socket the server works all the same.
func (s *Server) Start() error {
	if s.ln != nil {
		return fmt.Errorf("stats: already listening on %s", s.ln.Addr())
	}
	ln, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("stats: cannot listen on %q: %w; set stats.listen to a free address", s.address, err)
	}
	s.ln = door{Listener: ln, room: s.conns, full: s.gaveUp}
	if s.control != nil {
		if _, err := s.control.open(); err != nil {
			s.logger.Warn("there is no control socket: gateway tap and status need a user of the statistics page; "+
				"it is tried again", "error", err)
		}
	}
	return nil
}

// gaveUp tells of a connection that was closed for a newcomer.
func (s *Server) gaveUp(c *member) {
	s.refused.WithLabelValues("connections").Inc()
	s.http.ErrorLog.Printf("all %d connections were taken: the longest silent of %s was closed for a new one", maxConnections, c.from.Addr())
}

// Addr is the address that the server listens on, nil before Start.
func (s *Server) Addr() net.Addr {
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Run serves until ctx is done, then gives the requests under way two seconds, and
// returns nil. It returns an error where the server ended unasked. The port is
// closed when it returns.
func (s *Server) Run(ctx context.Context) error {
	if s.ln == nil {
		return errors.New("stats: Run without Start")
	}
	served := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			served <- s.http.ServeTLS(s.ln, "", "")
			return
		}
		served <- s.http.Serve(s.ln)
	}()
	beside, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { s.serveControl(beside) })
	others.Go(func() { s.sample(beside) })
	defer others.Wait()
	defer stop()
	select {
	case err := <-served:
		s.http.Close()
		s.local.Close()
		return fmt.Errorf("stats: serving %s ended: %w", s.ln.Addr(), err)
	case <-ctx.Done():
	}
	close(s.ending) // so that streams end
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, server := range []*http.Server{s.local, s.http} {
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	}
	<-served
	return s.CloseControl()
}

// sample takes readings, and tells the open pages.
func (s *Server) sample(ctx context.Context) {
	tick := time.NewTicker(s.history.every)
	defer tick.Stop()
	for {
		snap := s.snapshot()
		s.history.add(snap)
		s.watcher.look(snap)
		s.live.next()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// now is a reading of this moment, and refresh shows it on all pages.
func (s *Server) now() Snapshot { return s.snapshot() }
func (s *Server) refresh()      { s.live.next() }

// Close closes the port and the control socket of a server that was started and will not
// be run.
func (s *Server) Close() error {
	if s.ln == nil {
		return nil
	}
	return errors.Join(s.CloseControl(), s.ln.Close())
}

// ServeHTTP sets the headers of every answer, checks the user and finds the handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.page.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // a form without one has no origin either
	h.Set("Cache-Control", "no-store")

	c := connOf(r)
	if c != nil {
		c.busy.Add(1)
		defer c.busy.Add(-1)
	}
	var may rights
	switch {
	case r.URL.Path == "/healthz" || r.URL.Path == "/readyz":
	case c != nil && c.uid >= 0:
		if !trusted(c.uid) {
			refusePeer(w, c.uid)
			return
		}
		may = rights{lines: true, admin: true}
	default:
		var in bool
		var err error
		if may, in, err = s.users.admit(r); !in {
			s.refuse(w, err)
			return
		}
	}
	// HAProxy's way to write an option of the page: /stats;norefresh
	path := r.URL.Path
	if strings.HasPrefix(path, "/stats;") {
		path = "/stats"
	}
	handler, ok := s.routes[path]
	switch {
	case !ok:
		notFound(w)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		if path == "/stats" {
			h.Set("Allow", "GET, HEAD, POST")
			if r.Method == http.MethodPost {
				s.serveAction(w, r, may)
				return
			}
			plain(w, http.StatusMethodNotAllowed, "only GET, HEAD and POST are answered\n")
			return
		}
		h.Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered\n")
	default:
		handler(w, r, may)
	}
}

func (s *Server) serveRoot(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "/stats")
	plain(w, http.StatusFound, "see /stats\n")
}

// broken answers a request that we could not answer, and logs why.
func (s *Server) broken(w http.ResponseWriter, what string, err error) {
	s.http.ErrorLog.Printf("cannot write %s: %v", what, err)
	plain(w, http.StatusInternalServerError, "could not be written; the log says why\n")
}

func notFound(w http.ResponseWriter) {
	plain(w, http.StatusNotFound, "there is /stats, /api/v1/openapi.yaml with what it describes, /metrics, /healthz and /readyz\n")
}

func plain(w http.ResponseWriter, code int, text string) {
	write(w, code, "text/plain; charset=utf-8", []byte(text))
}

// write sends a whole answer. For HEAD, net/http leaves the body out. That the client
// has gone away is no error of ours.
func write(w http.ResponseWriter, code int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
