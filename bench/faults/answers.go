package faults

import (
	"bytes"
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

const (
	fewMessages = 2000
	rowLimit    = 60 * time.Second
)

// fault is an answer that an endpoint gives while it is on.
type fault struct {
	on      atomic.Bool
	given   atomic.Int64
	answer  hectest.Answer
	probing hectest.Answer // to health probes meanwhile; the zero value is healthy
}

func (f *fault) script(*hectest.Request) hectest.Answer {
	if !f.on.Load() {
		return hectest.Answer{}
	}
	f.given.Add(1)
	return f.answer
}

func (f *fault) health() hectest.Answer {
	if f.on.Load() && f.probing.Status != 0 {
		return f.probing
	}
	return hectest.Answer{Status: http.StatusOK, Code: 17, Text: "HEC is healthy"}
}

// answerCase is an answer that says nothing about the events: they are kept, and
// delivered when the endpoint is healthy again.
type answerCase struct {
	name    string
	answer  hectest.Answer
	accepts bool // the answer takes the events
	alarm   bool // gateway_hec_endpoint_up must go to 0
	repeats bool // events may come twice: they were taken, and the answer was lost
}

func answerCases() []answerCase {
	hec := hectest.Refuse
	bad5 := 5
	numbered := hec(503, 9, "Server is busy")
	numbered.Invalid = &bad5
	return []answerCase{
		{name: "200 code 0", answer: hectest.OK(), accepts: true},
		{name: "403 code 1 token disabled", answer: hec(403, 1, "Token disabled"), alarm: true},
		{name: "401 code 2 token required", answer: hec(401, 2, "Token is required"), alarm: true},
		{name: "401 code 3 invalid authorization", answer: hec(401, 3, "Invalid authorization"), alarm: true},
		{name: "403 code 4 invalid token", answer: hec(403, 4, "Invalid token"), alarm: true},
		{name: "500 code 8", answer: hec(500, 8, "Internal server error")},
		{name: "503 code 9 busy", answer: hec(503, 9, "Server is busy")},
		{name: "503 code 9 with event number", answer: numbered},
		{name: "400 code 10 channel missing", answer: hec(400, 10, "Data channel is missing"), alarm: true},
		{name: "400 code 11 channel invalid", answer: hec(400, 11, "Invalid data channel"), alarm: true},
		{name: "400 code 14 ack disabled", answer: hec(400, 14, "ACK is disabled"), alarm: true},
		{name: "400 code 16 query authorization", answer: hec(400, 16, "Query string authorization is not enabled"), alarm: true},
		{name: "503 code 18 queues full", answer: hec(503, 18, "HEC is unhealthy, queues are full")},
		{name: "503 code 19 ack unavailable", answer: hec(503, 19, "HEC is unhealthy, ack service unavailable")},
		{name: "503 code 20 both", answer: hec(503, 20, "HEC is unhealthy, queues are full, ack service unavailable")},
		{name: "503 code 23 shutting down", answer: hec(503, 23, "Server is shutting down")},
		{name: "200 code 24 queue fills", answer: hectest.Answer{Status: 200, Code: 24, Text: "Queue is approaching capacity"}, accepts: true},
		{name: "200 code 25 acks fill", answer: hectest.Answer{Status: 200, Code: 25, Text: "Ack channel is approaching capacity"}, accepts: true},
		{name: "429 code 26 queue full", answer: hec(429, 26, "Queue is at capacity")},
		{name: "429 code 27 acks full", answer: hec(429, 27, "Ack channel is at capacity")},
		{name: "404", answer: hectest.HTML(404)},
		{name: "408", answer: hectest.HTML(408)},
		{name: "502 in HTML", answer: hectest.HTML(502)},
		{name: "504 in HTML", answer: hectest.HTML(504)},
		{name: "200 in HTML (login page)", answer: hectest.HTML(200)},
		{name: "400 in HTML", answer: hectest.HTML(400)},
		{name: "403 in HTML", answer: hectest.HTML(403), alarm: true},
		{name: "307 redirect", answer: hectest.Answer{Status: 307, Body: "moved", Header: http.Header{"Location": {"/elsewhere"}}}, alarm: true},
		{name: "503 Retry-After 1 s", answer: hectest.Answer{Status: 503, Code: 9, Text: "Server is busy", RetryAfter: "1"}},
		{name: "reset before the answer", answer: hectest.Answer{Fault: hectest.Reset}},
		{name: "reset, events taken", answer: hectest.Answer{Fault: hectest.Reset, Taken: true}, repeats: true},
		{name: "reset in the answer's body", answer: hectest.Answer{Fault: hectest.ResetMidBody, Taken: true}, repeats: true},
		{name: "half an answer", answer: hectest.Answer{Fault: hectest.HalfAnswer, Taken: true}, repeats: true},
		{name: "hang beyond hec.timeout", answer: hectest.Answer{Fault: hectest.Hang}},
		{name: "slow answer", answer: hectest.Answer{Status: 200, Text: "Success", Delay: 150 * time.Millisecond}, accepts: true},
	}
}

func answerRows() []Row {
	var rows []Row
	for _, c := range answerCases() {
		f := &fault{answer: c.answer}
		rows = append(rows, on("hec "+c.name, func(*Options) layout {
			return layout{numbers: fewMessages, endpoints: []hectest.Options{{Script: f.script}}, hec: ", timeout: 300ms"}
		}, func(ctx context.Context, r *rig) error { return holdsAnswer(ctx, r, f, c) }))
	}
	return append(rows, resetInRequestRow())
}

// holdsAnswer gives an answer for a while, then is healthy.
func holdsAnswer(ctx context.Context, r *rig, f *fault, c answerCase) error {
	f.on.Store(true)
	abort.Must(r.startAndSend(ctx, fewMessages))
	abort.Must(r.untilCounts(ctx, rowLimit, "all is received", func(k Counts) bool { return k.Received == fewMessages }))
	abort.Must(r.until(ctx, rowLimit, "the fault was met three times", func() bool { return f.given.Load() >= 3 }))
	if !c.accepts {
		abort.Must(r.kept(ctx, c.alarm))
	}
	f.on.Store(false)
	abort.Must(r.settle(ctx, fewMessages, rowLimit))
	r.res.detail("the fault was answered %d times", f.given.Load())
	if n := r.res.Counts.Deadlettered; n != 0 {
		r.res.problem("%d good events are dead letters", n)
	}
	if c.repeats {
		r.noneLost()
	} else {
		r.strict()
	}
	return nil
}

// kept checks that nothing counts as delivered during the fault, and that the alarm is raised.
func (r *rig) kept(ctx context.Context, alarm bool) error {
	abort.Must(r.untilCounts(ctx, rowLimit, "all is in the queue", func(k Counts) bool { return k.Queued == fewMessages }))
	if !alarm {
		return nil
	}
	return r.until(ctx, rowLimit, "gateway_hec_endpoint_up is 0", func() bool {
		s, err := r.web.scrape(ctx)
		return err == nil && s.sum("gateway_hec_endpoint_up") == 0
	})
}

// resetInRequestRow resets connections before the request has been read.
func resetInRequestRow() Row {
	var broken atomic.Int64
	var healthy atomic.Bool
	early := func(int) bool {
		if healthy.Load() {
			return false
		}
		broken.Add(1)
		return true
	}
	return on("hec reset in the request's body", func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Early: early}}}
	}, func(ctx context.Context, r *rig) error {
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(r.until(ctx, rowLimit, "three connections were reset", func() bool { return broken.Load() >= 3 }))
		healthy.Store(true)
		return r.settleStrictly(ctx, fewMessages, rowLimit)
	})
}

// poisonCase is an answer about events: the bad ones become dead letters, all others
// are delivered.
type poisonCase struct {
	name   string
	code   int
	number bool // with invalid-event-number
	index  bool // about an index: the bad ones are those of source closed
}

func poisonRows() []Row {
	var rows []Row
	for _, c := range []poisonCase{
		{"400 code 5 no data", 5, true, false}, {"400 code 5 without number", 5, false, false},
		{"400 code 6 invalid format", 6, true, false}, {"400 code 6 without number", 6, false, false},
		{"400 code 7 incorrect index", 7, true, true}, {"400 code 7 without number", 7, false, true},
		{"400 code 12 event required", 12, true, false}, {"400 code 12 without number", 12, false, false},
		{"400 code 13 event blank", 13, true, false}, {"400 code 13 without number", 13, false, false},
		{"400 code 15 indexed fields", 15, true, false}, {"400 code 15 without number", 15, false, false},
		{"400 unknown code 99", 99, true, false},
	} {
		rows = append(rows, on("hec "+c.name, func(*Options) layout {
			return layout{numbers: fewMessages, endpoints: []hectest.Options{{Script: c.script}}}
		}, func(ctx context.Context, r *rig) error { return isolatesPoison(ctx, r, c.index) }))
	}
	rows = append(rows, fallbackRow())
	return append(rows, on("hec 413 above 30 events", func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Script: func(r *hectest.Request) hectest.Answer {
			if len(r.Events) > 30 {
				return hectest.HTML(http.StatusRequestEntityTooLarge)
			}
			return hectest.Answer{}
		}}}}
	}, func(ctx context.Context, r *rig) error {
		err := sendToAll(ctx, r, fewMessages)
		if n := r.res.Counts.Deadlettered; n != 0 {
			r.res.problem("%d good events are dead letters", n)
		}
		return err
	}))
}

// fallbackRow has an index that is refused and another that takes its events.
func fallbackRow() Row {
	c := poisonCase{code: 7, number: true, index: true}
	return on("hec 400 code 7 with fallback_index", func(*Options) layout {
		return layout{numbers: fewMessages, hec: ", fallback_index: lost_and_found", endpoints: []hectest.Options{{Script: c.script}}}
	}, func(ctx context.Context, r *rig) error {
		abort.Must(r.start(ctx))
		abort.Must(r.sendAll(ctx, fewMessages, true))
		abort.Must(r.settleStrictly(ctx, fewMessages, rowLimit))
		s := abort.Value(r.web.scrape(ctx))
		bad := 0
		for seq := range fewMessages {
			if isBad(seq) {
				bad++
			}
		}
		rerouted := s.sum("gateway_hec_fallback_index_events_total")
		r.res.detail("%d in the fallback index", rerouted)
		r.res.problemIf(int(rerouted) != bad || r.res.Counts.Deadlettered != 0, "%d of %d events are in the fallback index, %d are dead letters", rerouted, bad, r.res.Counts.Deadlettered)
		return nil
	})
}

// script refuses a post for the first bad event in it.
func (c poisonCase) script(r *hectest.Request) hectest.Answer {
	word := []byte(bad)
	if c.index {
		word = []byte(`"index":"closed"`)
	}
	for i, line := range r.Events {
		if !bytes.Contains(line, word) {
			continue
		}
		a := hectest.Refuse(http.StatusBadRequest, c.code, "refused by the row")
		if c.number {
			a.Invalid = &i
		}
		return a
	}
	return hectest.Answer{}
}

// isolatesPoison sends some bad ones among the good, and wants just those in the store.
func isolatesPoison(ctx context.Context, r *rig, apart bool) error {
	abort.Must(r.start(ctx))
	abort.Must(r.sendAll(ctx, fewMessages, apart))
	abort.Must(r.settle(ctx, fewMessages, rowLimit))
	dead := abort.Value(r.deadLetters())
	for seq := range fewMessages {
		r.res.problemIf(isBad(seq) != dead[seq], "message %d: refused %v, dead %v", seq, isBad(seq), dead[seq])
	}
	r.res.problemIf(int(r.res.Counts.Deadlettered) != len(dead), "%d dead letters are counted, %d are there", r.res.Counts.Deadlettered, len(dead))
	r.strict()
	return nil
}
