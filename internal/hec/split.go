package hec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
)

// maxSingledOut is how often the event number of an answer is used within one record. Each
// time nearly all other events are sent again; with many bad events halving costs less.
const maxSingledOut = 16

// job is the delivery of one record, with the outcome of its parts.
type job struct {
	d         *delivery
	rec       event.Record
	abandoned func() bool
	endpoint  string // the name of the one that answered last

	rejected []deadletter.Letter
	refs     []ackRef
	slowDown bool

	singledOut        int
	ignoreEventNumber bool            // an event that was named as bad was accepted alone
	badIndex          map[string]bool // indexes that the token may not write to
	fallback          string          // the index for events of those; empty: the dead letters
	toReroute         [][]byte        // events to be posted with the fallback index, unchanged
	rerouted          int             // events that were accepted with it
	packed            bytes.Buffer
	reading           bool // the record's body may still be read when run has returned
}

// part is some events of the record that are posted together.
type part struct {
	lines    [][]byte
	named    bool // the one event that an answer named as bad
	rerouted bool // to be posted with the fallback index; the lines are unchanged
}

func newJob(d *delivery, rec event.Record) *job {
	return &job{
		d: d, rec: rec, abandoned: func() bool { return d.src.Abandoned(rec.Seq) },
		fallback: d.c.settings.Load().FallbackIndex,
		badIndex: d.c.refused.of(rec.Source, time.Now()),
	}
}

// run posts the record, and divides it when HEC refuses part of it. The error is errStopped
// or errAbandoned; what was delivered until then will be delivered again with the record.
func (j *job) run(ctx, wire context.Context) error {
	if len(j.rec.Body) == 0 {
		j.rejectBody(answer{code: -1, text: "the record has no body", reason: reasonUnreadable})
		return nil
	}
	if len(j.badIndex) > 0 { // some would be refused again
		lines, err := j.lines()
		if err == nil && slices.ContainsFunc(lines, func(l []byte) bool { return j.badIndex[indexOf(l)] }) {
			return j.takeApart(ctx, wire, []part{{lines: lines}})
		}
	}
	a, reading, err := j.send(ctx, wire, j.rec.Body)
	j.reading = reading
	if err != nil || a.outcome == delivered {
		return err
	}
	lines, err := j.lines()
	if err != nil || len(lines) == 0 {
		j.rejectBody(a)
		return nil
	}
	return j.takeApart(ctx, wire, j.refused(nil, part{lines: lines}, a))
}

// lines are the events of the record.
func (j *job) lines() ([][]byte, error) {
	raw, err := j.d.c.bodies.Plain(&j.rec)
	if err != nil {
		return nil, err
	}
	return splitLines(raw), nil
}

// takeApart delivers what HEC accepts of a stack of parts, and collects the refused events.
func (j *job) takeApart(ctx, wire context.Context, work []part) error {
	for {
		if len(work) == 0 && len(j.toReroute) > 0 {
			work, j.toReroute = append(work, part{lines: j.toReroute, rerouted: true}), nil
		}
		if len(work) == 0 {
			return nil
		}
		p := work[len(work)-1]
		work = work[:len(work)-1]
		if p.lines = j.withoutBadIndex(p); len(p.lines) == 0 {
			continue
		}
		a, reading, err := j.send(ctx, wire, j.pack(j.written(p)))
		if reading {
			j.packed = bytes.Buffer{}
		}
		switch {
		case err != nil:
			return err
		case a.outcome == delivered:
			j.ignoreEventNumber = j.ignoreEventNumber || p.named
			if p.rerouted {
				j.rerouted += len(p.lines)
			}
		default:
			work = j.refused(work, p, a)
		}
	}
}

// refused puts the parts of a refused part on the stack, or rejects the one event that it
// is.
func (j *job) refused(work []part, p part, a answer) []part {
	if len(p.lines) == 1 {
		j.reject(p.lines[0], p.rerouted, a)
		return work
	}
	return j.divide(work, p, a)
}

// divide puts the parts of refused events on the stack: the event that the answer names,
// alone to be sure of it, and all others; or the two halves. Splunk versions differ in
// whether they keep the events before the bad one, so they are sent again: some may be
// doubled, none is lost.
func (j *job) divide(work []part, p part, a answer) []part {
	lines := p.lines
	if n := a.invalid; a.reason != reasonTooLarge && n >= 0 && n < len(lines) && !j.ignoreEventNumber && j.singledOut < maxSingledOut {
		j.singledOut++
		others := make([][]byte, 0, len(lines)-1)
		others = append(append(others, lines[:n]...), lines[n+1:]...)
		return append(work, part{lines: others, rerouted: p.rerouted}, part{lines: lines[n : n+1], named: true, rerouted: p.rerouted})
	}
	half := len(lines) / 2
	return append(work, part{lines: lines[half:], rerouted: p.rerouted}, part{lines: lines[:half], rerouted: p.rerouted})
}

// send posts one body and keeps what an accepted one brings. reading says that the body may
// still be read.
func (j *job) send(ctx, wire context.Context, data []byte) (a answer, reading bool, err error) {
	r, err := j.d.c.post(ctx, wire, body{data, j.rec.Encoding}, j.abandoned)
	if err != nil {
		return r.answer, r.reading, err
	}
	j.endpoint = r.at.Endpoint.Address.Name
	if r.outcome != delivered {
		return r.answer, r.reading, nil
	}
	j.slowDown = j.slowDown || r.slowDown
	if j.d.c.opts.Ack.Enabled {
		j.refs = append(j.refs, ackRef{r.at.Conn, ackKey{r.at.Channel, r.ackID}})
	}
	return r.answer, r.reading, nil
}

// reject makes a dead letter of one event, or sends it to the fallback index. An event that
// was refused for its index stands for all events of that index: what the token may write
// to does not change from one event to the next, and each try would cost a request.
func (j *job) reject(line []byte, rerouted bool, a answer) {
	if a.reason == reasonIndex {
		if j.badIndex == nil {
			j.badIndex = make(map[string]bool)
		}
		index := j.indexIn(line, rerouted)
		j.badIndex[index] = true
		j.d.c.refused.add(j.rec.Source, index, time.Now())
	}
	j.rejectOrReroute(line, rerouted, a)
}

// withoutBadIndex rejects or reroutes the events whose index was refused, and returns the
// others.
func (j *job) withoutBadIndex(p part) [][]byte {
	if len(j.badIndex) == 0 {
		return p.lines
	}
	good := make([][]byte, 0, len(p.lines))
	for _, line := range p.lines {
		index := j.indexIn(line, p.rerouted)
		if !j.badIndex[index] {
			good = append(good, line)
			continue
		}
		j.rejectOrReroute(line, p.rerouted, answer{status: 400, code: 7, reason: reasonIndex,
			text: fmt.Sprintf("index %q was refused for another event of this source a moment ago", index)})
	}
	return good
}

// indexIn is the index that an event is posted with.
func (j *job) indexIn(line []byte, rerouted bool) string {
	if rerouted {
		return j.fallback
	}
	return indexOf(line)
}

// rejectOrReroute is for an event that its index does not take. Where the fallback index is
// refused too, the dead letter is the unchanged event, for a replay.
func (j *job) rejectOrReroute(line []byte, rerouted bool, a answer) {
	if a.reason == reasonIndex && !rerouted && j.fallback != "" && indexOf(line) != j.fallback {
		if _, ok := reroute(line, j.fallback); ok {
			j.toReroute = append(j.toReroute, line)
			return
		}
	}
	j.rejected = append(j.rejected, j.letter(a, line))
}

// written returns the lines of a part as they are posted.
func (j *job) written(p part) [][]byte {
	if !p.rerouted {
		return p.lines
	}
	lines := make([][]byte, len(p.lines))
	for i, line := range p.lines {
		lines[i], _ = reroute(line, j.fallback) // rejectOrReroute has tried it
	}
	return lines
}

// rejectBody makes one dead letter of a whole body that cannot be taken apart.
func (j *job) rejectBody(a answer) {
	a.reason = reasonUnreadable
	l := j.letter(a, nil)
	l.Events, l.Body, l.Encoding = j.rec.Events, bytes.Clone(j.rec.Body), j.rec.Encoding
	j.rejected = append(j.rejected, l)
}

func (j *job) letter(a answer, line []byte) deadletter.Letter {
	l := deadletter.Letter{
		Time: time.Now().UTC(), Reason: a.reason, Status: a.status, Code: a.code,
		Text: a.text, Source: j.rec.Source, Endpoint: j.endpoint, Events: 1,
	}
	if json.Valid(line) {
		l.Event = line
	} else {
		l.Body = line
	}
	return l
}

func (j *job) rejectedByReason() map[string]int {
	if len(j.rejected) == 0 {
		return nil
	}
	by := make(map[string]int)
	for _, l := range j.rejected {
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

// splitLines splits at LF and leaves out empty lines.
func splitLines(raw []byte) [][]byte {
	lines := make([][]byte, 0, bytes.Count(raw, []byte{'\n'})+1)
	for line := range bytes.SplitSeq(raw, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}
