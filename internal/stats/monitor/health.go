package monitor

import (
	"fmt"
	"strings"
	"time"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// The levels of health, worst last.
const (
	levelOK       = "ok"
	levelWarning  = "warning"
	levelCritical = "critical"
)

// How long events may wait before health says so.
const (
	// refusedFor is how long nothing is confirmed while posts fail.
	refusedFor = 3 * time.Second
	// waitingFor is how long nothing is confirmed, and how old an event gets. A batch
	// waits 200 ms to be sealed, and a post is answered in seconds.
	waitingFor = 10 * time.Second
	// behindAfter is waitingFor while acknowledgements are pending (hec.ack), which the
	// indexer may take longer for. An event that is older is late in any case.
	behindAfter = time.Minute
	// blockedFor is for how many samples in a row senders are blocked. A single one is
	// normal for a busy gateway.
	blockedFor = 3
)

// Health mentions failed posts from someFail on, if at least one in failedShare failed.
const (
	someFail    = 3
	failedShare = 10
)

// Health is the state of the gateway in one sentence.
type Health struct {
	Level   string `json:"level"`
	Summary string `json:"summary"`
}

// sentence is a part of the summary: a row of wording.
type sentence int

// All sentences, in the order of the summary.
const (
	portsClosed sentence = iota
	sendersBlocked
	nothingYet
	oneReceives
	allReceive
	someReceive
	someNotYet
	someQuiet
	allEndpointsOff
	takesNothing
	postsFail
	nothingDelivered
	behind
	catchingUp
	nothingSent
	keepingUp
	someDown
	someEndpointsOff
	somePostsFail
	queueFails
	someShardsFail
	clusterOff
	someStreamsOff
	replicasBehind
	forwardBehind
	readFails
	queueFull
	allShardsOff
	someShardsOff
	quarantinedFiles
	countsDiffer
	deadLetters
	noneLost
	someLost
	someSilent
	problemsBelow
	sentences
)

// wording has the level and the text of each sentence; an empty level changes nothing. A
// sentence must be true at the time of the reading: docs/operations.md has a line for each,
// and a test of cmd/gateway makes and ends the situation of each.
func wording() [sentences]struct{ level, text string } {
	return [...]struct{ level, text string }{
		portsClosed:      {levelWarning, "not all ports are open"},
		sendersBlocked:   {levelCritical, "senders are held back"},
		nothingYet:       {"", "%s listening, nothing received yet"},
		oneReceives:      {"", "the source is receiving"},
		allReceive:       {"", "all %d sources receiving"},
		someReceive:      {"", "%d of %d sources receiving"},
		someNotYet:       {"", "nothing from %s yet"},
		someQuiet:        {"", "nothing from %s for %s"},
		allEndpointsOff:  {levelCritical, "Splunk gets nothing, all endpoints are in drain or maint"},
		takesNothing:     {levelCritical, "Splunk does not take events: %s"},
		postsFail:        {levelCritical, "nothing delivered for %s, posts fail: %s"},
		nothingDelivered: {levelWarning, "nothing delivered for %s while events wait"},
		behind:           {levelWarning, "Splunk is behind, %s waiting, the oldest for %s"},
		catchingUp:       {"", "Splunk is catching up, %s waiting, the oldest for %s"},
		nothingSent:      {"", "nothing sent to Splunk yet"},
		keepingUp:        {"", "Splunk is keeping up"},
		someDown:         {levelWarning, "%d of %d endpoints down: %s"},
		someEndpointsOff: {levelWarning, "%d of %d endpoints in drain or maint"},
		somePostsFail:    {levelWarning, "%d of %d posts failed in the last 10 s"},
		queueFails:       {levelCritical, "the queue fails: %s"},
		someShardsFail:   {levelCritical, "%d of %d shards failing: %s"},
		clusterOff:       {levelCritical, "the cluster takes nothing, records wait in the disk queue: %s"},
		someStreamsOff:   {levelWarning, "%d of %d streams take nothing: %s"},
		replicasBehind:   {levelWarning, "%d of %d streams lack a current replica"},
		forwardBehind:    {levelWarning, "forwarding to the cluster is behind by %s"},
		readFails:        {levelCritical, "a part of the queue cannot be read: %s"},
		queueFull:        {levelCritical, "the queue is full, %s"},
		allShardsOff:     {levelCritical, "all shards are in drain or maint, senders wait"},
		someShardsOff:    {levelWarning, "%d of %d shards in drain or maint"},
		quarantinedFiles: {levelWarning, "%s of the queue in quarantine (folder corrupt)"},
		countsDiffer:     {levelCritical, "received and accounted-for events of %s differ"},
		deadLetters:      {levelWarning, "%s in the dead-letter store"},
		noneLost:         {"", "0 lost"},
		someLost:         {levelWarning, "%s lost since the start"},
		someSilent:       {"", "%s fell silent"},
		problemsBelow:    {levelWarning, "%s below"},
	}
}

// Sentences returns all phrases of a summary, as formats of package fmt.
func Sentences() []string {
	var all []string
	for _, s := range wording() {
		all = append(all, s.text)
	}
	return all
}

// verdict collects sentences, and the worst level of them.
type verdict struct {
	wording [sentences]struct{ level, text string }
	level   string
	phrases []string
}

func (v *verdict) say(s sentence, args ...any) {
	w := v.wording[s]
	v.phrases = append(v.phrases, fmt.Sprintf(w.text, args...))
	if w.level == levelCritical || w.level != "" && v.level == levelOK {
		v.level = w.level
	}
}

// assess judges a reading: whether the gateway receives, delivers, stores and loses events.
func assess(snap status.Snapshot, t Totals, past trend) Health {
	v := verdict{wording: wording(), level: levelOK}
	v.receiving(snap, past)
	v.delivering(snap, past)
	v.storing(snap)
	v.securing(snap)
	if names := unbalanced(snap.Sources); len(names) > 0 {
		v.say(countsDiffer, text.Names(names))
	}
	if n := snap.DeadLetters.Events; n > 0 {
		v.say(deadLetters, text.Number(n))
	}
	if t.Lost > 0 {
		v.say(someLost, text.Number(t.Lost))
	} else {
		v.say(noneLost)
	}
	if t.SilentSenders > 0 {
		v.say(someSilent, text.Count(t.SilentSenders, "sender"))
	}
	if n := len(snap.Problems); n > 0 {
		v.say(problemsBelow, text.Count(n, "problem"))
	}
	summary := strings.Join(v.phrases, "; ") + "."
	return Health{Level: v.level, Summary: strings.ToUpper(summary[:1]) + summary[1:]}
}

// receiving: a source without any message is no fault of the gateway, but the first
// check after an installation. Messages from addresses outside allow do not count.
func (v *verdict) receiving(snap status.Snapshot, past trend) {
	if !snap.Listening {
		v.say(portsClosed)
	}
	if past.blocked {
		v.say(sendersBlocked)
	}
	var all int
	var never []string
	for _, s := range snap.Sources {
		if !s.Configured || s.Internal {
			continue
		}
		all++
		if s.Admitted() == 0 {
			never = append(never, s.Source)
		}
	}
	if all == 0 && len(snap.Streams) > 0 { // it only delivers
		return
	}
	switch at := all - len(never) - len(past.quiet); {
	case len(never) == all:
		if snap.Listening {
			v.say(nothingYet, text.Count(all, "source"))
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
		v.say(someNotYet, text.Names(never))
	}
	if len(past.quiet) > 0 {
		v.say(someQuiet, text.Names(past.quiet), text.Span(past.quietFor))
	}
}

func (v *verdict) delivering(snap status.Snapshot, past trend) {
	var down []string
	var off, unacked int
	for _, e := range snap.Endpoints {
		unacked += e.Unacked
		switch {
		case e.Mode != "":
			off++
		case !e.Up:
			down = append(down, whyDown(e))
		}
	}
	all := len(snap.Endpoints)
	switch {
	case all == 0:
		v.say(takesNothing, "no endpoint is configured")
		return
	case off == all:
		v.say(allEndpointsOff)
		return
	case len(down)+off == all:
		v.say(takesNothing, down[0])
	default:
		v.pace(snap, past, unacked)
		if len(down) > 0 {
			v.say(someDown, len(down), all, text.Names(down))
		}
	}
	if off > 0 {
		v.say(someEndpointsOff, off, all)
	}
}

// pace judges how fast Splunk takes events while an endpoint is up.
func (v *verdict) pace(snap status.Snapshot, past trend, unacked int) {
	patience := waitingFor
	if unacked > 0 {
		patience = behindAfter
	}
	n, oldest := backlog(snap)
	waiting := text.Count(int(n), "event")
	if len(snap.Streams) > 0 {
		waiting = text.Count(int(n), "record")
	}
	switch {
	case past.stalled >= refusedFor && past.failed > 0:
		v.say(postsFail, text.Span(past.stalled), past.lastFailed)
	case past.stalled >= patience:
		v.say(nothingDelivered, text.Span(past.stalled))
	case oldest >= behindAfter, oldest >= patience && past.grows:
		v.say(behind, waiting, text.Span(oldest))
	case oldest >= patience:
		v.say(catchingUp, waiting, text.Span(oldest))
	case past.neverSent:
		v.say(nothingSent)
	default:
		v.say(keepingUp)
	}
	if past.stalled < refusedFor && past.lately.failed >= someFail && past.lately.failed*failedShare >= past.lately.posts {
		v.say(somePostsFail, past.lately.failed, past.lately.posts)
	}
}

// whyDown is the endpoint with its state and its last answer.
func whyDown(e status.Endpoint) string {
	why := text.HostPort(e.URL) + " is " + e.Word()
	if e.LastAnswer != "" {
		why += " (" + text.Brief(e.LastAnswer) + ")"
	}
	return why
}

func (v *verdict) storing(snap status.Snapshot) {
	var shards, failing, off int
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
		if s.Mode != "" {
			off++
		}
	}
	switch q := snap.Queue; {
	case failing > 0 && failing < len(snap.Shards):
		v.say(someShardsFail, failing, len(snap.Shards), text.Brief(fault))
	case failing > 0:
		v.say(queueFails, text.Brief(fault))
	case q.Fault != "":
		v.say(queueFails, text.Brief(q.Fault))
	case q.Full:
		v.say(queueFull, whenFull(q.WhenFull))
	}
	if why := snap.Queue.ReadFault; why != "" {
		v.say(readFails, text.Brief(why))
	}
	switch {
	case off > 0 && off == shards:
		v.say(allShardsOff)
	case off > 0:
		v.say(someShardsOff, off, shards)
	}
	if n := snap.Queue.DamagedFiles; n > 0 {
		v.say(quarantinedFiles, text.Count(n, "damaged part"))
	}
}

// securing judges the streams of a cluster. What they cannot take is in the disk queue.
func (v *verdict) securing(snap status.Snapshot) {
	var off, behind int
	var why string
	for _, s := range snap.Streams {
		switch {
		case !s.Up:
			off++
			why = s.Problem
		case s.Current < s.Replicas:
			behind++
		}
	}
	switch all := len(snap.Streams); {
	case off > 0 && off == all:
		v.say(clusterOff, text.Brief(why))
	case off > 0:
		v.say(someStreamsOff, off, all, text.Brief(why))
	}
	if behind > 0 {
		v.say(replicasBehind, behind, len(snap.Streams))
	}
	if lag := time.Duration(snap.ForwardLagSeconds * float64(time.Second)); lag >= waitingFor {
		v.say(forwardBehind, text.Span(lag))
	}
}

// whenFull says what queue.when_full does.
func whenFull(policy string) string {
	switch policy {
	case "block":
		return "senders wait"
	case "drop_oldest":
		return "the oldest events are dropped"
	case "drop_newest":
		return "new events are dropped"
	}
	return "policy " + printable.Fold(policy)
}
