package hecserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"syslog-gateway/internal/event"
)

// Options configure a Server.
type Options struct {
	// Addr is where to listen; 127.0.0.1:0, a free port of the loopback.
	Addr string
	// Token is what a post must carry.
	Token string
	// Out takes the events, one JSON object a line. Bodies are not mixed.
	Out io.Writer
	// Logger takes warnings; optional.
	Logger *slog.Logger
}

// Server is a HEC that listens.
type Server struct {
	opts     Options
	listener net.Listener
	bodies   event.Decompressor
	buffers  sync.Pool // of *bytes.Buffer

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

// Run serves until ctx is done and the requests under way are answered.
func (s *Server) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	for _, path := range []string{"/services/collector", "/services/collector/event", "/services/collector/event/1.0"} {
		mux.HandleFunc("POST "+path, s.post)
	}
	mux.HandleFunc("GET /services/collector/health", func(w http.ResponseWriter, _ *http.Request) {
		Reply(w, Of(Healthy))
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
	if code := CheckToken(r.Header, s.opts.Token); code != Success {
		Reply(w, Of(code))
		return
	}
	buf, ok := s.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer s.buffers.Put(buf)
	buf.Reset()
	err := ReadBody(&s.bodies, r, buf)
	if code := CheckBody(buf.Bytes(), err); code != Success {
		Reply(w, Of(code))
		return
	}
	if data := buf.Bytes(); data[len(data)-1] != '\n' {
		buf.WriteByte('\n')
	}
	if err := s.write(buf.Bytes()); err != nil {
		s.opts.Logger.Warn("events cannot be written; they will be posted again", "error", err)
		Reply(w, Of(Busy))
		return
	}
	Reply(w, Of(Success))
}

func (s *Server) write(lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.opts.Out.Write(lines)
	return err
}
