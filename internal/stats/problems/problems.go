// Package problems remembers the newest warnings and errors of a log for the statistics
// page. What is wrong with the gateway now belongs to package stats/monitor.
package problems

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/printable"
)

// The bounds of the recent problems.
const (
	maxProblems    = 100
	maxProblemText = 1000
	// sameProblem is how long a repetition only adds to the count.
	sameProblem = 10 * time.Minute
)

// Problem is a warning or an error of the log.
type Problem struct {
	Time    time.Time `json:"time"` // of the last time
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Details string    `json:"details"` // key=value …
	Count   int       `json:"count"`

	about string // what it is about, such as an endpoint: the attributes of With, else the first one
}

// Log remembers the newest warnings and errors of a logger. Its zero value is ready; it is
// safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	list []Problem // oldest first
}

// Handler returns a handler that passes records to next and remembers problems.
func (p *Log) Handler(next slog.Handler) slog.Handler {
	return &handler{Handler: next, to: p}
}

// Recent returns the remembered problems, newest first.
func (p *Log) Recent() []Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.list)
	slices.Reverse(list)
	return list
}

// Add remembers a problem. If the same message about the same thing came less than ten
// minutes ago, only its count grows, so a fault that repeats does not push out others.
func (p *Log) Add(n Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, old := range slices.Backward(p.list) {
		if old.Message == n.Message && old.Level == n.Level && old.about == n.about && n.Time.Sub(old.Time) < sameProblem {
			n.Count += old.Count
			p.list = slices.Delete(p.list, i, i+1)
			break
		}
	}
	if len(p.list) >= maxProblems {
		p.list = slices.Delete(p.list, 0, 1)
	}
	p.list = append(p.list, n)
}

// handler keeps the attributes of With as text.
type handler struct {
	slog.Handler
	to    *Log
	with  string
	group string
}

func (r *handler) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelWarn {
		n := Problem{Time: rec.Time, Level: strings.ToLower(rec.Level.String()), Count: 1, Message: clip(rec.Message), about: r.with}
		var b strings.Builder
		b.WriteString(r.with)
		rec.Attrs(func(a slog.Attr) bool {
			if countsOthers(a.Key) && a.Value.Kind() == slog.KindInt64 {
				n.Count += int(a.Value.Int64())
			}
			if n.about == "" {
				n.about = clip(a.Value.Resolve().String())
			}
			writeAttr(&b, r.group, a)
			return true
		})
		n.Details = clip(strings.TrimSpace(b.String()))
		r.to.Add(n)
	}
	return r.Handler.Handle(ctx, rec)
}

// countsOthers reports whether an attribute counts equal lines that were not logged because
// they came too often.
func countsOthers(key string) bool { return key == "not_logged" || strings.HasSuffix(key, "_before") }

func (r *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		writeAttr(&b, r.group, a)
	}
	return &handler{Handler: r.Handler.WithAttrs(attrs), to: r.to, with: r.with + b.String(), group: r.group}
}

func (r *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: r.Handler.WithGroup(name), to: r.to, with: r.with, group: r.group + name + "."}
}

func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	if b.Len() < maxProblemText {
		b.WriteString(group + a.Key + "=" + clip(a.Value.Resolve().String()) + " ")
	}
}

// clip makes one line of valid UTF-8 of at most maxProblemText bytes.
func clip(s string) string {
	s = printable.Fold(strings.ToValidUTF8(s, "\ufffd"))
	if len(s) > maxProblemText {
		s = strings.ToValidUTF8(s[:maxProblemText], "") + "…"
	}
	return s
}
