package hectest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hecserver"
)

// Options configure a Server. The zero value takes everything.
type Options struct {
	// Token that posts must carry; empty takes any.
	Token string
	// TLS serves https with the certificate of net/http/httptest.
	TLS bool
	// Certificate serves https with what it returns for each new connection.
	Certificate func() *tls.Certificate
	// Script decides the answers; nil is the rules.
	Script Script
	// Early decides, by the number of a post, whether its connection is reset (true)
	// before its body is read.
	Early func(n int) bool
	// Health decides the answers to probes; nil is healthy.
	Health func() Answer
	// Check returns the HEC code for an event, 0 for a good one; it makes the rules
	// refuse the post for its first bad event. See Validate.
	Check func(line []byte) int
	// HideEvent leaves invalid-event-number out of such an answer.
	HideEvent bool
	// Keep keeps the events taken, for Events.
	Keep bool
	// OnEvent is called with each event taken. The line is valid during the call.
	OnEvent func(line []byte)
	// Acks gives out ackIds and wants a channel.
	Acks bool
	// AckDelay is how long an event takes from being posted to being indexed.
	AckDelay time.Duration
	// Confirm decides whether an ackId is indexed when it is asked for; nil is yes.
	Confirm func(channel string, id int64) bool
	// OnPoll is called with the header of each request for acknowledgements.
	OnPoll func(http.Header)
}

// Server is a scripted HEC. Its methods are safe for concurrent use.
type Server struct {
	opts    Options
	http    *httptest.Server
	closing chan struct{}
	bodies  event.Decompressor
	buffers sync.Pool

	down     atomic.Bool
	acks     atomic.Bool
	requests atomic.Int64
	polls    atomic.Int64
	probes   atomic.Int64
	taken    atomic.Uint64
	script   atomic.Pointer[Script]

	mu     sync.Mutex
	events []string
	next   map[string]int64               // channel → next ackId
	open   map[string]map[int64]time.Time // channel → ackIds not confirmed yet, since when
	heads  []http.Header
}

// New starts a server on a free port of the loopback.
func New(o Options) *Server {
	s := &Server{
		opts: o, closing: make(chan struct{}),
		next: make(map[string]int64), open: make(map[string]map[int64]time.Time),
	}
	s.SetScript(o.Script)
	s.acks.Store(o.Acks)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /services/collector", s.post)
	mux.HandleFunc("POST /services/collector/event", s.post)
	mux.HandleFunc("POST /services/collector/event/1.0", s.post)
	mux.HandleFunc("POST /services/collector/ack", s.ack)
	mux.HandleFunc("GET /services/collector/health", s.health)
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			reset(w)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are expected
	if o.Certificate != nil {
		s.http.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{*o.Certificate()}}, nil
		}}
	}
	if o.TLS || o.Certificate != nil {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s
}

// Close ends all requests and the server.
func (s *Server) Close() {
	close(s.closing)
	s.http.Close()
}

// URL is the address to post to.
func (s *Server) URL() string { return s.http.URL }

// HTTP is the server below, for its certificate.
func (s *Server) HTTP() *httptest.Server { return s.http }

// SetScript changes the script; nil is the rules.
func (s *Server) SetScript(script Script) { s.script.Store(&script) }

// SetAcks gives the token acknowledgement, or takes it away.
func (s *Server) SetAcks(on bool) { s.acks.Store(on) }

// SetDown makes every connection end in a reset, or not any more.
func (s *Server) SetDown(down bool) {
	s.down.Store(down)
	if down {
		s.http.CloseClientConnections()
	}
}

// Requests is how many posts came.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Polls is how many requests asked for acknowledgements.
func (s *Server) Polls() int { return int(s.polls.Load()) }

// Probes is how many requests asked for the health.
func (s *Server) Probes() int { return int(s.probes.Load()) }

// Taken is how many events were taken, each as often as it was.
func (s *Server) Taken() uint64 { return s.taken.Load() }

// Events returns the events taken, with Keep.
func (s *Server) Events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.events...)
}

// Headers returns the headers of the posts, with Keep.
func (s *Server) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]http.Header(nil), s.heads...)
}

// Restart forgets the ackIds and counts from 0 again, as an indexer does.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.next)
	clear(s.open)
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	req := &Request{
		N: int(s.requests.Add(1) - 1), Path: r.URL.Path, Header: r.Header,
		Channel: r.Header.Get("X-Splunk-Request-Channel"),
	}
	if s.opts.Early != nil && s.opts.Early(req.N) {
		reset(w)
		return
	}
	buf, ok := s.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer s.buffers.Put(buf)
	buf.Reset()
	script := *s.script.Load()
	if script == nil {
		s.answer(w, r, req, Answer{}, buf, hecserver.ReadBody(&s.bodies, r, buf))
		return
	}
	err := hecserver.ReadBody(&s.bodies, r, buf)
	req.Events = cut(buf.Bytes())
	s.answer(w, r, req, script(req), buf, err)
}

// answer gives one answer and takes the events when it says so.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req *Request, a Answer, buf *bytes.Buffer, readErr error) {
	if a.Delay > 0 {
		s.wait(r, a.Delay)
	}
	if a.Status == 0 && a.Fault == None {
		delay := a.Delay
		a = s.rules(req, buf.Bytes(), readErr)
		a.Delay = delay
	}
	good := a.Status == http.StatusOK && (a.Code == 0 || a.Code == 24 || a.Code == 25) && a.Body == "" && a.Fault == None
	if good || a.Taken {
		s.take(req, buf.Bytes())
	}
	s.play(w, r, req, a, good)
}

// wait waits unless the client or the server goes.
func (s *Server) wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closing:
	}
}

// rules are what Splunk does.
func (s *Server) rules(req *Request, body []byte, readErr error) Answer {
	if s.opts.Token != "" {
		if code := hecserver.CheckToken(req.Header, s.opts.Token); code != hecserver.Success {
			return standard(code)
		}
	}
	if s.acks.Load() && req.Channel == "" {
		return standard(hecserver.ChannelMissing)
	}
	if code := hecserver.CheckBody(body, readErr); code != hecserver.Success {
		return standard(code)
	}
	if s.opts.Check != nil {
		for i, line := range cut(body) {
			if code := s.opts.Check(line); code != 0 {
				a := Refuse(http.StatusBadRequest, code, "refused by the check")
				if !s.opts.HideEvent {
					a.Invalid = &i
				}
				return a
			}
		}
	}
	return OK()
}

// take counts, keeps and hands on.
func (s *Server) take(req *Request, body []byte) {
	s.taken.Add(uint64(bytes.Count(body, []byte{'\n'})))
	if s.opts.OnEvent != nil {
		for _, line := range cut(body) {
			s.opts.OnEvent(line)
		}
	}
	if !s.opts.Keep {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = append(s.heads, req.Header.Clone())
	for _, line := range cut(body) {
		s.events = append(s.events, string(line))
	}
}

// play gives the answer, or its fault instead.
func (s *Server) play(w http.ResponseWriter, r *http.Request, req *Request, a Answer, good bool) {
	switch a.Fault {
	case Reset:
		reset(w)
	case Hang:
		s.wait(r, time.Hour)
	case HalfAnswer, ResetMidBody:
		half(w, a.Fault == ResetMidBody)
	default:
		s.reply(w, req, a, good)
	}
}

func (s *Server) reply(w http.ResponseWriter, req *Request, a Answer, good bool) {
	for k, v := range a.Header {
		w.Header()[k] = v
	}
	if a.RetryAfter != "" {
		w.Header().Set("Retry-After", a.RetryAfter)
	}
	if a.Body != "" {
		kind := a.ContentType
		if kind == "" {
			kind = "text/html"
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(a.Status)
		_, _ = w.Write([]byte(a.Body))
		return
	}
	reply := hecserver.Answer{Status: a.Status, Text: a.Text, Code: a.Code, Invalid: a.Invalid}
	if good && s.acks.Load() && !a.NoAckID {
		reply.AckID = new(s.ackID(req.Channel))
	}
	hecserver.Reply(w, reply)
}

func (s *Server) ackID(channel string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next[channel]
	s.next[channel]++
	if s.open[channel] == nil {
		s.open[channel] = make(map[int64]time.Time)
	}
	s.open[channel][id] = time.Now()
	return id
}

// ack answers a poll: true once for what is indexed, false for all else.
func (s *Server) ack(w http.ResponseWriter, r *http.Request) {
	s.polls.Add(1)
	if s.opts.OnPoll != nil {
		s.opts.OnPoll(r.Header)
	}
	var ask struct {
		Acks []int64 `json:"acks"`
	}
	channel := r.URL.Query().Get("channel")
	if !s.acks.Load() || json.NewDecoder(r.Body).Decode(&ask) != nil || channel == "" {
		hecserver.Reply(w, hecserver.Of(hecserver.AckDisabled))
		return
	}
	reply := make(map[int64]bool)
	s.mu.Lock()
	for _, id := range ask.Acks {
		since, ok := s.open[channel][id]
		ok = ok && time.Since(since) >= s.opts.AckDelay && (s.opts.Confirm == nil || s.opts.Confirm(channel, id))
		reply[id] = ok
		if ok {
			delete(s.open[channel], id)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"acks": reply})
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	s.probes.Add(1)
	a := standard(hecserver.Healthy)
	if s.opts.Health != nil {
		a = s.opts.Health()
	}
	s.play(w, r, &Request{Header: r.Header}, a, false)
}
