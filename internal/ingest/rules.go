package ingest

import (
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/throttle"
)

// ruleStage applies rules to the messages of a Batcher.
type ruleStage struct {
	actor   *rules.Actor
	outcome rules.Outcome // of the message at hand, unless it continues another one
	message rules.Message
	// cut says that a rule made the text too long.
	cut bool

	source    string
	logger    *slog.Logger // optional
	failures  throttle.Throttle
	forgotten throttle.Throttle
}

func newRuleStage(s *Source, counters *rules.Counters, logger *slog.Logger) *ruleStage {
	r := &ruleStage{actor: rules.NewActor(counters), source: s.name, logger: logger}
	r.actor.Use(s.Settings().Rules) // its series begin with 0
	return r
}

// end ends a read.
func (r *ruleStage) end(now time.Time) {
	r.actor.Flush()
	if r.logger == nil || !r.actor.HasForgotten() {
		return
	}
	if _, ok := r.forgotten.Ready(now, logEvery); !ok { // the next read tells
		return
	}
	for _, f := range r.actor.Forgotten() {
		r.logger.Info("a suppress rule was changed or removed; no event will tell of the last messages that it left out",
			"source", r.source, "rule", f.Rule, "kinds", f.Kinds, "messages", f.Messages)
	}
}

// applyRules applies the rules for the class of the message at hand. It returns what stands
// for the message from here on, and whether that is cut. If a rule leaves the message out, it
// is not kept.
func (b *Batcher) applyRules(s *sender, msg []byte, cut bool) (text []byte, isCut bool) {
	b.rules.cut = false
	if !b.parsed.kept && !b.continues {
		return msg, cut
	}
	defer b.surviveRules(s, &text)
	p, stage := &b.parsed, b.rules
	m := &stage.message
	*m = rules.Message{Result: &p.result, Text: textOf(msg, &p.result), Now: b.nanos, Cut: cut, More: s.more, Continues: b.continues}
	switch {
	case !b.continues:
		m.Host = s.host(&p.result)
		p.acted = &stage.outcome
		if p.kept = stage.actor.Act(m, p.acted); !p.kept {
			return msg, cut
		}
	case p.acted == nil:
		return msg, cut
	case !p.kept:
		stage.actor.Again(m, p.acted)
		return msg, cut
	}
	if !p.acted.Edits() {
		return msg, cut
	}
	text = stage.actor.Edit(m, p.acted)
	if limit := s.format.settings.MaxMessage; len(text) > limit {
		text, stage.cut = wholeRunes(text[:limit]), true
	}
	p.result.Body, b.shown = text, text
	if len(p.result.Sourcetype) != 0 {
		p.result.Sourcetype = p.bound(p.result.Sourcetype)
	}
	return text, cut || stage.cut
}

// unreadable is the event of a message on which a rule failed that may hide something.
var unreadable = []byte("*** a rule failed on this message")

// surviveRules survives a rule that panics. That is a bug of ours. The message is delivered
// without its text if a mask may be for it, else as it is.
func (b *Batcher) surviveRules(s *sender, text *[]byte) {
	reason := recover()
	if reason == nil {
		return
	}
	p := &b.parsed
	p.acted = nil
	if s.format.rules.Masks(p.result.Class) {
		p.result.Become(dialect.Result{Class: p.result.Class, Stamp: p.result.Stamp, Unparsed: true, Body: unreadable})
		b.shown = unreadable
	}
	*text = textOf(unreadable, &p.result)
	if b.rules.logger == nil {
		return
	}
	if _, ok := b.rules.failures.Ready(time.Now(), logEvery); ok {
		b.rules.logger.Error("a rule failed on a message; a text in which something may have to be hidden is not delivered. Please report this",
			"source", b.rules.source, "sender", string(s.address), "reason", reason, slog.String("stack", string(debug.Stack())))
	}
}

// show returns what people may see of the message at hand: as it was received, or, if a mask
// may be for it, the text of its event.
func (b *Batcher) show(s *sender, msg []byte, dropped drop) []byte {
	set := s.format.rules
	switch {
	case b.shown != nil:
		return b.shown
	case set == nil || !set.AnyMasks() || dropped == dropEmpty:
		return msg
	case !dropped.wasParsed(): // of no class: all masks
		b.rules.actor.Use(set)
		return b.rules.actor.ShowUnread(msg)
	case !set.Masks(b.parsed.result.Class), b.continues && dropped == notDropped: // no mask is for it
		return msg
	case b.continues: // of one that is left out
		return hiddenLine
	}
	return b.rules.actor.Show(&rules.Message{
		Result: &b.parsed.result, Host: s.host(&b.parsed.result), Text: textOf(msg, &b.parsed.result), Now: b.nanos,
	})
}

// hiddenLine is shown of a line that continues a message that is left out, and in which
// something may have to be hidden.
var hiddenLine = []byte("***")

// defaultField is a field of a class that a rule may set otherwise.
type defaultField struct {
	number int
	json   []byte
}

// eventNames are what Splunk calls an event, as its JSON has them.
type eventNames struct {
	sourcetype, suffix, index []byte // the sourcetype ends with the suffix
	own                       bool   // they are not those of the class
}

// names returns the names of an event: those of its class, unless the message completes the
// sourcetype or rules have set one of them.
func (c *classFormat) names(acted *rules.Outcome, r *dialect.Result) eventNames {
	n := eventNames{sourcetype: c.sourcetype, index: c.index}
	if len(c.first) != 0 {
		n.suffix, n.own = r.Sourcetype, true
	}
	if acted == nil {
		return n
	}
	if own := acted.Sourcetype(); own != nil && !c.fixedSourcetype {
		n.sourcetype, n.suffix, n.own = own, nil, true
	}
	if own := acted.Index(); own != nil && !c.fixedIndex {
		n.index, n.own = own, true
	}
	return n
}

// appendNames appends sourcetype and index where rules have set one of them.
func (c *classFormat) appendNames(dst []byte, acted *rules.Outcome, r *dialect.Result) []byte {
	n := c.names(acted, r)
	dst = append(append(dst, `","sourcetype":"`...), n.sourcetype...)
	dst = event.AppendString(dst, n.suffix)
	if len(n.index) != 0 {
		dst = append(append(dst, `","index":"`...), n.index...)
	}
	return append(dst, `","event":"`...)
}

// appendRuled appends the fields that depend on rules.
func (c *classFormat) appendRuled(dst []byte, acted *rules.Outcome) []byte {
	rate, set := uint64(max(c.keep, 1)), uint32(0)
	if acted != nil {
		rate *= uint64(max(acted.Rate(), 1))
		set = acted.Fields()
	}
	for i := range c.defaults {
		if f := &c.defaults[i]; set&(1<<f.number) == 0 {
			dst = append(dst, f.json...)
		}
	}
	for n := 0; set != 0; n++ {
		if set&1 != 0 {
			dst = append(dst, acted.Field(n)...)
		}
		set >>= 1
	}
	if rate > 1 { // so that a search can multiply what it counts
		dst = append(strconv.AppendUint(append(dst, `"`+SampleField+`":"`...), rate, 10), `",`...)
	}
	if acted != nil && acted.Suppressed() != 0 {
		dst = append(strconv.AppendUint(append(dst, `"`+SuppressedField+`":"`...), uint64(acted.Suppressed()), 10), `",`...)
	}
	return dst
}

// SuppressedField is the indexed field of an event that was let through after others of its
// kind: how many were left out.
const SuppressedField = "suppressed"
