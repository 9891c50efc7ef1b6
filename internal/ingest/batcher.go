package ingest

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/tap"
)

// Sink takes sealed batches: the balancer.
type Sink interface {
	// Handle takes over the batch and blocks until a shard has room for it. It fails only
	// when the gateway is stopping and no shard will have room; the caller then keeps the
	// batch.
	Handle(b *event.Batch) error
}

// Options is what every Batcher needs.
type Options struct {
	MaxBytes  int           // of JSON in a batch
	MaxEvents int           // in a batch
	MaxAge    time.Duration // of a batch, from its first event on
	// InOrder keeps the events of a Batcher in the order in which they came: all
	// families share one batch.
	InOrder bool
	Pool    *event.Pool
	Sink    Sink
	// Stop unblocks a Batcher that waits for the pool. It is closed when the gateway
	// gives up what it could not hand over.
	Stop    <-chan struct{}
	Logger  *slog.Logger   // optional
	Senders *senders.Table // remembers who sends; optional
	Tap     *tap.Hub       // shows messages to people; optional
	Unknown *tap.Ring      // keeps messages that no rule knows, for people; optional
	// Rules counts what rules do; optional.
	Rules *rules.Counters
}

// Batcher makes events of the messages of one source and transport and collects them in
// batches. Streams and Datagrams call begin, message for each message, and end, once for
// each read.
type Batcher struct {
	options   Options
	account   *ledger.Account
	transport ledger.Transport

	// mu is locked from begin to end. It stays locked while Sink.Handle or Pool.Get blocks,
	// which may last hours when the queue is full: this is how back-pressure reaches the
	// sockets. So nothing else may need it; Waiting does not.
	mu    sync.Mutex
	now   time.Time // of the read
	nanos int64     // the same, since 1970
	read  tally

	// The message at hand.
	parsed    parsed
	continues bool               // it continues the message before of its sender
	host      []byte             // in the message; nil if it names none, or was not parsed
	time      eventTime          // of its event
	clocks    clocks             // that give it
	times     event.Times        // as text
	receipt   event.Acknowledger // owed for it; nil: none
	number    uint32             // of the message, for the receipt

	open    openBatches
	counts  senderCounts
	classes classCounts
	tap     tapSampler
	unknown unknownLines
	// observe, when set, is called after each message. It is for people (Replay.Explain,
	// the tap), not for the hot path.
	observe observer
	// shown is what people may see of the message at hand; nil: as it was received.
	shown []byte
	rules *ruleStage
}

// tally counts a read, for the ledger at its end.
type tally struct {
	events, bytes, unparsed, truncated, framing int
	dropped                                     [numDrops]int
}

// drop is why there is no event of a message.
type drop uint8

const (
	notDropped      drop = iota
	dropEmpty            // nothing but blanks and trailers
	dropNotAllowed       // the sender is not in the allow list
	dropProxyHeader      // a datagram of a proxy without a PROXY header
	dropRule             // a drop or sample rule for the class
	dropShutdown         // stopped while every queue was full
	numDrops
)

func (d drop) String() string {
	return [numDrops]string{"", "empty", "not_allowed", "proxy_header", "rule", "shutdown"}[d]
}

// wasParsed reports whether a message with this outcome was parsed.
func (d drop) wasParsed() bool { return d == notDropped || d == dropRule }

// answeredAge is the age of a batch for whose messages senders wait.
const answeredAge = 5 * time.Millisecond

// NewBatcher returns a Batcher of a source's messages. Close hands over what it holds.
func NewBatcher(s *Source, t ledger.Transport, o Options) *Batcher {
	if t.Answered() {
		// Who waits for an answer does not send: such batches are young. They are not
		// divided by family, so that they are not small as well.
		o.MaxAge, o.InOrder = min(o.MaxAge, answeredAge), true
	}
	b := &Batcher{options: o, account: s.account, transport: t}
	b.parsed = newParsed(s.name, o.Logger)
	b.open = newOpenBatches(s, o, b.sealOld)
	b.counts = senderCounts{table: o.Senders, source: s.name}
	b.classes = classCounts{totals: &s.classes}
	b.unknown = unknownLines{ring: o.Unknown}
	b.rules = newRuleStage(s, o.Rules, o.Logger)
	b.tap = tapSampler{hub: o.Tap, report: b.showTap}
	return b
}

// begin starts a read: the messages that follow were received now.
func (b *Batcher) begin(now time.Time) {
	b.mu.Lock()
	b.now, b.nanos = now, now.UnixNano()
	if b.tap.hub != nil {
		b.observe = b.tap.begin(b.nanos)
	}
}

// message takes one message of a sender. cut says that it is longer than what is there,
// continues that it belongs to the message that the sender sent before. It says what became
// of it.
func (b *Batcher) message(s *sender, msg []byte, cut, continues bool) drop {
	size := len(msg)
	if limit := s.format.settings.MaxMessage; size > limit {
		msg, cut = msg[:limit], true
	}
	b.host, b.time, b.shown = nil, eventTime{}, nil
	b.continues = continues && b.parsed.recall(s)
	if s.orphan {
		if s.orphan = continues; continues {
			msg, b.continues = hiddenLine, false
		}
	}
	dropped := b.take(s, msg, cut)
	b.read.dropped[dropped]++
	if s != b.counts.sender || !bytes.Equal(b.host, b.counts.host) {
		b.counts.count(s, b.host, b.read.events, b.read.bytes)
	}
	b.read.events++
	b.read.bytes += size
	if h := b.counts.current; h != nil {
		if dropped == notDropped {
			h.mix.Add(s.format.class(b.parsed.result.Class).name, 1)
		} else {
			h.dropped.Add(dropped == dropRule, dropped == dropEmpty)
		}
		if b.time.own {
			h.times.Add(b.time.offset, b.time.zoned)
		}
	}
	if b.observe != nil {
		b.observe(s, b.show(s, msg, dropped), dropped, cut || b.rules.cut)
	}
	return dropped
}

// take makes an event of a message, or says why there is none.
func (b *Batcher) take(s *sender, msg []byte, cut bool) drop {
	switch {
	case s.refused != notDropped:
		return s.refused
	case blank(msg):
		return dropEmpty
	}
	if cut {
		b.read.truncated++
		msg = wholeRunes(msg)
	}
	if b.continues {
		b.parsed.result.Body = msg
	} else {
		b.parsed.parse(s, msg)
		if b.parsed.result.Slow {
			b.classes.of(s.format, b.parsed.result.Class).slow++
		}
	}
	raw := msg
	b.rules.actor.Use(s.format.rules)
	if rules := s.format.rules; rules != nil && rules.Of(b.parsed.result.Class) {
		msg, cut = b.applyRules(s, msg, cut)
	}
	if b.parsed.result.Class == dialect.Fallback && !b.continues && b.unknown.ring != nil {
		b.keepUnknown(s, raw, cut)
	}
	b.host = b.parsed.result.Host
	if b.parsed.result.Unparsed {
		b.read.unparsed++
	}
	if !b.parsed.kept {
		return dropRule
	}
	family := s.format.class(b.parsed.result.Class).family
	if b.options.InOrder {
		family = 0
	}
	batch := b.open.byFamily[family]
	if batch == nil {
		if family, batch = b.open.begin(family, b.now); batch == nil {
			return dropShutdown
		}
	}
	b.time.set(&b.clocks, s, &b.parsed.header, &b.parsed.result, b.nanos)
	text := textOf(msg, &b.parsed.result)
	batch.Data = b.appendEvent(batch.Data, s, text, cut)
	batch.Events++
	if b.receipt != nil {
		batch.Receipts.Owe(b.receipt, b.number)
	}
	b.classes.add(s.format, &b.parsed.result, b.parsed.acted, len(text))
	if len(batch.Data) >= b.options.MaxBytes || batch.Events >= b.options.MaxEvents {
		b.open.seal(family)
	}
	return notDropped
}

// end ends a read and writes it to the ledger.
func (b *Batcher) end() {
	b.counts.flush(b.read.events, b.read.bytes, b.nanos)
	b.rules.end(b.now)
	t := b.read
	b.read = tally{}
	if t.events != 0 {
		b.account.Receive(b.transport, t.events, t.bytes)
	}
	if t.unparsed != 0 || t.truncated != 0 || t.framing != 0 {
		b.account.CountFlaws(t.unparsed, t.truncated, t.framing)
	}
	for d := notDropped + 1; d < numDrops; d++ {
		if n := t.dropped[d]; n != 0 {
			b.account.DropReceived(d.String(), n)
		}
	}
	b.classes.flush()
	b.tap.end(t.events)
	b.mu.Unlock()
}

// sealOld runs on the timer of the open batches.
func (b *Batcher) sealOld() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open.sealOld()
}

// Close hands over all open batches. It is called after the last message: the timer no
// longer runs.
func (b *Batcher) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open.close()
}

// Transport is how the Batcher's messages come.
func (b *Batcher) Transport() ledger.Transport { return b.transport }

// Waiting reports whether the Batcher is blocked by back-pressure. It never blocks.
func (b *Batcher) Waiting() bool { return b.open.waiting.Load() != 0 }

// blank reports whether there is nothing to see in p.
func blank(p []byte) bool {
	for _, c := range p {
		if c > ' ' {
			return false
		}
	}
	return true
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
