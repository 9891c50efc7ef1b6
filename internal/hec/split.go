package hec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/internal/event"
)

const (
	// maxCuts is how often the event number of an answer is followed within one
	// record. Each time nearly the whole rest is sent again; with many bad events
	// halving is cheaper.
	maxCuts = 16
)

// job is one record on its way, with what has become of its parts.
type job struct {
	d    *delivery
	rec  event.Record
	post *post

	dead     []Letter
	refs     []ackRef
	slowDown bool

	cuts     int
	distrust bool            // an event that was named as bad was accepted alone
	badIndex map[string]bool // indexes that the token may not write to
	fallback string          // the index for events of those; empty: the dead letters
	moving   [][]byte        // events to be posted with it, as they were
	moved    int             // events that were taken with it
	packed   bytes.Buffer
}

// part is some events of the record that are posted together.
type part struct {
	lines [][]byte
	named bool // the one event that an answer named as bad
	moved bool // to the fallback index when it is packed; the lines are as they were
}

func newJob(d *delivery, rec event.Record) *job {
	j := &job{
		d: d, rec: rec, fallback: d.c.settings.Load().FallbackIndex,
		badIndex: d.c.refused.of(rec.Source, time.Now()),
	}
	j.post = &post{
		pool:      d.c.pool,
		settings:  d.c.retryOptions,
		stop:      d.stop,
		abandoned: func() bool { return d.src.Abandoned(rec.Seq) },
	}
	return j
}

// run posts the record, and takes it apart when HEC refuses part of it. The error
// is errStopped or errAbandoned; what was delivered until then will be delivered
// again with the record.
func (j *job) run() error {
	if len(j.rec.Body) == 0 {
		j.buryBody(answer{code: -1, text: "the record has no body", reason: reasonUnreadable})
		return nil
	}
	if len(j.badIndex) > 0 { // some would be refused again
		lines, err := j.lines()
		if err == nil && slices.ContainsFunc(lines, func(l []byte) bool { return j.badIndex[indexOf(l)] }) {
			return j.takeApart([]part{{lines: lines}})
		}
	}
	a, err := j.send(j.rec.Body)
	if err != nil || a.outcome == delivered {
		return err
	}
	lines, err := j.lines()
	if err != nil || len(lines) == 0 {
		j.buryBody(a)
		return nil
	}
	return j.takeApart(j.refused(nil, part{lines: lines}, a))
}

// lines are the events of the record.
func (j *job) lines() ([][]byte, error) {
	raw, err := j.d.c.bodies.Plain(&j.rec)
	if err != nil {
		return nil, err
	}
	return cutLines(raw), nil
}

// takeApart delivers all events of a stack of parts that HEC takes and collects the
// others.
func (j *job) takeApart(work []part) error {
	for {
		if len(work) == 0 && len(j.moving) > 0 {
			work, j.moving = append(work, part{lines: j.moving, moved: true}), nil
		}
		if len(work) == 0 {
			return nil
		}
		p := work[len(work)-1]
		work = work[:len(work)-1]
		if p.lines = j.withoutBadIndex(p); len(p.lines) == 0 {
			continue
		}
		a, err := j.send(j.pack(j.written(p)))
		switch {
		case err != nil:
			return err
		case a.outcome == delivered:
			j.distrust = j.distrust || p.named
			if p.moved {
				j.moved += len(p.lines)
			}
		default:
			work = j.refused(work, p, a)
		}
	}
}

// refused puts the parts of a refused part on the stack, or ends the way of the one
// event that it is.
func (j *job) refused(work []part, p part, a answer) []part {
	if len(p.lines) == 1 {
		j.bury(p.lines[0], p.moved, a)
		return work
	}
	return j.divide(work, p, a)
}

// divide puts the parts of refused events on the stack: the event that the answer
// names, alone, to be sure of it, and all others; or the two halves. Events before
// the named one may have been accepted already; they are sent again, for whether
// they were depends on the version of Splunk.
func (j *job) divide(work []part, p part, a answer) []part {
	lines := p.lines
	if n := a.invalid; a.reason != reasonTooLarge && n >= 0 && n < len(lines) && !j.distrust && j.cuts < maxCuts {
		j.cuts++
		rest := make([][]byte, 0, len(lines)-1)
		rest = append(append(rest, lines[:n]...), lines[n+1:]...)
		return append(work, part{lines: rest, moved: p.moved}, part{lines: lines[n : n+1], named: true, moved: p.moved})
	}
	half := len(lines) / 2
	return append(work, part{lines: lines[half:], moved: p.moved}, part{lines: lines[:half], moved: p.moved})
}

// send posts one body and keeps what an accepted one brings.
func (j *job) send(body []byte) (answer, error) {
	a, err := j.d.c.post(j.d.hard, j.post, body, j.rec.Encoding)
	if err != nil || a.outcome != delivered {
		return a, err
	}
	j.slowDown = j.slowDown || a.slowDown
	if !j.d.c.opts.Ack.Enabled {
		return a, nil
	}
	j.refs = append(j.refs, ackRef{j.post.link, ackKey{j.post.channel, a.ackID}})
	return a, nil
}

// bury makes a dead letter of one event, or moves it to the fallback index. An event
// that was refused for its index stands for all events of that index: what the token
// may write to does not change from one event to the next, and trying each would cost
// a request apiece.
func (j *job) bury(line []byte, moved bool, a answer) {
	if a.reason == reasonIndex {
		if j.badIndex == nil {
			j.badIndex = make(map[string]bool)
		}
		index := j.indexIn(line, moved)
		j.badIndex[index] = true
		j.d.c.refused.note(j.rec.Source, index, time.Now())
	}
	j.end(line, moved, a)
}

// withoutBadIndex ends the way of the events whose index was refused and returns the
// rest.
func (j *job) withoutBadIndex(p part) [][]byte {
	if len(j.badIndex) == 0 {
		return p.lines
	}
	good := make([][]byte, 0, len(p.lines))
	for _, line := range p.lines {
		index := j.indexIn(line, p.moved)
		if !j.badIndex[index] {
			good = append(good, line)
			continue
		}
		j.end(line, p.moved, answer{status: 400, code: 7, reason: reasonIndex,
			text: fmt.Sprintf("index %q was refused for another event of this source a moment ago", index)})
	}
	return good
}

// indexIn is the index that an event is posted with.
func (j *job) indexIn(line []byte, moved bool) string {
	if moved {
		return j.fallback
	}
	return indexOf(line)
}

// end ends the way of an event in the index that it names. Where the fallback index
// is refused too, the dead letter is the event as it was, for a replay.
func (j *job) end(line []byte, moved bool, a answer) {
	if a.reason == reasonIndex && !moved && j.fallback != "" && indexOf(line) != j.fallback {
		if _, ok := moveTo(line, j.fallback); ok {
			j.moving = append(j.moving, line)
			return
		}
	}
	j.dead = append(j.dead, j.letter(a, line))
}

// written are the lines of a part as they are posted.
func (j *job) written(p part) [][]byte {
	if !p.moved {
		return p.lines
	}
	lines := make([][]byte, len(p.lines))
	for i, line := range p.lines {
		lines[i], _ = moveTo(line, j.fallback) // end has tried it
	}
	return lines
}

// buryBody makes one dead letter of a whole body that cannot be taken apart.
func (j *job) buryBody(a answer) {
	a.reason = reasonUnreadable
	l := j.letter(a, nil)
	l.Events, l.Body, l.Encoding = j.rec.Events, bytes.Clone(j.rec.Body), j.rec.Encoding
	j.dead = append(j.dead, l)
}

func (j *job) letter(a answer, line []byte) Letter {
	l := Letter{
		Time: time.Now().UTC(), Reason: a.reason, Status: a.status, Code: a.code,
		Text: a.text, Source: j.rec.Source, Events: 1,
	}
	if j.post.endpoint != nil {
		l.Endpoint = j.post.endpoint.name
	}
	if json.Valid(line) {
		l.Event = line
	} else {
		l.Body = line
	}
	return l
}

func (j *job) deadByReason() map[string]int {
	if len(j.dead) == 0 {
		return nil
	}
	by := make(map[string]int)
	for _, l := range j.dead {
		by[l.Reason] += l.Events
	}
	return by
}

// pack makes a body of events, compressed as the record is. It is valid until the
// next call.
func (j *job) pack(lines [][]byte) []byte {
	j.packed.Reset()
	if j.rec.Encoding != event.Gzip {
		writeLines(&j.packed, lines)
		return j.packed.Bytes()
	}
	// A new writer costs about 1 MB, so they are kept.
	z, ok := j.d.c.writers.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	}
	defer j.d.c.writers.Put(z)
	z.Reset(&j.packed)
	writeLines(z, lines)
	z.Close() // a bytes.Buffer takes everything
	return j.packed.Bytes()
}

func writeLines(w io.Writer, lines [][]byte) {
	for _, line := range lines {
		w.Write(line)
		w.Write([]byte{'\n'})
	}
}

// cutLines cuts at LF; empty lines are left out.
func cutLines(raw []byte) [][]byte {
	lines := make([][]byte, 0, bytes.Count(raw, []byte{'\n'})+1)
	for line := range bytes.SplitSeq(raw, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}
