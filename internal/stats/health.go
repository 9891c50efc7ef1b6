package stats

import (
	"fmt"
	"strings"
	"time"
)

// The levels of health, worst last.
const (
	levelOK       = "ok"
	levelWarning  = "warning"
	levelCritical = "critical"
)

// How long events may wait until it is said.
const (
	// refusedFor is how long nothing is confirmed while posts fail.
	refusedFor = 3 * time.Second
	// waitingFor is how long nothing is confirmed, and how old an event gets. A batch
	// waits 200 ms to be sealed, and a post is answered in seconds.
	waitingFor = 10 * time.Second
	// behindAfter is the same where acknowledgements are asked for (hec.ack): the indexer
	// may take longer. An event that has waited as long is late in any case.
	behindAfter = time.Minute
	// heldFor is how many readings in a row, a second apart, senders wait. A moment of it
	// is how a busy gateway works.
	heldFor = 3
)

// A share of posts that fail is said from so many on, and from one in so many.
const (
	someFail    = 3
	failedShare = 10
)

// health is the state of the gateway in a sentence.
type health struct {
	Level   string `json:"level"`
	Summary string `json:"summary"`
}

// sentence is one that health may say: a row of wording.
type sentence int

// All sentences, in the order in which they are said.
const (
	portsClosed sentence = iota
	sendersHeld
	nothingYet
	oneReceives
	allReceive
	someReceive
	someNotYet
	someQuiet
	allEndpointsAside
	takesNothing
	postsFail
	nothingDelivered
	behind
	catchingUp
	nothingSent
	keepingUp
	someDown
	someAside
	somePostsFail
	queueFails
	someShardsFail
	readFails
	queueFull
	allShardsAside
	someShardsAside
	damagedParts
	booksDiffer
	deadLetters
	noneLost
	someLost
	someSilent
	problemsBelow
	sentences
)

// wording says each sentence and its level; an empty level changes nothing. What a sentence
// claims must hold at the time of the reading: docs/operations.md has a line for each, and a
// test of cmd/gateway makes and ends the situation of each.
func wording() [sentences]struct{ level, text string } {
	return [...]struct{ level, text string }{
		portsClosed:       {levelWarning, "not all ports are open"},
		sendersHeld:       {levelCritical, "senders are held back"},
		nothingYet:        {"", "%s listening, nothing received yet"},
		oneReceives:       {"", "the source is receiving"},
		allReceive:        {"", "all %d sources receiving"},
		someReceive:       {"", "%d of %d sources receiving"},
		someNotYet:        {"", "nothing from %s yet"},
		someQuiet:         {"", "nothing from %s for %s"},
		allEndpointsAside: {levelCritical, "Splunk gets nothing, all endpoints are set aside"},
		takesNothing:      {levelCritical, "Splunk does not take events: %s"},
		postsFail:         {levelCritical, "nothing delivered for %s, posts fail: %s"},
		nothingDelivered:  {levelWarning, "nothing delivered for %s while events wait"},
		behind:            {levelWarning, "Splunk is behind, %s waiting, the oldest for %s"},
		catchingUp:        {"", "Splunk is catching up, %s waiting, the oldest for %s"},
		nothingSent:       {"", "nothing sent to Splunk yet"},
		keepingUp:         {"", "Splunk is keeping up"},
		someDown:          {levelWarning, "%d of %d endpoints down: %s"},
		someAside:         {levelWarning, "%d of %d endpoints set aside"},
		somePostsFail:     {levelWarning, "%d of %d posts failed in the last 10 s"},
		queueFails:        {levelCritical, "the queue fails: %s"},
		someShardsFail:    {levelCritical, "%d of %d shards failing: %s"},
		readFails:         {levelCritical, "a part of the queue cannot be read: %s"},
		queueFull:         {levelCritical, "the queue is full, %s"},
		allShardsAside:    {levelCritical, "all shards are set aside, senders wait"},
		someShardsAside:   {levelWarning, "%d of %d shards set aside"},
		damagedParts:      {levelWarning, "%s of the queue in its folder corrupt"},
		booksDiffer:       {levelCritical, "the books of %s do not balance"},
		deadLetters:       {levelWarning, "%s in the dead-letter store"},
		noneLost:          {"", "0 lost"},
		someLost:          {levelWarning, "%s lost since the start"},
		someSilent:        {"", "%s fell silent"},
		problemsBelow:     {levelWarning, "%s below"},
	}
}

// Sentences returns what health may say, as formats of package fmt.
func Sentences() []string {
	var all []string
	for _, s := range wording() {
		all = append(all, s.text)
	}
	return all
}

// verdict collects what is to be said, and the worst of it.
type verdict struct {
	wording [sentences]struct{ level, text string }
	level   string
	parts   []string
}

func (v *verdict) say(s sentence, args ...any) {
	w := v.wording[s]
	v.parts = append(v.parts, fmt.Sprintf(w.text, args...))
	if w.level == levelCritical || w.level != "" && v.level == levelOK {
		v.level = w.level
	}
}

// assess says how the gateway is: receiving, delivering, storing, losing.
func assess(snap Snapshot, t totals, past trend) health {
	v := verdict{wording: wording(), level: levelOK}
	v.receiving(snap, past)
	v.delivering(snap, past)
	v.storing(snap)
	if names := unbalanced(snap.Sources); len(names) > 0 {
		v.say(booksDiffer, some(names))
	}
	if n := snap.DeadLetters.Events; n > 0 {
		v.say(deadLetters, number(n))
	}
	if t.Lost > 0 {
		v.say(someLost, number(t.Lost))
	} else {
		v.say(noneLost)
	}
	if t.SilentSenders > 0 {
		v.say(someSilent, count(t.SilentSenders, "sender"))
	}
	if n := len(snap.Problems); n > 0 {
		v.say(problemsBelow, count(n, "problem"))
	}
	text := strings.Join(v.parts, "; ") + "."
	return health{Level: v.level, Summary: strings.ToUpper(text[:1]) + text[1:]}
}

// receiving: a source that nothing was sent to is no fault of the gateway, but it is
// the first question after a set-up, so it is told. What allow leaves out is not received.
func (v *verdict) receiving(snap Snapshot, past trend) {
	if !snap.Listening {
		v.say(portsClosed)
	}
	if past.held {
		v.say(sendersHeld)
	}
	var all int
	var never []string
	for _, s := range snap.Sources {
		if !s.Configured || s.Internal {
			continue
		}
		all++
		if s.Taken() == 0 {
			never = append(never, s.Source)
		}
	}
	switch at := all - len(never) - len(past.quiet); {
	case len(never) == all:
		if snap.Listening {
			v.say(nothingYet, count(all, "source"))
		}
		return
	case at == all && all == 1:
		v.say(oneReceives)
	case at == all:
		v.say(allReceive, all)
	case all > 1:
		v.say(someReceive, at, all)
	}
	if len(never) > 0 {
		v.say(someNotYet, some(never))
	}
	if len(past.quiet) > 0 {
		v.say(someQuiet, some(past.quiet), span(past.quietFor))
	}
}

func (v *verdict) delivering(snap Snapshot, past trend) {
	var down []string
	var aside, unacked int
	for _, e := range snap.Endpoints {
		unacked += e.Unacked
		switch {
		case e.Aside != "":
			aside++
		case !e.Up:
			down = append(down, whyDown(e))
		}
	}
	all := len(snap.Endpoints)
	switch {
	case all == 0:
		v.say(takesNothing, "no endpoint is configured")
		return
	case aside == all:
		v.say(allEndpointsAside)
		return
	case len(down)+aside == all:
		v.say(takesNothing, down[0])
	default:
		v.pace(snap, past, unacked)
		if len(down) > 0 {
			v.say(someDown, len(down), all, some(down))
		}
	}
	if aside > 0 {
		v.say(someAside, aside, all)
	}
}

// pace says how Splunk takes what it gets, while an endpoint is up.
func (v *verdict) pace(snap Snapshot, past trend, unacked int) {
	patience := waitingFor
	if unacked > 0 {
		patience = behindAfter
	}
	events, oldest := backlog(snap)
	switch {
	case past.stalled >= refusedFor && past.failed > 0:
		v.say(postsFail, span(past.stalled), past.lastFailed)
	case past.stalled >= patience:
		v.say(nothingDelivered, span(past.stalled))
	case oldest >= behindAfter, oldest >= patience && past.grows:
		v.say(behind, count(int(events), "event"), span(oldest))
	case oldest >= patience:
		v.say(catchingUp, count(int(events), "event"), span(oldest))
	case past.neverSent:
		v.say(nothingSent)
	default:
		v.say(keepingUp)
	}
	if past.stalled < refusedFor && past.lately.failed >= someFail && past.lately.failed*failedShare >= past.lately.posts {
		v.say(somePostsFail, past.lately.failed, past.lately.posts)
	}
}

// whyDown is the endpoint with its state and what it answered last.
func whyDown(e Endpoint) string {
	text := serverName(e.URL) + " is " + endpointState(e)
	if e.LastAnswer != "" {
		text += " (" + brief(e.LastAnswer) + ")"
	}
	return text
}

// backlog is what waits to be sent, and for how long the oldest of it has. A shard that
// somebody has set aside with maint sends nothing, for which Splunk can do nothing.
func backlog(snap Snapshot) (events int64, oldest time.Duration) {
	for _, s := range snap.Shards {
		if s.Aside == StateMaint {
			continue
		}
		events += s.Events
		if s.Events > 0 && !s.Oldest.IsZero() {
			oldest = max(oldest, snap.Now.Sub(s.Oldest))
		}
	}
	return events, oldest
}

func (v *verdict) storing(snap Snapshot) {
	var shards, failing, aside int
	var fault string
	for _, s := range snap.Shards {
		if s.Fault != "" {
			failing++
			fault = s.Fault
		}
		if s.Draining { // it takes nothing new anyway
			continue
		}
		shards++
		if s.Aside != "" {
			aside++
		}
	}
	switch q := snap.Queue; {
	case failing > 0 && failing < len(snap.Shards):
		v.say(someShardsFail, failing, len(snap.Shards), brief(fault))
	case failing > 0:
		v.say(queueFails, brief(fault))
	case q.Fault != "":
		v.say(queueFails, brief(q.Fault))
	case q.Full:
		v.say(queueFull, whenFull(q.WhenFull))
	}
	if why := snap.Queue.ReadFault; why != "" {
		v.say(readFails, brief(why))
	}
	switch {
	case aside > 0 && aside == shards:
		v.say(allShardsAside)
	case aside > 0:
		v.say(someShardsAside, aside, shards)
	}
	if n := snap.Queue.DamagedParts; n > 0 {
		v.say(damagedParts, count(n, "damaged part"))
	}
}

// whenFull says what the policy of queue.when_full does.
func whenFull(policy string) string {
	switch policy {
	case "block":
		return "senders wait"
	case "drop_oldest":
		return "the oldest events are dropped"
	case "drop_newest":
		return "new events are dropped"
	}
	return "policy " + oneLine(policy)
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// someNames is how many names a sentence takes; the tables have all of them.
const someNames = 5

// some lists names.
func some(names []string) string {
	if len(names) > someNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:someNames], ", "), len(names)-someNames)
	}
	return strings.Join(names, ", ")
}

// oneLine makes a text of somebody else fit into a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// briefly is how much of somebody else's text a sentence takes; the tables have all of it.
const briefly = 160

// brief makes a text of somebody else fit into a sentence.
func brief(text string) string {
	text = oneLine(text)
	if letters := []rune(text); len(letters) > briefly {
		return string(letters[:briefly]) + "…"
	}
	return text
}
