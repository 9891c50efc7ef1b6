package listener

import (
	"fmt"
	"log/slog"
	"runtime"
)

// defaultLoops is one event loop for every four processors: reading, parsing and
// encoding take less than a third of the work, compression most of the rest.
func defaultLoops() int { return max(1, runtime.GOMAXPROCS(0)/4) }

// gnetLogger passes gnet's own lines on.
type gnetLogger struct{ log *slog.Logger }

func (l gnetLogger) Debugf(string, ...any) {}
func (l gnetLogger) Infof(string, ...any)  {}
func (l gnetLogger) Warnf(f string, a ...any) {
	l.log.Warn("event loop", "message", fmt.Sprintf(f, a...))
}
func (l gnetLogger) Errorf(f string, a ...any) {
	l.log.Error("event loop", "message", fmt.Sprintf(f, a...))
}

// Fatalf does not end the process: the loop's end is noticed by Run.
func (l gnetLogger) Fatalf(f string, a ...any) { l.Errorf(f, a...) }
