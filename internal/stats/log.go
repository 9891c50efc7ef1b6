package stats

import (
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// How many complaints of the HTTP server are logged in how much time. A port scan
// brings one for each connection.
const (
	complaints      = 5
	complaintWindow = time.Minute
)

// complaintLog is the writer behind the error log of the HTTP server: one call of
// Write is one complaint.
type complaintLog struct {
	logger *slog.Logger

	mu    sync.Mutex
	until time.Time // end of the window
	count int       // complaints in the window
}

func newErrorLog(logger *slog.Logger) *log.Logger {
	return log.New(&complaintLog{logger: logger}, "", 0)
}

// Write logs p, or counts it where there were too many.
func (c *complaintLog) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); !now.Before(c.until) {
		if held := c.count - complaints; held > 0 {
			c.logger.Warn("stats server: more complaints were not logged", "count", held)
		}
		c.until, c.count = now.Add(complaintWindow), 0
	}
	c.count++
	if c.count <= complaints {
		c.logger.Warn("stats server", "complaint", strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
