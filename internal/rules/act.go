package rules

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash/maphash"
	"math"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
)

// Message is a message whose class is known.
type Message struct {
	// Result is what the message is. Its host, zone and completions may be changed.
	Result *dialect.Result
	// Host is the host of its event.
	Host []byte
	// Text is the text of its event.
	Text []byte
	// Now is when the message was received, in nanoseconds since 1970.
	Now int64
	// Cut says that the message is longer than its text.
	Cut bool
	// More says that the message has not ended: more of it may come, which continues it.
	More bool
	// Continues says that the message continues the one that the outcome is of.
	Continues bool
}

// Action is what a rule does that is counted.
type Action uint8

// The actions.
const (
	Drop Action = iota
	Sample
	SuppressAction
	Mask
	numActions
)

// String returns the value of the label action.
func (a Action) String() string { return [numActions]string{"drop", "sample", "suppress", "mask"}[a] }

// Outcome is what rules say of a message. The zero value says nothing.
type Outcome struct {
	left   *rule // leaves the message out
	leftBy Action
	rate   uint32 // the message stands for so many; 0: for itself
	// suppressed is how many were left out before it.
	suppressed uint32

	index, sourcetype           []byte         // of rules, in JSON
	tableIndex, tableSourcetype []byte         // of look-ups
	location                    *time.Location // of a look-up
	host                        []byte
	set                         uint32 // which fields
	values                      [MaxFields][]byte
	edits                       []*rule // that hide or remove something
	acts                        []act
	open                        open         // how the text ended
	form                        matcher.Form // of the text
	tail                        []byte       // the end of the text, before it was changed
}

// act is what a rule did, for people.
type act struct {
	rule *rule
	did  did
	n    int
}

type did uint8

const (
	didDrop did = iota
	didSample
	didSuppress
	didKeep // of a sample
	didLet  // of suppressed ones
	didLookUp
	didSet
	didMask
	didTrim
)

// reset makes o say nothing.
func (o *Outcome) reset() {
	o.left, o.rate, o.suppressed, o.set = nil, 0, 0, 0
	o.index, o.sourcetype, o.tableIndex, o.tableSourcetype, o.location, o.host = nil, nil, nil, nil, nil, nil
	o.edits, o.acts, o.tail, o.open = o.edits[:0], o.acts[:0], o.tail[:0], open{}
}

// CopyFrom makes o a copy of another outcome, which keeps its own memory.
func (o *Outcome) CopyFrom(other *Outcome) {
	edits, tail, acts := append(o.edits[:0], other.edits...), append(o.tail[:0], other.tail...), o.acts[:0]
	*o = *other
	o.edits, o.tail, o.acts = edits, tail, acts
}

// Index is the index that a rule or a look-up has set, in JSON, or nil.
func (o *Outcome) Index() []byte {
	if len(o.index) != 0 {
		return o.index
	}
	return o.tableIndex
}

// Sourcetype is the sourcetype, likewise.
func (o *Outcome) Sourcetype() []byte {
	if len(o.sourcetype) != 0 {
		return o.sourcetype
	}
	return o.tableSourcetype
}

// Rate is for how many messages this one stands, or 0.
func (o *Outcome) Rate() uint32 { return o.rate }

// Suppressed is how many messages like this were left out before it.
func (o *Outcome) Suppressed() uint32 { return o.suppressed }

// Fields returns which fields are set, a bit for each number.
func (o *Outcome) Fields() uint32 { return o.set }

// Field returns a field that is set, as `"name":"value",`.
func (o *Outcome) Field(number int) []byte { return o.values[number] }

// Open reports whether the text ended within a value that is hidden.
func (o *Outcome) Open() bool { return o != nil && o.open.kind != closed }

// Edits reports whether rules may change the text.
func (o *Outcome) Edits() bool { return len(o.edits) != 0 }

// Actor applies rules to the messages of one receive loop. It is for one goroutine.
type Actor struct {
	counters *Counters // optional
	set      *Set

	seen   []uint32 // messages by rule, for sample
	kinds  []*kinds // by rule, for suppress
	counts []count  // by rule
	dirty  []int    // rules whose count is not 0

	forgotten []Forgotten // of rules that were changed or removed
	slow      []string    // packs whose rules searched the message at hand with regular expressions

	scratch matcher.Scratch
	begun   bool // the line at hand is in scratch
	seed    maphash.Seed
	key     []byte
	folded  []byte

	hider        hider
	first, spare []byte // texts that are trimmed
}

// NewActor returns an Actor whose counts are added to counters, which may be nil.
func NewActor(counters *Counters) *Actor {
	return &Actor{counters: counters, seed: maphash.MakeSeed()}
}

// Use makes a set the one that is applied; nil is one without rules. Rules that are the same
// in the set before go on with what they remember.
func (a *Actor) Use(s *Set) {
	if a.set != s {
		a.renew(s)
	}
}

func (a *Actor) renew(s *Set) {
	a.Flush()
	old, seen, kinds := a.set, a.seen, a.kinds
	a.set, a.hider.mac, a.seen, a.kinds, a.counts = s, nil, nil, nil, nil
	a.begin(s)
	a.carry(old, seen, kinds)
}

// begin makes room for what rules count and remember.
func (a *Actor) begin(s *Set) {
	if s == nil {
		return
	}
	a.seen, a.kinds, a.counts = make([]uint32, len(s.rules)), make([]*kinds, len(s.rules)), make([]count, len(s.rules))
	if len(s.secret) != 0 {
		a.hider.mac = hmac.New(sha256.New, s.secret)
	}
	if a.counters != nil {
		for i, r := range s.rules {
			a.counts[i].total = a.counters.of(r)
		}
	}
}

// Act says what becomes of a message, before its text is changed. It returns false if a rule
// leaves it out.
func (a *Actor) Act(m *Message, o *Outcome) bool {
	o.reset()
	a.begun, a.slow = false, a.slow[:0]
	steps := a.set.byClass[m.Result.Class]
	for i := range steps {
		r := steps[i].rule
		if !steps[i].sure {
			holds := r.when.Holds(a.line(m))
			if a.scratch.Searched {
				a.scratch.Searched = false
				a.searched(r, m)
			}
			if !holds {
				continue
			}
		}
		switch {
		case r.drop:
			return a.leave(r, Drop, didDrop, m, o)
		case r.sample != 0:
			n := &a.seen[r.number]
			first := *n == 0
			if *n++; *n >= r.sample {
				*n = 0
			}
			if !first {
				return a.leave(r, Sample, didSample, m, o)
			}
			o.rate = uint32(min(uint64(max(o.rate, 1))*uint64(r.sample), math.MaxUint32))
			o.acts = append(o.acts, act{r, didKeep, int(r.sample)})
		case r.suppress != nil:
			before, let := a.suppress(r, m)
			if !let {
				return a.leave(r, SuppressAction, didSuppress, m, o)
			}
			if before != 0 {
				o.suppressed += before
				o.acts = append(o.acts, act{r, didLet, int(before)})
			}
		}
		a.change(r, m, o)
	}
	if o.location != nil {
		m.Result.Location = o.location
	}
	if o.host != nil {
		m.Result.Host, m.Result.HostBy = o.host, dialect.ByLookup
	}
	return true
}

// change notes what a rule sets, looks up and edits.
func (a *Actor) change(r *rule, m *Message, o *Outcome) {
	if r.lookup != nil {
		if row := a.find(r, m); row != nil {
			row.apply(m, o)
			o.acts = append(o.acts, act{r, didLookUp, 0})
		}
	}
	if len(r.index) != 0 {
		o.index = r.index
	}
	if len(r.sourcetype) != 0 {
		o.sourcetype = r.sourcetype
	}
	o.setFields(r.fields)
	if len(r.index)+len(r.sourcetype)+len(r.fields) != 0 {
		o.acts = append(o.acts, act{r, didSet, 0})
	}
	if len(r.masks) != 0 || r.trim != nil {
		o.edits = append(o.edits, r)
	}
}

func (o *Outcome) setFields(list []field) {
	for i := range list {
		f := &list[i]
		o.set |= 1 << f.number
		o.values[f.number] = f.json
	}
}

// leave leaves a message out. It returns false.
func (a *Actor) leave(r *rule, by Action, did did, m *Message, o *Outcome) bool {
	o.left, o.leftBy = r, by
	o.acts = append(o.acts, act{r, did, 0})
	a.Again(m, o)
	return false
}

// Again counts a message that is left out, or that continues one that was.
func (a *Actor) Again(m *Message, o *Outcome) {
	if o.left != nil {
		a.count(o.left, o.leftBy, 1, len(m.Text))
	}
}

// line returns the line at hand, for conditions.
func (a *Actor) line(m *Message) *matcher.Scratch {
	if !a.begun {
		a.begun = true
		l := *m.Result.Line()
		l.Host = m.Host
		a.scratch.Begin(&l)
		c := &a.set.classes[m.Result.Class]
		a.scratch.Class, a.scratch.Separator, a.scratch.Tabs = int(m.Result.Class), c.separator, c.tabs
	}
	return &a.scratch
}
