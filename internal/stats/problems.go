package stats

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of what is remembered of the log.
const (
	maxProblems    = 100
	maxProblemText = 1000
	// sameProblem is how long a repetition is counted and not remembered anew.
	sameProblem = 10 * time.Minute
)

// Problem is a warning or an error of the log.
type Problem struct {
	Time    time.Time `json:"time"` // of the last time
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Details string    `json:"details"` // key=value …
	Count   int       `json:"count"`

	about string // which endpoint, shard or source: the attributes of With, else the first one
}

// Problems remembers the newest warnings and errors that pass a logger. The zero value
// is ready.
type Problems struct {
	mu   sync.Mutex
	list []Problem // oldest first
}

// Handler returns a handler that remembers what next logs.
func (p *Problems) Handler(next slog.Handler) slog.Handler { return &remembering{Handler: next, to: p} }

// Recent returns what is remembered, newest first.
func (p *Problems) Recent() []Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.list)
	slices.Reverse(list)
	return list
}

// add remembers one. The same message about the same thing again within ten minutes is
// counted, so a fault that repeats does not push out the others.
func (p *Problems) add(n Problem) {
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

// remembering is the handler. It keeps the attributes of With as text.
type remembering struct {
	slog.Handler
	to    *Problems
	with  string
	group string
}

func (r *remembering) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelWarn {
		n := Problem{Time: rec.Time, Level: strings.ToLower(rec.Level.String()), Count: 1, Message: clip(rec.Message), about: r.with}
		var b strings.Builder
		b.WriteString(r.with)
		rec.Attrs(func(a slog.Attr) bool {
			if heldBack(a.Key) && a.Value.Kind() == slog.KindInt64 {
				n.Count += int(a.Value.Int64())
			}
			if n.about == "" {
				n.about = clip(a.Value.Resolve().String())
			}
			writeAttr(&b, r.group, a)
			return true
		})
		n.Details = clip(strings.TrimSpace(b.String()))
		r.to.add(n)
	}
	return r.Handler.Handle(ctx, rec)
}

// heldBack reports whether an attribute says how often the same was not logged, because it
// came too often.
func heldBack(key string) bool { return key == "not_logged" || strings.HasSuffix(key, "_before") }

func (r *remembering) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		writeAttr(&b, r.group, a)
	}
	return &remembering{Handler: r.Handler.WithAttrs(attrs), to: r.to, with: r.with + b.String(), group: r.group}
}

func (r *remembering) WithGroup(name string) slog.Handler {
	return &remembering{Handler: r.Handler.WithGroup(name), to: r.to, with: r.with, group: r.group + name + "."}
}

func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	if b.Len() < maxProblemText {
		b.WriteString(group + a.Key + "=" + clip(a.Value.Resolve().String()) + " ")
	}
}

// clip makes a text fit.
func clip(text string) string {
	text = oneLine(strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > maxProblemText {
		text = strings.ToValidUTF8(text[:maxProblemText], "") + "…"
	}
	return text
}
