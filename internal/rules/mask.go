package rules

import (
	"bytes"
	"encoding/hex"
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

// hide adds to the spans of a what the mask hides of p.
func (a *Actor) hide(m *mask, p []byte, f matcher.Form, cut bool) {
	switch m.kind {
	case maskKey:
		a.hideKey(m, p, f)
	case maskBetween:
		for at := 0; ; {
			i := bytes.Index(p[at:], m.first)
			if i < 0 {
				return
			}
			from := at + i + len(m.first)
			to := bytes.Index(p[from:], m.second)
			if to < 0 {
				a.add(m, from, len(p), nil)
				a.ends(open{kind: openUntil, mask: m})
				return
			}
			a.add(m, from, from+to, nil)
			at = from + to
		}
	case maskCard:
		a.hideCards(m, p, cut)
	case maskEmail:
		a.hideEmails(m, p, cut)
	case maskAddress:
		a.hideAddresses(m, p)
	case maskRegex:
		for _, at := range m.regex.FindAllIndex(p, -1) {
			a.add(m, at[0], at[1], nil)
		}
	}
}

// add adds a span.
func (a *Actor) add(m *mask, from, to int, wrap []byte) {
	if to > from {
		a.spans = append(a.spans, span{from, to, wrap, m})
	}
}

// ends notes that the text ends within a value.
func (a *Actor) ends(how open) {
	if how.kind != closed && (a.open.kind == closed || a.open.kind == openWord) { // a word hides least
		a.open = how
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
	out := a.conceal(m, o, text)
	if len(a.spans) != 0 {
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

// tailSize is how much of a text is looked at again with the one that continues it: a key
// and its sign, or a number, that was cut in two.
const tailSize = 160

// conceal hides what the masks find in a text. If the message continues another one, o is
// how that ended.
func (a *Actor) conceal(m *Message, o *Outcome, text []byte) []byte {
	whole, skip := text, len(o.tail)
	if skip != 0 {
		a.joined = append(append(a.joined[:0], o.tail...), text...)
		whole = a.joined
	}
	a.spans, a.open = a.spans[:0], open{}
	if o.open.kind != closed {
		a.goOn(o.open, whole, skip)
	}
	if o.open.kind != openLost {
		a.hideAll(m, o, whole)
	} else {
		m.Cut = true
	}
	if o.open = a.open; m.Cut {
		o.open = open{kind: openLost, mask: o.firstMask()}
	}
	o.tail = append(o.tail[:0], whole[max(0, len(whole)-tailSize):]...)
	a.order(skip)
	if len(a.spans) == 0 {
		return text
	}
	a.second = a.replace(a.second[:0], whole, skip)
	return a.second
}

func (a *Actor) hideAll(m *Message, o *Outcome, p []byte) {
	for _, r := range o.edits {
		for i := range r.masks {
			a.hide(&r.masks[i], p, o.form, m.Cut || m.More)
		}
	}
}

// goOn hides the rest of a value that the text before began.
func (a *Actor) goOn(o open, p []byte, at int) {
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
	a.add(o.mask, at, to, nil)
	a.ends(how)
}

// few is how many spans messages usually have at most.
const few = 32

// order sorts the spans, joins those that overlap, and leaves out what is before skip.
func (a *Actor) order(skip int) {
	if len(a.spans) == 0 {
		return
	}
	if len(a.spans) > few {
		slices.SortStableFunc(a.spans, func(x, y span) int { return x.from - y.from })
	}
	for i := 1; i < len(a.spans); i++ {
		for j := i; j > 0 && a.spans[j].from < a.spans[j-1].from; j-- {
			a.spans[j], a.spans[j-1] = a.spans[j-1], a.spans[j]
		}
	}
	list := a.spans[:0]
	for _, s := range a.spans {
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
	a.spans = list
}

// replace appends p from skip on with its spans hidden.
func (a *Actor) replace(dst, p []byte, skip int) []byte {
	at := skip
	for i := range a.spans {
		s := &a.spans[i]
		dst = append(dst, p[at:s.from]...)
		if len(s.wrap) != 0 {
			dst = append(a.stand(append(dst, s.wrap...), s.mask, p[s.from:s.to]), s.wrap...)
		} else {
			dst = a.stand(dst, s.mask, p[s.from:s.to])
		}
		at = s.to
	}
	return append(dst, p[at:]...)
}

// stand appends what takes the place of a value.
func (a *Actor) stand(dst []byte, m *mask, value []byte) []byte {
	if !m.hash {
		return append(dst, m.with...)
	}
	const shown = 8 // bytes
	a.mac.Reset()
	a.mac.Write(value)
	a.sum = a.mac.Sum(a.sum[:0])
	return hex.AppendEncode(dst, a.sum[:shown])
}

// tell counts the messages in which rules hid something.
func (a *Actor) tell(o *Outcome) {
	for _, r := range o.edits {
		n := 0
		if len(r.masks) == 0 {
			continue
		}
		for i := range a.spans {
			if a.spans[i].mask.rule == r {
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
	a.names = a.names[:0]
	if len(r.Source)+len(r.Sourcetype) != 0 && a.set.classes[r.Class].open {
		a.complete(m, o)
	}
	r.Source, r.Sourcetype = a.nameOf(r.Source, text), a.nameOf(r.Sourcetype, text)
	if len(r.CEF.Vendor)+len(r.CEF.Product)+len(r.CEF.Signature) != 0 {
		r.CEF.Vendor, r.CEF.Product, r.CEF.Signature = a.nameOf(r.CEF.Vendor, text), a.nameOf(r.CEF.Product, text), a.nameOf(r.CEF.Signature, text)
	}
	if r.HostBy != dialect.ByColumn && r.HostBy != dialect.ByKey && r.HostBy != dialect.ByShape && r.HostBy != dialect.ByPack {
		return
	}
	if i := a.hidden(r.Host, text); i >= 0 {
		s := &a.spans[i]
		from := len(a.names)
		a.names = a.stand(a.names, s.mask, text[s.from:s.to])
		r.Host = a.names[from:len(a.names):len(a.names)]
	}
}

// complete makes the names that the text completes from what is left of the text.
func (a *Actor) complete(m *Message, o *Outcome) {
	l := *m.Result.Line()
	l.Host = m.Host
	keep := a.spans
	for _, part := range [...]*[]byte{&l.Text, &l.Data} {
		a.spans = a.others[:0]
		a.hideAll(m, o, *part)
		a.order(0)
		if len(a.spans) != 0 {
			from := len(a.names)
			a.names = a.replace(a.names, *part, 0)
			*part = a.names[from:len(a.names):len(a.names)]
		}
		a.others = a.spans
	}
	a.spans = keep
	a.scratch.Begin(&l)
	m.Result.Sourcetype, m.Result.Source = a.set.packs.Complete(int(m.Result.Class-dialect.FirstPackClass), &a.scratch)
}

// nameOf returns a name, or what stands for it if it has something that is hidden in the text.
func (a *Actor) nameOf(name, text []byte) []byte {
	if len(name) != 0 && (len(a.spans) > few || a.hidden(name, text) >= 0) {
		return masked
	}
	return name
}

// masked stands for a name that has something hidden in it.
var masked = []byte("masked")

// hidden returns the span that has something of a name, or that the name has something of;
// -1 if there is none. Case and what names must not have make no difference.
func (a *Actor) hidden(name, text []byte) int {
	for i := range a.spans {
		secret := text[a.spans[i].from:a.spans[i].to]
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
	return bytes.Clone(a.conceal(&Message{More: true}, &o, msg))
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
	return bytes.Clone(a.conceal(m, &o, m.Text))
}
