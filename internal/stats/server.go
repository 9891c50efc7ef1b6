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
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/control"
	"syslog-gateway/internal/stats/desk"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/metrics"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/stats/problems"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
)

// The bounds of the server.
const (
	// maxConnections leaves out those that carry a stream. It is large enough that a
	// request is read before so many others come, even on a busy machine.
	maxConnections = 1024
	maxSocketConns = 64
	socketRetry    = 10 * time.Second
	maxScrapes     = 8 // of /metrics at a time
	maxHeader      = 16 << 10
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute // longer than the usual scrape interval of 1 min
	stopTimeout    = 2 * time.Second
)

// Provider gives the server the state of the stages. Several goroutines call its methods at a
// time; they must not block.
type Provider interface {
	// Snapshot returns the state of the gateway. The server keeps and changes the slices
	// and maps of it.
	Snapshot() status.Snapshot
	// Ready returns the conditions for the gateway to do its work. An empty list means
	// that it has not started yet and is not ready.
	Ready() []status.Condition
	// DeadLetters returns at most the n newest events that Splunk refused, newest first.
	DeadLetters(n int) ([]status.DeadLetter, error)
	// DeadLetterGroups returns at most n groups of what is in the dead-letter store, most
	// events first, and how many events are in others.
	DeadLetterGroups(n int) (groups []status.DeadLetterGroup, others uint64)
}

// Options say where to serve what. Listen, Provider and Ledger are required.
type Options struct {
	// Listen is the address, such as ":8404".
	Listen string
	// Users protect all but /healthz and /readyz. Without users everybody may read, and
	// the network gives no access to lines of messages and changes nothing.
	Users []auth.User
	// Readers lets everybody read although there are users; /stats?login asks for them.
	Readers bool
	// Socket is the path of the control socket, in a folder that exists; empty for none.
	Socket string
	// History is the path of the file that keeps the history over restarts, which nobody else
	// may use; empty to keep it in memory.
	History string
	// Operator sets the mode of shards and endpoints; optional.
	Operator Operator
	// Senders, Problems and Taps are optional: the senders, the logged problems, and the
	// messages on their way.
	Senders  *senders.Table
	Problems *problems.Log
	Taps     *tap.Hub
	// Unknown has the last messages that no rule knows; optional.
	Unknown *tap.Ring
	// Sample is the time between two readings of the state, of which 301 are remembered;
	// 0 means 1 s.
	Sample time.Duration
	// Pprof serves /debug/pprof.
	Pprof bool
	// TLS has at least a certificate; nil for plain HTTP.
	TLS *tls.Config
	// Provider gives the state of the stages.
	Provider Provider
	// Ledger has the numbers of events.
	Ledger *ledger.Ledger
	// Registry has the metrics of the stages; optional. It must not contain those of
	// this package, of Go and of the process, which are added.
	Registry prometheus.Gatherer
	// Reloads are shown as a metric; optional.
	Reloads *metrics.Reloads
	// Logger gets errors and warnings; optional.
	Logger *slog.Logger
}

// Server holds the port and the control socket, and serves both. Use it in the order New,
// Open, Run, Close.
type Server struct {
	address string
	monitor *monitor.Monitor
	history *history.Store
	logger  *slog.Logger
	log     *log.Logger // the error log of HTTP
	handler http.Handler
	live    *live
	ending  chan struct{} // closed when Run is to end, so that streams end
	http    *http.Server  // on the port
	local   *http.Server  // on the control socket
	ln      net.Listener
	conns   *bounded        // over TCP
	control *control.Socket // nil if there is none
	verbs   *bounded        // connections to it
	refused *prometheus.CounterVec
	running atomic.Bool // Run has the port
}

// New checks the options and builds the server. It opens nothing.
func New(o Options) (*Server, error) {
	if o.Provider == nil || o.Ledger == nil {
		return nil, errors.New("stats: Provider and Ledger are required")
	}
	users, err := auth.New(o.Users, o.Readers)
	if err != nil {
		return nil, err
	}
	if err := checkTLS(o.TLS); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	past := history.New(o.History, o.Logger)
	s := &Server{
		history: past, address: o.Listen, logger: o.Logger, log: newErrorLog(o.Logger), ending: make(chan struct{}),
		conns: newBounded(maxConnections), verbs: newBounded(maxSocketConns), refused: metrics.NewRefused(),
		monitor: monitor.New(monitor.Options{
			Snapshot: o.Provider.Snapshot, Ledger: o.Ledger, Senders: o.Senders, Problems: o.Problems, History: past, Every: o.Sample,
		}),
	}
	if o.Socket != "" {
		s.control = control.New(o.Socket)
	}
	d, err := desk.New(desk.Options{Monitor: s.monitor, Letters: o.Provider.DeadLetterGroups, Unknown: o.Unknown})
	if err != nil {
		return nil, err
	}
	s.live = newLive(d, s.log, s.refused, s.ending)
	page := newPage(d, s.live, s.monitor, users, o.Operator != nil, s.log)
	s.live.choose = page.choice
	scrapes, err := metrics.Handler(metrics.Options{
		Monitor: s.monitor, Ready: func() bool { return allReady(o.Provider.Ready()) }, Refused: s.refused,
		Reloads: o.Reloads, Stages: o.Registry, Errors: s.log, MaxScrapes: maxScrapes,
	})
	if err != nil {
		return nil, err
	}
	s.handler = &router{
		users: users, policy: page.policy, refused: s.refused, guessLog: newErrorLog(o.Logger),
		act: (&actions{operator: o.Operator, monitor: s.monitor, logger: o.Logger, done: s.live.renew}).serve,
		routes: routes(page, s.live, &api{s.monitor, o.Provider, s.log}, &tapStreams{o.Taps, s.refused, s.ending},
			&unknownLines{ring: o.Unknown, refused: s.refused, errors: s.log, ending: s.ending}, scrapes, o.Pprof),
	}
	s.http, s.local = s.newHTTP(), s.newHTTP()
	s.http.TLSConfig = o.TLS.Clone()
	return s, nil
}

// checkTLS refuses a configuration that could answer no handshake.
func checkTLS(c *tls.Config) error {
	if c != nil && len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return errors.New("stats: TLS is asked for without a certificate; set stats.tls.cert_file and key_file")
	}
	return nil
}

// newHTTP is an HTTP server with all bounds, for the port or the control socket.
func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ConnContext:    withConn,
		ErrorLog:       s.log,
		// else OPTIONS * would be answered past the password
		DisableGeneralOptionsHandler: true,
	}
}

// Monitor is what the page shows, for others who report it.
func (s *Server) Monitor() *monitor.Monitor { return s.monitor }

// ServeHTTP answers a request of either listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Open binds the port and the control socket. The error names the address. The server
// also works without the socket; Run tries to open it again.
func (s *Server) Open(ctx context.Context) error {
	if s.ln != nil {
		return fmt.Errorf("stats: already listening on %s", s.ln.Addr())
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("stats: cannot listen on %q: %w; set stats.listen to a free address", s.address, err)
	}
	s.ln = door{Listener: ln, limit: s.conns, full: s.closedForOther}
	s.history.Open(time.Now())
	if s.control != nil {
		if _, err := s.control.Open(); err != nil {
			s.logger.Warn("cannot open the control socket: gateway tap and status need a user of the statistics page; "+
				"it is tried again", "error", err)
		}
	}
	return nil
}

// closedForOther logs a connection that was closed for a new one.
func (s *Server) closedForOther(c *member) {
	s.refused.WithLabelValues("connections").Inc()
	s.log.Printf("all %d connections were taken: the longest silent of %s was closed for a new one", maxConnections, c.from.Addr())
}

// Addr is the address that the server listens on, nil before Open.
func (s *Server) Addr() net.Addr {
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Run serves until ctx is done, then gives open requests two seconds and returns nil. It
// returns an error if the server ended by itself. When it returns, the port and the
// control socket are closed.
func (s *Server) Run(ctx context.Context) error {
	if s.ln == nil {
		return errors.New("stats: Run without Open")
	}
	s.running.Store(true)
	served := make(chan error, 1)
	beside, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() { served <- s.serve() })
	group.Go(func() { s.sample(beside) })
	group.Go(func() { s.history.Run(beside) })
	if s.control != nil {
		group.Go(func() { s.serveControl(beside) })
	}
	select {
	case err := <-served:
		s.http.Close()
		s.local.Close()
		return fmt.Errorf("stats: serving %s ended: %w", s.ln.Addr(), err)
	case <-ctx.Done():
	}
	close(s.ending)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, server := range []*http.Server{s.local, s.http} {
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	}
	return s.closeControl()
}

// serve serves the port until it is closed.
func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.ln, "", "")
	}
	return s.http.Serve(s.ln)
}

// serveControl serves the control socket until ctx is done or it is closed. If it cannot
// be opened, for example because the disk is full, it is tried again.
func (s *Server) serveControl(ctx context.Context) {
	retry := time.NewTicker(socketRetry)
	defer retry.Stop()
	for {
		ln, err := s.control.Open()
		if err == nil {
			// Ends when the socket is closed, here or by Shutdown.
			_ = s.local.Serve(door{Listener: ln, limit: s.verbs, full: func(*member) {}})
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
	}
}

// sample takes readings and wakes the open pages.
func (s *Server) sample(ctx context.Context) {
	tick := time.NewTicker(s.monitor.Every())
	defer tick.Stop()
	for {
		s.monitor.Sample()
		s.live.next()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close closes the control socket and removes its file, closes the file of the history, and
// closes the port unless Run has it. Call it while holding the lock of the queue: after that
// the next gateway may have put its own socket there, and use the history.
func (s *Server) Close(context.Context) error {
	if s.running.Load() {
		s.monitor.Mark(history.Stop, "")
	}
	err := errors.Join(s.closeControl(), s.history.Close())
	if s.ln != nil && !s.running.Load() {
		err = errors.Join(err, s.ln.Close())
	}
	return err
}

func (s *Server) closeControl() error {
	if s.control == nil {
		return nil
	}
	return s.control.Close()
}
