package monitor

import (
	"fmt"
	"strings"
	"time"

	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// The times of a sender count as off if they have been for offFor and moved by less than
// offMoves against their receipt. Those of a backlog that a relay sends come nearer.
const (
	offFor   = 3 * time.Second
	offMoves = 2 * time.Second
)

// skewWatch remembers whose times seem to be off, and since when.
type skewWatch struct{ before, now map[senderKey]skewed }

type senderKey struct{ source, address, name string }

type skewed struct {
	since     time.Time
	last      time.Duration
	confirmed bool
}

func (w *skewWatch) begin() { w.before, w.now = w.now, make(map[senderKey]skewed) }
func (w *skewWatch) end()   { w.before = nil }

// confirmed reports whether the times of a sender are off. It forgets a sender whose times
// are right again.
func (w *skewWatch) confirmed(s *Sender, now time.Time) bool {
	if s.Skew == (senders.Skew{}) {
		return false
	}
	key := senderKey{s.Source, s.Address, s.Name}
	was, known := w.before[key]
	switch change := (s.Skew.Last - was.last).Abs(); {
	case !known, !was.confirmed && change > offMoves:
		was = skewed{since: now, last: s.Skew.Last}
	case now.Sub(was.since) >= offFor:
		was.confirmed = true
	}
	w.now[key] = was
	return was.confirmed
}

// maxAdvice is how many lines the page has about times that are off.
const maxAdvice = 10

// advice says whose times are off, and what to do.
func (s Senders) advice() (lines []status.Note) {
	for i, one := range s.Skewed {
		if i == maxAdvice {
			lines = append(lines, wrongTimes("senders", fmt.Sprintf("The times of %s more are off: /api/v1/senders?skewed=true lists them.", text.Count(len(s.Skewed)-i, "sender"))))
			break
		}
		lines = append(lines, wrongTimes(rowOf("sender", one.Source+"-"+one.Address), one.advice()))
	}
	return lines
}

func wrongTimes(row, line string) status.Note {
	return status.Note{ID: "wrong-times", Text: line, Row: row, Help: "wrong-times"}
}

// advice is a line such as: linux: the times of fw1 (192.0.2.9) are +1 h 00 min off …
func (s Sender) advice() string {
	bits := "/32"
	if strings.Contains(s.Address, ":") {
		bits = "/128"
	}
	line := fmt.Sprintf("%s: the times of %s are %s off their receipt. ", s.Source, s.Who(), text.Offset(s.Skew.Offset))
	setting := fmt.Sprintf("sources.%s.timezones: {%q: ZONE}", s.Source, s.Address+bits)
	switch {
	case s.Skew.Zoned:
		line += "They name a zone, so timezones does not change them: the clock or the zone of the device is wrong."
	case s.Relayed && s.Skew.Zone:
		line += "They name no zone, and the device has another one than its relay: let it send times with a zone (RFC 3339). " +
			"Where all hosts of the relay have this zone, set " + setting + "."
	case s.Skew.Zone:
		line += "They name no zone, and the device has another one than is configured: set " + setting +
			", where ZONE is the device's, such as Europe/Berlin. If the zone is right, its clock is wrong."
	default:
		line += "This is no difference of time zones: the clock of the device is wrong. If it is right, see timezones."
	}
	return line
}
