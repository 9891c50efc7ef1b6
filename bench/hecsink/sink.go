package hecsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The HEC codes that the sink answers (Splunk, "Troubleshoot HTTP Event Collector"). They
// are in internal/hec/hecserver too, on purpose: what counts in bench shares no code with
// the product, so that one error cannot hide in both.
const (
	codeSuccess       = 0
	codeTokenRequired = 2
	codeInvalidAuth   = 3
	codeInvalidToken  = 4
	codeNoData        = 5
	codeInvalidData   = 6
	codeServerBusy    = 9
	codeEventRequired = 12
	codeEventBlank    = 13
	codeHealthy       = 17
)

const (
	// maxBody bounds a request before and behind decompression, in bytes.
	maxBody = 256 << 20
	// listMissing is how many lost numbers Stats names.
	listMissing = 20
	// shutdownGrace bounds the wait for requests under way at the end.
	shutdownGrace = 5 * time.Second
)

// Options say what the sink expects and how it misbehaves.
type Options struct {
	// Token is the HEC token that requests must carry; "" takes any.
	Token string
	// Expect is how many messages there are, numbered from 0; 0 is unknown.
	Expect uint64
	// Validate reads all JSON and refuses a request with a bad event, as Splunk does.
	Validate bool
	// Latency keeps the distribution of the time since the send stamp.
	Latency bool
	// ExitWhenComplete ends Run when all expected messages have arrived.
	ExitWhenComplete bool
	// Faults are what the sink does wrong on purpose.
	Faults Faults
}

// Stats is what the sink has counted.
type Stats struct {
	Expected uint64 `json:"expected"`
	Complete bool   `json:"complete"`
	// Lost counts sequence numbers that have not arrived: of the expected ones, or up
	// to the highest seen when none are expected.
	Lost uint64 `json:"lost"`
	counts
	// Missing names the first lost numbers.
	Missing []uint64 `json:"missing,omitempty"`
	Latency *Latency `json:"latency,omitempty"`
	// CPU is what the sink's process has used, in seconds.
	CPU float64 `json:"cpu_seconds"`
}

// Sink is a counting HEC endpoint.
type Sink struct {
	o       Options
	tally   *tally
	faults  *faults
	scratch sync.Pool
}

// scratch is the memory for one request.
type scratch struct {
	body  bytes.Buffer
	raw   bytes.Buffer
	gz    *gzip.Reader
	found findings
}

// New returns a sink that has counted nothing.
func New(o Options) *Sink {
	s := &Sink{o: o, tally: newTally(o.Expect, o.Latency), faults: newFaults(o.Faults)}
	s.scratch.New = func() any { return &scratch{gz: new(gzip.Reader)} }
	return s
}

// Stats returns the counts of now.
func (s *Sink) Stats() Stats {
	st := s.tally.snapshot()
	if st.Lost > 0 {
		st.Missing = s.tally.missing(listMissing)
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		st.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	return st
}

// Run serves ln until ctx ends, or until all is there if the options say so. Requests
// under way are finished. It closes ln.
func (s *Sink) Run(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	var complete chan struct{} // nil waits without limit
	if s.o.ExitWhenComplete {
		complete = s.tally.complete
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve HEC on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	case <-complete:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	err := srv.Shutdown(end)
	if err != nil {
		err = errors.Join(fmt.Errorf("finish requests: %w", err), srv.Close())
	}
	<-served
	return err
}

// Handler serves HEC and GET /stats.
func (s *Sink) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/services/collector", "/services/collector/event", "/services/collector/event/1.0"} {
		mux.HandleFunc("POST "+path, s.event)
	}
	mux.HandleFunc("GET /services/collector/health", func(w http.ResponseWriter, _ *http.Request) {
		if s.faults.refusing() {
			answer(w, s.faults.Status, codeServerBusy, "HEC is unhealthy", -1)
			return
		}
		answer(w, http.StatusOK, codeHealthy, "HEC is healthy", -1)
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats()) // a client that has gone needs no answer
	})
	return mux
}

// event takes one request of events.
func (s *Sink) event(w http.ResponseWriter, r *http.Request) {
	if status, code, text := s.authorize(r.Header.Get("Authorization")); code != codeSuccess {
		s.refuse(w, status, code, text, -1)
		return
	}
	if !s.faults.wait(r.Context()) {
		return
	}
	if s.faults.refusing() {
		s.refuse(w, s.faults.Status, codeServerBusy, "Server is busy", -1)
		return
	}
	m := s.scratch.Get().(*scratch)
	defer s.scratch.Put(m)
	raw, err := m.read(w, r)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, codeInvalidData, "Invalid data format", 0)
		return
	}
	if len(raw) == 0 {
		s.refuse(w, http.StatusBadRequest, codeNoData, "No data", -1)
		return
	}
	if s.o.Validate {
		if code, number, err := validate(raw); code != codeSuccess {
			s.tally.update(func(c *counts) { c.Invalid++ })
			s.refuse(w, http.StatusBadRequest, code, err.Error(), number)
			return
		}
	}
	m.found.reset()
	m.found.scan(raw)
	s.tally.take(&m.found, m.body.Len(), len(raw), time.Now())
	if s.faults.cut() {
		s.tally.update(func(c *counts) { c.Cut++ })
		panic(http.ErrAbortHandler) // net/http's own way of closing without an answer
	}
	answer(w, http.StatusOK, codeSuccess, "Success", -1)
}

func (s *Sink) authorize(header string) (status, code int, text string) {
	scheme, token, _ := strings.Cut(header, " ")
	switch {
	case s.o.Token == "":
		return http.StatusOK, codeSuccess, ""
	case header == "":
		return http.StatusUnauthorized, codeTokenRequired, "Token is required"
	case scheme != "Splunk":
		return http.StatusUnauthorized, codeInvalidAuth, "Invalid authorization"
	case token != s.o.Token:
		return http.StatusForbidden, codeInvalidToken, "Invalid token"
	}
	return http.StatusOK, codeSuccess, ""
}

// read returns the decompressed body. It is valid until the next read.
func (m *scratch) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	m.body.Reset()
	if _, err := m.body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	switch e := r.Header.Get("Content-Encoding"); e {
	case "", "identity":
		return m.body.Bytes(), nil
	case "gzip":
	default:
		return nil, fmt.Errorf("content encoding %q is unknown", e)
	}
	if err := m.gz.Reset(bytes.NewReader(m.body.Bytes())); err != nil {
		return nil, fmt.Errorf("read the gzip header: %w", err)
	}
	m.raw.Reset()
	n, err := m.raw.ReadFrom(io.LimitReader(m.gz, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if n > maxBody {
		return nil, fmt.Errorf("the body is longer than %d bytes", maxBody)
	}
	return m.raw.Bytes(), nil
}

func (s *Sink) refuse(w http.ResponseWriter, status, code int, text string, number int) {
	s.tally.update(func(c *counts) { c.Refused++ })
	answer(w, status, code, text, number)
}

// answer writes HEC's reply; number is that of the invalid event, or negative.
func answer(w http.ResponseWriter, status, code int, text string, number int) {
	reply := struct {
		Text   string `json:"text"`
		Code   int    `json:"code"`
		Number *int   `json:"invalid-event-number,omitempty"`
	}{Text: text, Code: code}
	if number >= 0 {
		reply.Number = &number
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply) // a client that has gone needs no answer
}
