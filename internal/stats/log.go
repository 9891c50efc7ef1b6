package stats

import (
	"log"
	"log/slog"
	"strings"
	"time"

	"syslog-gateway/internal/throttle"
)

// How many errors of the HTTP server are logged in which time. A port scan causes one for
// each connection.
const (
	maxErrors   = 5
	errorWindow = time.Minute
)

// errorWriter is the writer behind the error log of the HTTP server: one call of Write is
// one error.
type errorWriter struct {
	logger   *slog.Logger
	throttle throttle.Throttle
}

func newErrorLog(logger *slog.Logger) *log.Logger {
	return log.New(&errorWriter{logger: logger, throttle: throttle.Throttle{Burst: maxErrors}}, "", 0)
}

// Write logs p, or counts it if there were too many.
func (w *errorWriter) Write(p []byte) (int, error) {
	suppressed, ok := w.throttle.Ready(time.Now(), errorWindow)
	if suppressed > 0 {
		w.logger.Warn("stats server: more complaints were not logged", "count", suppressed)
	}
	if ok {
		w.logger.Warn("stats server", "complaint", strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
