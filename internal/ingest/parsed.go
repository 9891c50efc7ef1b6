package ingest

import (
	"log/slog"
	"runtime/debug"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/throttle"
)

// parsed is what is known about a message: from the parser, or from the previous message
// of the same connection.
type parsed struct {
	scanner syslog.Scanner
	header  syslog.Header
	result  dialect.Result
	sender  *sender         // whose message it is
	kept    bool            // by the rule for its class
	seen    []uint32        // messages by class, for the sample rules
	opened  map[string]bool // what completed sourcetypes
	acted   *rules.Outcome  // what rules said; nil if there are none for the class

	source   string
	logger   *slog.Logger // optional
	failures throttle.Throttle
}

func newParsed(source string, logger *slog.Logger) parsed {
	return parsed{source: source, logger: logger, seen: make([]uint32, dialect.FirstPackClass)}
}

// parse scans and classifies a message, and applies the rule for its class.
func (p *parsed) parse(s *sender, msg []byte) {
	p.classify(s, msg)
	p.sender, p.kept, p.acted = s, p.sample(s), nil
	if len(p.result.Sourcetype) != 0 {
		p.result.Sourcetype = p.bound(p.result.Sourcetype)
	}
}

// classify survives a parser that panics. That is a bug of ours and no reason to lose a
// message or its neighbours: it is delivered unchanged, counted as unparsed, and logged.
func (p *parsed) classify(s *sender, msg []byte) {
	defer p.survive(s, msg)
	p.scanner.Scan(msg, &p.header)
	s.format.settings.Parser.Parse(msg, &p.header, &s.from, &p.result)
}

func (p *parsed) survive(s *sender, msg []byte) {
	reason := recover()
	if reason == nil {
		return
	}
	p.header = syslog.Header{Priority: syslog.NoPriority}
	p.result.Become(dialect.Result{Class: dialect.Fallback, Body: msg, Unparsed: true})
	*p.result.Line() = matcher.NoLine(msg)
	if p.logger == nil {
		return
	}
	if _, ok := p.failures.Ready(time.Now(), logEvery); ok {
		p.logger.Error("a parser failed on a message; it is delivered as it is. Please report this",
			"source", p.source, "sender", string(s.address), "reason", reason, "stack", string(debug.Stack()))
	}
}

// logEvery is how often one kind of trouble is logged.
const logEvery = 10 * time.Second

// maxOpened bounds how many sourcetypes messages can make of those with a placeholder: each
// is a new name in Splunk for ever, and anybody can send any program name.
const maxOpened = 1000

// other completes a sourcetype when there are too many.
var other = []byte("other")

// bound keeps the number of different sourcetypes within maxOpened.
func (p *parsed) bound(sourcetype []byte) []byte {
	switch {
	case p.opened[string(sourcetype)]:
		return sourcetype
	case len(p.opened) >= maxOpened:
		return other
	case p.opened == nil:
		p.opened = make(map[string]bool)
	}
	p.opened[string(sourcetype)] = true
	return sourcetype
}

// sample applies the rule for the class: it keeps the first of so many messages.
func (p *parsed) sample(s *sender) (kept bool) {
	keep := s.format.class(p.result.Class).keep
	if keep == 1 {
		return true
	}
	if keep == 0 {
		return false
	}
	for int(p.result.Class) >= len(p.seen) { // of a pack
		p.seen = append(p.seen, 0)
	}
	n := &p.seen[p.result.Class]
	first := *n == 0
	if *n++; *n >= keep {
		*n = 0
	}
	return first
}

// lastMessage is what is known of the last message of a connection, for the one that
// continues it.
type lastMessage struct {
	known        bool
	kept         bool
	unparsed     bool
	class        dialect.ClassID
	host, source []byte // copies
	sourcetype   []byte // a copy
	stamp        syslog.Stamp
	priority     int
	location     *time.Location
	acted        *rules.Outcome // nil if rules said nothing
	outcome      *rules.Outcome // a copy for acted
}

// save keeps the last message of a connection before its bytes are gone.
func (p *parsed) save(s *sender) {
	if p.sender != s {
		return
	}
	l, r := &s.last, &p.result
	l.known, l.class, l.kept, l.unparsed = true, r.Class, p.kept, r.Unparsed
	l.host, l.source = append(l.host[:0], r.Host...), append(l.source[:0], r.Source...)
	l.sourcetype = append(l.sourcetype[:0], r.Sourcetype...)
	l.stamp, l.priority = *bestStamp(&p.header, r), p.header.Priority
	l.location, l.acted = r.Location, nil
	if p.acted != nil {
		if l.outcome == nil {
			l.outcome = new(rules.Outcome)
		}
		if l.acted = l.outcome; p.acted != l.outcome {
			l.outcome.CopyFrom(p.acted)
		}
	}
	p.restore(l)
}

// recall makes the last message of a sender the one at hand. It reports whether there is
// one.
func (p *parsed) recall(s *sender) bool {
	if p.sender != s && s.last.known {
		p.restore(&s.last)
		p.sender = s
	}
	return p.sender == s
}

func (p *parsed) restore(l *lastMessage) {
	p.header = syslog.Header{Priority: l.priority, Stamp: l.stamp}
	p.result.Become(dialect.Result{Class: l.class, Host: l.host, Source: l.source, Sourcetype: l.sourcetype, Stamp: l.stamp, Location: l.location, Unparsed: l.unparsed})
	p.kept, p.acted = l.kept, l.acted
}
