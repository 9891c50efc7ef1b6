package stats

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The levels of health, worst last.
const (
	levelOK       = "ok"
	levelWarning  = "warning"
	levelCritical = "critical"
)

// behindAfter is the age of the oldest waiting event from which on Splunk is said not
// to keep up. A batch waits 200 ms to be sealed and a few seconds for an
// acknowledgement; a minute is none of these.
const behindAfter = time.Minute

// health is the state of the gateway in a sentence.
type health struct {
	Level   string `json:"level"`
	Summary string `json:"summary"`
}

// verdict collects what is to be said, and the worst of it.
type verdict struct {
	level string
	parts []string
}

func (v *verdict) say(level, format string, args ...any) {
	v.parts = append(v.parts, fmt.Sprintf(format, args...))
	if level == levelCritical || v.level == levelOK {
		v.level = level
	}
}

// assess says how the gateway is: receiving, delivering, storing, losing.
func assess(snap Snapshot, t totals) health {
	v := verdict{level: levelOK}
	v.receiving(snap)
	v.delivering(snap)
	v.storing(snap)
	if names := unbalanced(snap.Sources); len(names) > 0 {
		v.say(levelCritical, "the books of %s do not balance", strings.Join(names, ", "))
	}
	if t.Deadlettered > 0 {
		v.say(levelWarning, "%s in the dead-letter store", number(t.Deadlettered))
	}
	if t.Lost > 0 {
		v.say(levelWarning, "%s lost", number(t.Lost))
	} else {
		v.say(v.level, "0 lost")
	}
	if t.SilentSenders > 0 {
		v.say(v.level, "%s fell silent", count(t.SilentSenders, "sender"))
	}
	if n := len(snap.Problems); n > 0 {
		v.say(levelWarning, "%s below", count(n, "problem"))
	}
	text := strings.Join(v.parts, "; ") + "."
	return health{Level: v.level, Summary: strings.ToUpper(text[:1]) + text[1:]}
}

// receiving: a source that nothing was sent to is no fault of the gateway, but it is
// the first question after a set-up, so it is told.
func (v *verdict) receiving(snap Snapshot) {
	var configured, silent int
	for _, s := range snap.Sources {
		if !s.Configured || s.Internal {
			continue
		}
		configured++
		if s.Received == 0 {
			silent++
		}
	}
	switch {
	case configured == 0:
		v.say(levelWarning, "no source is configured")
	case silent == configured:
		v.say(v.level, "%s listening, nothing received yet", count(configured, "source"))
	case len(snap.quiet) > 0:
		v.say(v.level, "%d of %s receiving, nothing from %s for 5 minutes", configured-silent-len(snap.quiet), count(configured, "source"), strings.Join(snap.quiet, ", "))
	case silent > 0:
		v.say(v.level, "%d of %s receiving, nothing from the others yet", configured-silent, count(configured, "source"))
	case configured == 1:
		v.say(v.level, "the source is receiving")
	default:
		v.say(v.level, "all %d sources receiving", configured)
	}
	if snap.Blocked {
		v.say(levelCritical, "TCP senders are held back")
	}
}

func (v *verdict) delivering(snap Snapshot) {
	down, aside := 0, 0
	for _, e := range snap.Endpoints {
		switch {
		case e.Aside != "":
			aside++
		case !e.Up:
			down++
		}
	}
	all := len(snap.Endpoints)
	oldest := time.Duration(snap.Queue.OldestSeconds * float64(time.Second))
	switch {
	case all == 0:
		v.say(levelCritical, "no Splunk endpoint is configured")
		return
	case aside == all:
		v.say(levelCritical, "Splunk gets nothing, all endpoints are set aside")
	case down+aside == all:
		v.say(levelCritical, "Splunk does not take events")
	case oldest >= behindAfter:
		v.say(levelWarning, "Splunk is behind, the oldest event has waited %s", span(oldest))
	default:
		v.say(v.level, "Splunk is keeping up")
	}
	if 0 < down && down < all {
		v.say(levelWarning, "%d of %s down", down, count(all, "endpoint"))
	}
	if 0 < aside && aside < all {
		v.say(levelWarning, "%d of %s set aside", aside, count(all, "endpoint"))
	}
}

func (v *verdict) storing(snap Snapshot) {
	switch q := snap.Queue; {
	case q.Fault != "":
		v.say(levelCritical, "the queue can not store: %s", oneLine(q.Fault))
	case q.Full:
		v.say(levelCritical, "the queue is full, %s", whenFull(q.WhenFull))
	}
	if n := len(slices.DeleteFunc(slices.Clone(snap.Shards), func(s Shard) bool { return !s.Stuck })); n > 0 {
		v.say(levelCritical, "%s stuck", count(n, "shard"))
	}
	if n := len(slices.DeleteFunc(slices.Clone(snap.Shards), func(s Shard) bool { return s.Aside == "" })); n > 0 {
		level := levelWarning
		if n == len(snap.Shards) {
			level = levelCritical
		}
		v.say(level, "%d of %s set aside", n, count(len(snap.Shards), "shard"))
	}
	var corrupt uint64
	for _, s := range snap.Shards {
		corrupt += s.Corrupt
	}
	if corrupt > 0 {
		v.say(levelWarning, "%s damaged records set aside", number(corrupt))
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
	return fmt.Sprintf("%d %ss", n, noun)
}

// oneLine makes a text of somebody else fit into a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
