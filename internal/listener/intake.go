package listener

import (
	"bytes"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/throttle"
)

// Sink takes sealed batches: the balancer.
type Sink interface {
	// Handle takes the batch over and blocks until somebody has room for it. It
	// fails only when the gateway is stopping and nobody will have; the batch then
	// stays with the caller.
	Handle(b *event.Batch) error
}

// Reasons of drops that are booked here.
const (
	dropEmpty      = "empty"       // nothing but blanks and trailers
	dropNotAllowed = "not_allowed" // the sender is not in the allow list
	dropRule       = "rule"        // a drop or sample rule for the class
	dropShutdown   = "shutdown"    // stopped while every queue was full
)

// Batching bounds the open batches.
type Batching struct {
	MaxBytes  int           // of JSON
	MaxEvents int           //
	MaxAge    time.Duration // from the first event on
	// InOrder keeps the events of an intake in the order in which they came: all
	// families go in one lane.
	InOrder bool
	Pool    *event.Pool
	Sink    Sink
	Logger  *slog.Logger // of parsers that fail; nil discards
	// Stop unblocks an intake that waits for the pool; closed when the gateway
	// gives up on what it could not hand over.
	Stop <-chan struct{}
	// Senders remembers who sends, and Tap shows messages to people; nil: nobody does.
	Senders *senders.Table
	Tap     *tap.Hub
}

// Intake makes events of the messages of one source and transport and collects them
// in batches. Its owner calls begin, message for each message, and end, once for
// each turn of the loop.
type Intake struct {
	batching  Batching
	account   *ledger.Account
	transport ledger.Transport
	key       uint64 // of the source_hash policy

	waits atomic.Int32 // 1 while it waits for room behind it

	mu     sync.Mutex // held between begin and end
	lanes  [numLanes]*event.Batch
	open   int         // batches in lanes
	timer  *time.Timer // seals a batch that got old
	closed bool
	now    time.Time
	nanos  int64
	header syslog.Header
	result dialect.Result
	spoken *sender // whose message these two are of
	kept   bool    // it was kept by the rule for its class
	goesOn bool    // the message at hand goes on with it
	turn   tally
	seen   []uint32 // by class, for the sample rules
	noisy  throttle.Throttle
	// explain, when set, hears of every message; for people, not for the hot path.
	explain func(s *sender, msg []byte, dropped string, cut bool)
	tap     tapping
	host    []byte // in the message at hand; nil where it has none, or was not understood
	moment  moment // of the event of the message at hand
	speaker speaker
	voices  map[voiceKey]*voice // of senders with several hosts; bounded
	touched []*voice            // who sent something in this turn
}

// tally counts a turn; the books get it at its end.
type tally struct {
	events, bytes, unparsed, truncated, framing, empty, denied, ruled, lost int
}

func newIntake(a *ledger.Account, t ledger.Transport, b Batching) *Intake {
	in := &Intake{batching: b, account: a, transport: t, key: hash(a.Source)}
	in.seen = make([]uint32, len(dialect.Classes()))
	in.timer = time.AfterFunc(time.Hour, in.expire)
	in.timer.Stop()
	in.tap.report = in.offer
	return in
}

// begin opens a turn: what follows was received now.
func (in *Intake) begin(now time.Time) {
	in.mu.Lock()
	in.now, in.nanos = now, now.UnixNano()
	if t := in.batching.Tap; t != nil {
		in.listen(t)
	}
}

// end closes a turn and books it.
func (in *Intake) end() {
	in.remember()
	t := in.turn
	in.turn = tally{}
	if t.events != 0 {
		in.account.Receive(in.transport, t.events, t.bytes)
	}
	if t.unparsed != 0 || t.truncated != 0 || t.framing != 0 {
		in.account.Mark(t.unparsed, t.truncated, t.framing)
	}
	in.drop(dropEmpty, t.empty)
	in.drop(dropNotAllowed, t.denied)
	in.drop(dropRule, t.ruled)
	in.drop(dropShutdown, t.lost)
	if in.tap.on {
		in.batching.Tap.Looked(in.tap.looked, t.events)
	}
	in.mu.Unlock()
}

func (in *Intake) drop(reason string, n int) {
	if n != 0 {
		in.account.DropReceived(reason, n)
	}
}

// message takes one message of a sender. cut says that it is longer than what is
// there, goesOn that it belongs to the one that the sender sent before.
func (in *Intake) message(s *sender, msg []byte, cut, goesOn bool) {
	size := len(msg)
	if limit := s.format.settings.MaxMessage; size > limit {
		msg, cut = msg[:limit], true
	}
	in.host, in.moment = nil, moment{}
	in.goesOn = goesOn && in.recall(s)
	dropped := in.take(s, msg, cut)
	if s != in.speaker.sender || !bytes.Equal(in.host, in.speaker.host) {
		in.speak(s)
	}
	in.turn.events++
	in.turn.bytes += size
	if in.moment.own && in.speaker.voice != nil {
		in.speaker.voice.times.Add(in.moment.offset, in.moment.zoned)
	}
	if in.explain != nil {
		in.explain(s, msg, dropped, cut)
	}
}

// take makes an event of a message, or counts it as dropped and says why.
func (in *Intake) take(s *sender, msg []byte, cut bool) (dropped string) {
	switch {
	case !s.allowed:
		in.turn.denied++
		return dropNotAllowed
	case blank(msg):
		in.turn.empty++
		return dropEmpty
	}
	if cut {
		in.turn.truncated++
		msg = wholeRunes(msg)
	}
	if in.goesOn {
		in.result.Body = msg
	} else {
		in.understand(s, msg)
		in.spoken, in.kept = s, in.keeps(s)
	}
	in.host = in.result.Host
	if in.result.Unparsed {
		in.turn.unparsed++
	}
	if !in.kept {
		in.turn.ruled++
		return dropRule
	}
	lane := s.format.classes[in.result.Class].lane
	if in.batching.InOrder {
		lane = 0
	}
	b := in.lanes[lane]
	if b == nil {
		if lane, b = in.fresh(lane); b == nil {
			in.turn.lost++
			return dropShutdown
		}
	}
	in.moment = s.momentOf(&in.header, &in.result, in.nanos)
	b.Data = s.append(b.Data, msg, &in.header, &in.result, in.moment, cut)
	b.Events++
	if len(b.Data) >= in.batching.MaxBytes || b.Events >= in.batching.MaxEvents {
		in.seal(lane)
	}
	return ""
}

// last is what is known of the last message of a connection, for what goes on with it.
type last struct {
	known        bool
	class        dialect.ClassID
	host, source []byte // copies
	stamp        syslog.Stamp
	priority     int
	kept         bool
	unparsed     bool
}

// keep notes the last message of a connection before its bytes are gone.
func (in *Intake) keep(s *sender) {
	if in.spoken != s {
		return
	}
	l, r := &s.last, &in.result
	l.known, l.class, l.kept, l.unparsed = true, r.Class, in.kept, r.Unparsed
	l.host, l.source = append(l.host[:0], r.Host...), append(l.source[:0], r.Source...)
	l.stamp, l.priority = *bestStamp(&in.header, r), in.header.Priority
	in.restore(l)
}

// recall makes the last message of a sender the one at hand.
func (in *Intake) recall(s *sender) bool {
	if in.spoken != s && s.last.known {
		in.restore(&s.last)
		in.spoken = s
	}
	return in.spoken == s
}

func (in *Intake) restore(l *last) {
	in.header = syslog.Header{Priority: l.priority, Stamp: l.stamp}
	in.result.Become(dialect.Result{Class: l.class, Host: l.host, Source: l.source, Stamp: l.stamp, Unparsed: l.unparsed})
	in.kept = l.kept
}

// keeps applies the rule for the class: of so many messages the first is kept.
func (in *Intake) keeps(s *sender) bool {
	keep := s.format.classes[in.result.Class].keep
	if keep == 1 {
		return true
	}
	if keep == 0 {
		return false
	}
	n := &in.seen[in.result.Class]
	first := *n == 0
	if *n++; *n >= keep {
		*n = 0
	}
	return first
}

// understand scans and classifies. Should a parser panic, that is a bug of ours and
// no reason to lose a message or its neighbours: it is delivered as it is, counted as
// unparsed, and logged.
func (in *Intake) understand(s *sender, msg []byte) {
	defer in.survive(s, msg)
	syslog.Scan(msg, &in.header)
	s.format.settings.Parser.Parse(msg, &in.header, &in.result)
}

func (in *Intake) survive(s *sender, msg []byte) {
	reason := recover()
	if reason == nil {
		return
	}
	in.header = syslog.Header{Priority: syslog.NoPriority}
	in.result.Become(dialect.Result{Class: dialect.Fallback, Body: msg, Unparsed: true})
	if in.batching.Logger != nil && ready(&in.noisy) {
		in.batching.Logger.Error("a parser failed on a message; it is delivered as it is. Please report this",
			"source", in.account.Source, "sender", string(s.address), "reason", reason, "stack", string(debug.Stack()))
	}
}

// wholeRunes takes an incomplete UTF-8 sequence off the end of a cut message.
func wholeRunes(p []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-i:]) {
				return p[:len(p)-i]
			}
			break
		}
	}
	return p
}

// knownSenders remembers who sends to one source by UDP. It is bounded: when it is full
// it begins anew.
type knownSenders struct {
	source *Source
	by     map[netip.Addr]*sender
	last   netip.Addr
	lastS  *sender
}

// maxSenders bounds the memory that spoofed addresses can take, about 300 bytes
// each.
const maxSenders = 16384

// of returns the sender with an address, made for the source's present settings.
func (c *knownSenders) of(addr netip.Addr) *sender {
	f := c.source.format.Load()
	if addr == c.last && c.lastS != nil && c.lastS.format == f {
		return c.lastS
	}
	s := c.by[addr]
	if s == nil || s.format != f {
		if len(c.by) >= maxSenders {
			clear(c.by)
		}
		s = newSender(f, ledger.UDP, addr, c.source.options.Port)
		c.by[addr] = s
	}
	c.last, c.lastS = addr, s
	return s
}
