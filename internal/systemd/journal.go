package systemd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
)

// journalHandler adds the priority to each line and omits the time.
type journalHandler struct {
	slog.Handler
	to *prefixed
}

// NewJournalHandler returns a handler that writes lines for the systemd journal: the
// priority in front, as in sd-daemon(3), and no time.
func NewJournalHandler(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	to := &prefixed{w: w}
	text := slog.NewTextHandler(to, &slog.HandlerOptions{
		Level: o.Level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	})
	return &journalHandler{text, to}
}

// Handle writes one line.
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.to.mu.Lock()
	defer h.to.mu.Unlock()
	h.to.prefix = "<6>"
	switch {
	case r.Level >= slog.LevelError:
		h.to.prefix = "<3>"
	case r.Level >= slog.LevelWarn:
		h.to.prefix = "<4>"
	case r.Level < slog.LevelInfo:
		h.to.prefix = "<7>"
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the prefix.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{h.Handler.WithAttrs(attrs), h.to}
}

// WithGroup keeps the prefix.
func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{h.Handler.WithGroup(name), h.to}
}

// prefixed writes a prefix before each line, in one write.
type prefixed struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string
	line   bytes.Buffer
}

func (p *prefixed) Write(b []byte) (int, error) {
	p.line.Reset()
	p.line.WriteString(p.prefix)
	p.line.Write(b)
	if _, err := p.w.Write(p.line.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
