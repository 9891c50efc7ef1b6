package hecserver

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Server.
type Options struct {
	// Addr is where to listen; 127.0.0.1:0, a free port of the loopback.
	Addr string
	// Token is what a post must carry.
	Token string
	// Out takes the events, one JSON object a line. Bodies are not mixed.
	Out io.Writer
	// Logger is told what goes wrong; nil discards.
	Logger *slog.Logger
}

// Server is a HEC that listens.
type Server struct {
	opts     Options
	listener net.Listener
	decoder  Decoder
	buffers  sync.Pool // of *bytes.Buffer
	events   atomic.Uint64

	mu sync.Mutex // one body at a time on Out
}

// Listen opens the port; Run serves it.
func Listen(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HEC on %s: %w", o.Addr, err)
	}
	return &Server{opts: o, listener: l}, nil
}

// URL is the address to post to.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Events is how many events were written.
func (s *Server) Events() uint64 { return s.events.Load() }

// Run serves until ctx is done and the requests under way are answered.
func (s *Server) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	for _, path := range []string{"/services/collector", "/services/collector/event", "/services/collector/event/1.0"} {
		mux.HandleFunc("POST "+path, s.post)
	}
	mux.HandleFunc("GET /services/collector/health", func(w http.ResponseWriter, _ *http.Request) {
		Reply(w, http.StatusOK, Answer{Text: "HEC is healthy", Code: 17})
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		server.Close()
		return fmt.Errorf("serve HEC: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop the HEC endpoint: %w", errors.Join(err, server.Close()))
	}
	return nil
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Splunk "+s.opts.Token)) == 0 {
		Reply(w, http.StatusForbidden, Answer{Text: "Invalid token", Code: 4})
		return
	}
	buf, ok := s.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer s.buffers.Put(buf)
	buf.Reset()
	if err := s.decoder.ReadBody(r, buf); errors.Is(err, ErrTooLarge) {
		Reply(w, http.StatusRequestEntityTooLarge, Answer{Text: "Content too large", Code: 27})
		return
	} else if err != nil {
		Reply(w, http.StatusBadRequest, Answer{Text: "Invalid data format", Code: 6})
		return
	}
	if buf.Len() == 0 {
		Reply(w, http.StatusBadRequest, Answer{Text: "No data", Code: 5})
		return
	}
	if data := buf.Bytes(); data[len(data)-1] != '\n' {
		buf.WriteByte('\n')
	}
	if err := s.write(buf.Bytes()); err != nil {
		s.opts.Logger.Warn("events cannot be written; they will be posted again", "error", err)
		Reply(w, http.StatusServiceUnavailable, Answer{Text: "Server is busy", Code: 9})
		return
	}
	s.events.Add(uint64(bytes.Count(buf.Bytes(), []byte{'\n'})))
	Reply(w, http.StatusOK, Answer{Text: "Success", Code: 0})
}

func (s *Server) write(lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.opts.Out.Write(lines)
	return err
}
