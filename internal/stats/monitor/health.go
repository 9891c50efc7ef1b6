package monitor

import (
	"cmp"
	"fmt"
	"slices"
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

// nearlyFrom is from which part on the queue is nearly full.
const nearlyFrom = 0.8

// Health mentions failed posts from someFail on, if at least one in failedShare failed.
const (
	someFail    = 3
	failedShare = 10
)

// Health is the state of the gateway in one sentence.
type Health struct {
	Level   string `json:"level"`
	Summary string `json:"summary"`
	// Findings are what is wrong or odd, worst first, then oldest first.
	Findings []Finding `json:"findings"`
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
	nearlyFull
	allShardsOff
	someShardsOff
	quarantinedFiles
	countsDiffer
	deadLetters
	noneLost
	losing
	someLost
	onceLost
	someSilent
	someFlood
	someUnknown
	problemsBelow
	sentences
)

// wording is how a sentence is said. An empty level changes nothing. Row and help, a section
// of docs/operations.md, are those of a finding; without help the sentence is none.
type wording struct{ level, text, id, row, help string }

// wordings has the wording of each sentence. A sentence must be true at the time of the
// reading: docs/operations.md has a line for each, and a test of cmd/gateway makes and ends the
// situation of each.
func wordings() [sentences]wording {
	const off = "drain-and-maintenance"
	return [...]wording{
		portsClosed:      {levelWarning, "not all ports are open", "ports-closed", "sources", "what-the-page-says"},
		sendersBlocked:   {levelCritical, "senders are held back", "senders-blocked", "queue", "what-the-page-says"},
		nothingYet:       {text: "%s listening, nothing received yet"},
		oneReceives:      {text: "the source is receiving"},
		allReceive:       {text: "all %d sources receiving"},
		someReceive:      {text: "%d of %d sources receiving"},
		someNotYet:       {text: "nothing from %s yet"},
		someQuiet:        {"", "nothing from %s for %s", "source-silent", "sources", "silent-source"},
		allEndpointsOff:  {levelCritical, "Splunk gets nothing, all endpoints are in drain or maint", "endpoints-aside", "endpoints", off},
		takesNothing:     {levelCritical, "Splunk does not take events: %s", "endpoint-down", "endpoints", "endpoint-down-or-refused"},
		postsFail:        {levelCritical, "nothing delivered for %s, posts fail: %s", "posts-fail", "endpoints", "slow-splunk"},
		nothingDelivered: {levelWarning, "nothing delivered for %s while events wait", "nothing-delivered", "endpoints", "slow-splunk"},
		behind:           {levelWarning, "Splunk is behind, %s waiting, the oldest for %s", "splunk-behind", "queue", "slow-splunk"},
		catchingUp:       {"", "Splunk is catching up, %s waiting, the oldest for %s", "catching-up", "queue", "slow-splunk"},
		nothingSent:      {text: "nothing sent to Splunk yet"},
		keepingUp:        {text: "Splunk is keeping up"},
		someDown:         {levelWarning, "%d of %d endpoints take nothing: %s", "endpoint-down", "endpoints", "endpoint-down-or-refused"},
		someEndpointsOff: {levelWarning, "%d of %d endpoints in drain or maint", "endpoints-aside", "endpoints", off},
		somePostsFail:    {levelWarning, "%d of %d posts failed in the last 10 s", "posts-fail", "endpoints", "slow-splunk"},
		queueFails:       {levelCritical, "the queue fails: %s", "queue-fails", "queue", "full-or-failing-disk"},
		someShardsFail:   {levelCritical, "%d of %d shards failing: %s", "queue-fails", "shards", "full-or-failing-disk"},
		clusterOff:       {levelCritical, "the cluster takes nothing, records wait in the disk queue: %s", "cluster-off", "streams", "the-cluster"},
		someStreamsOff:   {levelWarning, "%d of %d streams take nothing: %s", "stream-off", "streams", "the-cluster"},
		replicasBehind:   {levelWarning, "%d of %d streams lack a current replica: %s", "replica-behind", "streams", "the-cluster"},
		forwardBehind:    {levelWarning, "forwarding to the cluster is behind by %s", "forward-behind", "streams", "the-cluster"},
		readFails:        {levelCritical, "a part of the queue cannot be read: %s", "queue-unreadable", "queue", "unreadable-disk"},
		queueFull:        {levelCritical, "the queue is full, %s", "queue-full", "queue", "queue-fills"},
		nearlyFull:       {levelWarning, "the queue is nearly full, it has room for %s", "queue-nearly-full", "queue", "queue-fills"},
		allShardsOff:     {levelCritical, "all shards are in drain or maint, senders wait", "shards-aside", "shards", off},
		someShardsOff:    {levelWarning, "%d of %d shards in drain or maint", "shards-aside", "shards", off},
		quarantinedFiles: {levelWarning, "%s of the queue in quarantine (folder corrupt)", "corrupt-records", "queue", "corrupt-records"},
		countsDiffer:     {levelCritical, "received and accounted-for events of %s differ", "counts-differ", "books", "the-one-number"},
		deadLetters:      {levelWarning, "%s in the dead-letter store", "dead-letters", "deadletters", "dead-letters"},
		noneLost:         {text: "0 lost"},
		losing:           {levelCritical, "events are being lost, %s a second: %s", "losing", "drops", "events-dropped"},
		someLost:         {levelWarning, "%s lost in the last 5 min: %s", "lost", "drops", "events-dropped"},
		onceLost:         {text: "%s lost since the start, none in the last 5 min"},
		someSilent:       {"", "%s fell silent", "sender-silent", "silent", "silent-senders"},
		someFlood:        {levelWarning, "%s sends many times its usual rate, %s a second", "sender-floods", "senders", "a-sender-floods"},
		someUnknown:      {"", "many messages of %s are not recognised", "unrecognised", "unknown", "classes-and-unknown-lines"},
		problemsBelow:    {level: levelWarning, text: "%s below"}, // each of them is a finding
	}
}

// Sentences returns all phrases of a summary, as formats of package fmt.
func Sentences() []string {
	var all []string
	for _, s := range wordings() {
		all = append(all, s.text)
	}
	return all
}

// verdict collects sentences and findings, and the worst level of them.
type verdict struct {
	wordings [sentences]wording
	level    string
	phrases  []string
	findings []Finding
}

// say adds a sentence. It returns its finding, for what is known better than its wording does.
func (v *verdict) say(s sentence, args ...any) *Finding {
	w := v.wordings[s]
	phrase := fmt.Sprintf(w.text, args...)
	v.phrases = append(v.phrases, phrase)
	if w.level == levelCritical || w.level != "" && v.level == levelOK {
		v.level = w.level
	}
	if w.help == "" {
		return new(Finding) // none
	}
	if !strings.HasPrefix(w.text, "%") { // a name stays as it is
		phrase = strings.ToUpper(phrase[:1]) + phrase[1:]
	}
	return v.find(w.id, cmp.Or(w.level, levelNote), phrase, w.row, w.help)
}

func (v *verdict) find(id, level, phrase, row, help string) *Finding {
	v.findings = append(v.findings, Finding{ID: id, Level: level, Text: phrase, Row: row, Help: helpAt(help)})
	return &v.findings[len(v.findings)-1]
}

// assess judges a reading: whether the gateway receives, delivers, stores and loses events.
func assess(snap status.Snapshot, t Totals, past trend) Health {
	v := verdict{wordings: wordings(), level: levelOK}
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
	v.losing(t, past.losses)
	if t.SilentSenders > 0 {
		f := v.say(someSilent, text.Count(t.SilentSenders, "sender"))
		names := make([]string, 0, len(past.silent))
		for _, s := range past.silent {
			names = append(names, text.Brief(s.Who()))
		}
		f.Text += ": " + text.Names(names)
	}
	for i, s := range past.floods {
		if i == maxFloods {
			break
		}
		v.say(someFlood, text.Brief(s.Who()), text.Number(int64(s.Rate))).Row = rowOf("sender", s.Source+"-"+s.Address)
	}
	if len(past.unknown) > 0 {
		v.say(someUnknown, text.Names(past.unknown))
	}
	if n := len(snap.Problems); n > 0 {
		v.say(problemsBelow, text.Count(n, "problem"))
	}
	v.notes(snap)
	summary := strings.Join(v.phrases, "; ") + "."
	return Health{Level: v.level, Summary: strings.ToUpper(summary[:1]) + summary[1:], Findings: OrEmpty(v.findings)}
}

// maxFloods is how many senders that flood are named.
const maxFloods = 3

// losing: what was lost of late is wrong; what was lost before is only told.
func (v *verdict) losing(t Totals, l losses) {
	var f *Finding
	switch {
	case t.Lost == 0:
		v.say(noneLost)
		return
	case l.rate > 0 && l.lately > 0:
		f = v.say(losing, text.Number(int64(max(l.rate, 1))), l.causes)
	case l.lately > 0:
		f = v.say(someLost, text.Number(l.lately), l.causes)
	default:
		v.say(onceLost, text.Number(t.Lost))
		return
	}
	switch l.main {
	case byKernel:
		f.Help = helpAt("kernel-drops")
	case byEvicted:
		f.Help = helpAt("dead-letters")
	}
}

// notes makes findings of what the stages have to say.
func (v *verdict) notes(snap status.Snapshot) {
	kinds := make(map[string]status.Note, len(snap.Notes))
	for _, n := range snap.Notes {
		kinds[n.Text] = n
	}
	for _, text := range snap.Problems {
		n, known := kinds[text]
		if !known {
			n = status.Note{ID: "problem", Row: "problems", Help: "what-the-page-says"}
		}
		if text != "" {
			v.find(n.ID, levelWarning, text, n.Row, n.Help)
		}
	}
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
		v.say(someQuiet, text.Names(past.quiet), text.Span(past.quietFor)).Row = rowOf("source", past.quiet[0])
	}
}

func (v *verdict) delivering(snap status.Snapshot, past trend) {
	var down, rows []string
	var off, unacked int
	for _, e := range snap.Endpoints {
		unacked += e.Unacked
		switch {
		case e.Mode != "":
			off++
		case !e.Up:
			down = append(down, whyDown(e))
			rows = append(rows, rowOf("endpoint", text.HostPort(e.URL)))
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
		v.say(takesNothing, down[0]).Row = rows[0]
	default:
		v.pace(snap, past, unacked)
		if len(down) > 0 {
			v.say(someDown, len(down), all, text.Names(down)).Row = rows[0]
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
	case q.CapacityBytes > 0 && float64(q.UsedBytes) >= nearlyFrom*float64(q.UsedBytes+q.Free()):
		v.say(nearlyFull, text.Size(q.Free()))
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
	var off int
	var why string
	var behind []string // their names
	for _, s := range snap.Streams {
		switch {
		case !s.Up:
			off++
			why = s.Problem
		case s.Current < s.Replicas:
			behind = append(behind, s.Name)
		}
	}
	switch all := len(snap.Streams); {
	case off > 0 && off == all:
		v.say(clusterOff, text.Brief(why))
	case off > 0:
		v.say(someStreamsOff, off, all, text.Brief(why))
	}
	if len(behind) > 0 {
		v.say(replicasBehind, len(behind), len(snap.Streams), text.Brief(strings.Join(behind, ", ")))
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

// FindingIDs are the kinds of findings of the wordings, each once.
func FindingIDs() []string {
	var all []string
	for _, w := range wordings() {
		if w.id != "" && !slices.Contains(all, w.id) {
			all = append(all, w.id)
		}
	}
	return all
}
