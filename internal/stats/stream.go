package stats

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// sendTimeout is how long a client may take to accept one piece.
	sendTimeout = 10 * time.Second
	// streamBuffer is what the kernel keeps for a client that does not read, in bytes.
	streamBuffer = 64 << 10
	// streamRetry is the Retry-After of a refused stream, in seconds.
	streamRetry = "15"
)

// stream is an answer that goes on: server-sent events (HTML, section 9.2) or JSON lines.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	conn    *conn // which carries nothing else from here on; nil if it does (HTTP/2)
	ok      bool
}

func newStream(w http.ResponseWriter, r *http.Request, kind string) *stream {
	s := &stream{w: w, control: http.NewResponseController(w), ok: true}
	if c := connOf(r); c != nil && r.ProtoMajor == 1 {
		s.conn = c
		c.streaming()
		w.Header().Set("Connection", "close")
	}
	_ = s.control.SetReadDeadline(time.Time{}) // the server's is for requests
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Accel-Buffering", "no") // of nginx
	w.WriteHeader(http.StatusOK)
	s.send()
	return s
}

// send writes pieces. It gives up a client that takes too long for them.
func (s *stream) send(pieces ...[]byte) {
	if !s.ok {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	for _, p := range pieces {
		if _, err := s.w.Write(p); err != nil {
			s.giveUp()
			return
		}
	}
	if s.control.Flush() != nil {
		s.giveUp()
	}
}

func (s *stream) giveUp() {
	s.ok = false
	if s.conn != nil {
		s.conn.abort()
	}
}

// refuseStream answers a stream above the limit, and has its connection closed.
func refuseStream(w http.ResponseWriter, refused *prometheus.CounterVec, why string) {
	refused.WithLabelValues("streams").Inc()
	w.Header().Set("Retry-After", streamRetry)
	w.Header().Set("Connection", "close")
	plain(w, http.StatusServiceUnavailable, why+"\n")
}
