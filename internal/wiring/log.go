package wiring

import (
	"io"
	"log/slog"
	"os"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/systemd"
)

// NewLogger returns the log of the gateway. Under systemd the journal adds the time and
// reads the level from the prefix of a line (sd-daemon(3)).
func NewLogger(c config.Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	SetLevel(level, c.Level)
	o := &slog.HandlerOptions{Level: level}
	format := c.Format
	if format == "auto" && os.Getenv("JOURNAL_STREAM") != "" {
		format = "journal"
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case "journal":
		return slog.New(systemd.NewJournalHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// SetLevel sets the level that the configuration names.
func SetLevel(v *slog.LevelVar, name string) {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) == nil {
		v.Set(l)
	}
}
