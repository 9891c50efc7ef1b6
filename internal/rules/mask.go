package rules

import (
	"bytes"
	"encoding/hex"
	"hash"
	"regexp"
	"slices"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
)

// mask hides parts of a text.
type mask struct {
	rule          *rule
	kind          maskKind
	first, second []byte // the key; the two texts of between
	regex         *regexp.Regexp
	with          []byte
	hash          bool
}

type maskKind uint8

const (
	maskKey maskKind = iota
	maskBetween
	maskCard
	maskEmail
	maskAddress
	maskRegex
)

// span is a part of a text that is hidden.
type span struct {
	from, to int
	// wrap is what stands on both sides of what takes its place: the quotes that a number
	// of JSON has not.
	wrap []byte
	mask *mask
}

// open is how a text ended: within a value that is hidden.
type open struct {
	kind  openKind
	quote quote // of openQuote
	until byte  // of openUntil, but for between
	mask  *mask
}

type openKind uint8

const (
	closed        openKind = iota
	openQuote              // before the quote that ends the value
	openWord               // the value may go on up to a blank
	openUntil              // before a text
	openExtension          // the value goes on up to the next key of CEF
	openLost               // the rest of the text is not known: it may have begun a value
)

// hider finds what masks hide in a text, and puts something in its place.
type hider struct {
	spans, others []span
	open          open   // how the text at hand ends
	second        []byte // the text with its spans hidden
	joined        []byte // the end of the text before, and this one
	names         []byte // what stands for hidden names
	mac           hash.Hash
	sum           []byte
}

// hide adds to the spans what the mask hides of p.
func (h *hider) hide(m *mask, p []byte, f matcher.Form, cut bool) {
	switch m.kind {
	case maskKey:
		h.hideKey(m, p, f)
	case maskBetween:
		for at := 0; ; {
			i := bytes.Index(p[at:], m.first)
			if i < 0 {
				return
			}
			from := at + i + len(m.first)
			to := bytes.Index(p[from:], m.second)
			if to < 0 {
				h.add(m, from, len(p), nil)
				h.ends(open{kind: openUntil, mask: m})
				return
			}
			h.add(m, from, from+to, nil)
			at = from + to
		}
	case maskCard:
		h.hideCards(m, p, cut)
	case maskEmail:
		h.hideEmails(m, p, cut)
	case maskAddress:
		h.hideAddresses(m, p)
	case maskRegex:
		for _, at := range m.regex.FindAllIndex(p, -1) {
			h.add(m, at[0], at[1], nil)
		}
	}
}

// add adds a span.
func (h *hider) add(m *mask, from, to int, wrap []byte) {
	if to > from {
		h.spans = append(h.spans, span{from, to, wrap, m})
	}
}

// ends notes that the text ends within a value.
func (h *hider) ends(how open) {
	if how.kind != closed && (h.open.kind == closed || h.open.kind == openWord) { // a word hides least
		h.open = how
	}
}

// Edit changes the text of a message as the rules say, and what is taken from the text with
// it. It returns the text, which is valid until the next message.
func (a *Actor) Edit(m *Message, o *Outcome) []byte {
	text, own := m.Text, []byte(nil)
	if m.Continues {
		own = text
	} else {
		own = m.Result.Line().Text
		o.form = a.formOf(m)
	}
	for _, r := range o.edits {
		if r.trim != nil {
			before := len(text)
			text = a.trim(r.trim, text, own, o.form)
			if saved := before - len(text); saved != 0 {
				a.count(r, 0, 0, saved)
				o.acts = append(o.acts, act{r, didTrim, saved})
			}
		}
	}
	if !o.masks() {
		return text
	}
	if m.Continues {
		a.slow = a.slow[:0]
	}
	for _, r := range o.edits {
		if r.masksSlow {
			a.searched(r, m)
		}
	}
	out := a.hider.conceal(m, o, text)
	if len(a.hider.spans) != 0 {
		a.tell(o)
		if !m.Continues {
			a.scrub(m, o, text)
		}
	}
	return out
}

// masks reports whether one of the edits hides something.
func (o *Outcome) masks() bool { return o.firstMask() != nil }

// formOf returns the form of a text.
func (a *Actor) formOf(m *Message) matcher.Form {
	f := matcher.FormOf(m.Result.Line(), a.set.classes[m.Result.Class].separator)
	f.Object = f.Object || len(m.Text) != 0 && m.Text[0] == '{'
	return f
}

// firstMask returns a mask of the edits, of which one has masks.
func (o *Outcome) firstMask() *mask {
	for _, r := range o.edits {
		if len(r.masks) != 0 {
			return &r.masks[0]
		}
	}
	return nil
}

// tailSize is how much of the end of a text is read again with the text that continues it: a
// key and its sign, or a number, may be cut in two.
const tailSize = 160

// conceal hides what the masks find in a text. If the message continues another one, o is
// how that ended.
func (h *hider) conceal(m *Message, o *Outcome, text []byte) []byte {
	whole, skip := text, len(o.tail)
	if skip != 0 {
		h.joined = append(append(h.joined[:0], o.tail...), text...)
		whole = h.joined
	}
	h.spans, h.open = h.spans[:0], open{}
	if o.open.kind != closed {
		h.goOn(o.open, whole, skip)
	}
	if o.open.kind != openLost {
		h.hideAll(m, o, whole)
	} else {
		m.Cut = true
	}
	if o.open = h.open; m.Cut {
		o.open = open{kind: openLost, mask: o.firstMask()}
	}
	o.tail = append(o.tail[:0], whole[max(0, len(whole)-tailSize):]...)
	h.order(skip)
	if len(h.spans) == 0 {
		return text
	}
	h.second = h.replace(h.second[:0], whole, skip)
	return h.second
}

func (h *hider) hideAll(m *Message, o *Outcome, p []byte) {
	for _, r := range o.edits {
		for i := range r.masks {
			h.hide(&r.masks[i], p, o.form, m.Cut || m.More)
		}
	}
}

// goOn hides the rest of a value that the text before began.
func (h *hider) goOn(o open, p []byte, at int) {
	to, how := len(p), o
	switch o.kind {
	case openQuote:
		if end := o.quote.end(p, at); end >= 0 {
			to, how = end, open{}
		}
	case openUntil:
		i := bytes.IndexByte(p[at:], o.until)
		if o.mask.kind == maskBetween {
			i = bytes.Index(p[at:], o.mask.second)
		}
		if i >= 0 {
			to, how = at+i, open{}
		}
	case openExtension:
		if v := extensionOf(p, at); v.kind == closed {
			to, how = v.to, open{}
		}
	case openWord:
		if end := wordEnd(p, at, matcher.Form{}); end < len(p) {
			to, how = end, open{}
		}
	default: // openLost: all of it
	}
	h.add(o.mask, at, to, nil)
	h.ends(how)
}

// few is how many spans messages usually have at most.
const few = 32

// order sorts the spans, joins those that overlap, and leaves out what is before skip.
func (h *hider) order(skip int) {
	if len(h.spans) == 0 {
		return
	}
	if len(h.spans) > few {
		slices.SortStableFunc(h.spans, func(x, y span) int { return x.from - y.from })
	}
	for i := 1; i < len(h.spans); i++ {
		for j := i; j > 0 && h.spans[j].from < h.spans[j-1].from; j-- {
			h.spans[j], h.spans[j-1] = h.spans[j-1], h.spans[j]
		}
	}
	list := h.spans[:0]
	for _, s := range h.spans {
		if s.to <= skip {
			continue
		}
		s.from = max(s.from, skip)
		if n := len(list); n != 0 && s.from < list[n-1].to {
			last := &list[n-1]
			last.to = max(last.to, s.to)
			continue
		}
		list = append(list, s)
	}
	h.spans = list
}

// replace appends p from skip on with its spans hidden.
func (h *hider) replace(dst, p []byte, skip int) []byte {
	at := skip
	for i := range h.spans {
		s := &h.spans[i]
		dst = append(dst, p[at:s.from]...)
		if len(s.wrap) != 0 {
			dst = append(h.stand(append(dst, s.wrap...), s.mask, p[s.from:s.to]), s.wrap...)
		} else {
			dst = h.stand(dst, s.mask, p[s.from:s.to])
		}
		at = s.to
	}
	return append(dst, p[at:]...)
}

// stand appends what takes the place of a value.
func (h *hider) stand(dst []byte, m *mask, value []byte) []byte {
	if !m.hash {
		return append(dst, m.with...)
	}
	const shown = 8 // bytes
	h.mac.Reset()
	h.mac.Write(value)
	h.sum = h.mac.Sum(h.sum[:0])
	return hex.AppendEncode(dst, h.sum[:shown])
}

// tell counts the messages in which rules hid something.
func (a *Actor) tell(o *Outcome) {
	for _, r := range o.edits {
		n := 0
		if len(r.masks) == 0 {
			continue
		}
		for i := range a.hider.spans {
			if a.hider.spans[i].mask.rule == r {
				n++
			}
		}
		if n != 0 {
			a.count(r, Mask, 1, 0)
			o.acts = append(o.acts, act{r, didMask, n})
		}
	}
}

// scrub hides in the names of the event what was hidden in its text. text is the one before.
func (a *Actor) scrub(m *Message, o *Outcome, text []byte) {
	r := m.Result
	a.hider.names = a.hider.names[:0]
	if len(r.Source)+len(r.Sourcetype) != 0 && a.set.classes[r.Class].open {
		a.complete(m, o)
	}
	r.Source, r.Sourcetype = a.hider.nameOf(r.Source, text), a.hider.nameOf(r.Sourcetype, text)
	if len(r.CEF.Vendor)+len(r.CEF.Product)+len(r.CEF.Signature) != 0 {
		r.CEF.Vendor, r.CEF.Product, r.CEF.Signature = a.hider.nameOf(r.CEF.Vendor, text), a.hider.nameOf(r.CEF.Product, text), a.hider.nameOf(r.CEF.Signature, text)
	}
	if r.HostBy != dialect.ByColumn && r.HostBy != dialect.ByKey && r.HostBy != dialect.ByShape && r.HostBy != dialect.ByPack {
		return
	}
	if i := a.hider.hidden(r.Host, text); i >= 0 {
		s := &a.hider.spans[i]
		from := len(a.hider.names)
		a.hider.names = a.hider.stand(a.hider.names, s.mask, text[s.from:s.to])
		r.Host = a.hider.names[from:len(a.hider.names):len(a.hider.names)]
	}
}

// complete makes the names that the text completes from what is left of the text.
func (a *Actor) complete(m *Message, o *Outcome) {
	l := *m.Result.Line()
	l.Host = m.Host
	keep := a.hider.spans
	for _, part := range [...]*[]byte{&l.Text, &l.Data} {
		a.hider.spans = a.hider.others[:0]
		a.hider.hideAll(m, o, *part)
		a.hider.order(0)
		if len(a.hider.spans) != 0 {
			from := len(a.hider.names)
			a.hider.names = a.hider.replace(a.hider.names, *part, 0)
			*part = a.hider.names[from:len(a.hider.names):len(a.hider.names)]
		}
		a.hider.others = a.hider.spans
	}
	a.hider.spans = keep
	a.scratch.Begin(&l)
	m.Result.Sourcetype, m.Result.Source = a.set.packs.Complete(int(m.Result.Class-dialect.FirstPackClass), &a.scratch)
}

// nameOf returns a name, or what stands for it if it has something that is hidden in the text.
func (h *hider) nameOf(name, text []byte) []byte {
	if len(name) != 0 && (len(h.spans) > few || h.hidden(name, text) >= 0) {
		return masked
	}
	return name
}

// masked stands for a name that has something hidden in it.
var masked = []byte("masked")

// hidden returns the span that has something of a name, or that the name has something of;
// -1 if there is none. Case and what names must not have make no difference.
func (h *hider) hidden(name, text []byte) int {
	for i := range h.spans {
		secret := text[h.spans[i].from:h.spans[i].to]
		if alike(name, secret[:min(len(secret), maxCompleted)]) || len(secret) > maxCompleted && alike(secret, name) {
			return i
		}
	}
	return -1
}

// maxCompleted is how much of a value gets into a name.
const maxCompleted = 64

// alike reports whether one of two texts contains the other.
func alike(p, part []byte) bool {
	if len(part) > len(p) {
		p, part = part, p
	}
	if len(part) == 0 {
		return false
	}
	begin := plain[part[0]]
next:
	for i := 0; i+len(part) <= len(p); i++ {
		if plain[p[i]] != begin {
			continue
		}
		for j := range part {
			if plain[p[i+j]] != plain[part[j]] {
				continue next
			}
		}
		return true
	}
	return false
}

// plain are the bytes as they are written in names, in lower case.
var plain = func() (t [256]byte) {
	for i := range t {
		switch c := byte(i); {
		case c >= 'A' && c <= 'Z':
			t[i] = c | 0x20
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == ':', c == '-':
			t[i] = c
		default:
			t[i] = '_'
		}
	}
	return t
}()

// ShowUnread returns what may be shown of a message that was not read: with all hidden that
// any mask hides. The result is the caller's.
func (a *Actor) ShowUnread(msg []byte) []byte {
	var o Outcome
	for _, r := range a.set.rules {
		if len(r.masks) != 0 {
			o.edits = append(o.edits, r)
		}
	}
	text := msg
	for _, sign := range [][]byte{[]byte("CEF:"), []byte("LEEF:"), []byte("{")} {
		if i := bytes.Index(msg, sign); i >= 0 {
			text = msg[i:]
			break
		}
	}
	l := matcher.NoLine(text)
	o.form = matcher.FormOf(&l, 0)
	return bytes.Clone(a.hider.conceal(&Message{More: true}, &o, msg))
}

// Show returns what may be shown of the text of a message whatever other rules say: with all
// hidden that masks for it hide. The result is the caller's.
func (a *Actor) Show(m *Message) []byte {
	var o Outcome
	a.begun = false
	for i := range a.set.byClass[m.Result.Class] {
		s := &a.set.byClass[m.Result.Class][i]
		if len(s.masks) != 0 && (s.sure || s.when.Holds(a.line(m))) {
			o.edits = append(o.edits, s.rule)
		}
	}
	o.form = a.formOf(m)
	return bytes.Clone(a.hider.conceal(m, &o, m.Text))
}
