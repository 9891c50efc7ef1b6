package desk

import (
	"strings"
	"time"

	"syslog-gateway/internal/stats/monitor"
)

const noteLevel = "note" // a finding that is odd, and no harm yet

// maxProblems is how many problems have a row.
const maxProblems = 8

// problem is a row of what is wrong.
type problem struct {
	monitor.Finding
	Word      string // its level, or that it has ended
	What, Why string // the text, cut where the reason begins
	For       string
	From      string
}

// healthView is what the section of health shows.
type healthView struct {
	Level    string // ok, warning, critical, or ready: nothing has come yet
	Sentence string
	Facts    string // what reassures on a calm day
	Problems []problem
	More     int
}

func (*Desk) healthView(r *Reading, _ Choice) any {
	v := healthView{Level: r.Health.Level, Sentence: headline(r), Facts: r.Health.Summary}
	if v.Level == "ok" && r.Totals.Received == 0 {
		v.Level = "ready"
	}
	for _, f := range r.Health.Findings {
		if len(v.Problems) == maxProblems {
			v.More++
			continue
		}
		one := problem{Finding: f, Word: f.Level, What: f.Text, For: ago(r.Now.Sub(f.Since)), From: clock(r.Now, f.Since)}
		if !f.Ended.IsZero() {
			one.Word, one.From = "ended", f.Ended.UTC().Format("15:04")
		}
		if i := strings.Index(f.Text, ": "); i >= 12 {
			one.What, one.Why = f.Text[:i], f.Text[i+2:]
		}
		v.Problems = append(v.Problems, one)
	}
	return v
}

// phrase is how the headline says findings of some kinds at a level.
type phrase struct {
	ids, level, text string
}

// phrases are all of the headline, by what matters most.
func phrases() []phrase {
	return []phrase{
		{"losing", "critical", "Events are being lost"},
		{"endpoint-down endpoints-aside posts-fail", "critical", "Splunk gets nothing"},
		{"senders-blocked shards-aside", "critical", "Senders are held back"},
		{"queue-fails queue-unreadable", "critical", "The queue has a fault"},
		{"queue-full", "critical", "The queue is full"},
		{"cluster-off", "critical", "The cluster takes nothing"},
		{"counts-differ", "critical", "The books do not balance"},
		{"lost", "warning", "Events were lost"},
		{"splunk-behind nothing-delivered", "warning", "Splunk takes less than comes in"},
		{"endpoint-down", "warning", "an endpoint is down"},
		{"posts-fail", "warning", "some posts to Splunk fail"},
		{"ports-closed", "warning", "not all ports are open"},
		{"queue-nearly-full", "warning", "the queue is nearly full"},
		{"low-space", "warning", "its disk has no room"},
		{"stream-off replica-behind forward-behind", "warning", "the cluster is not whole"},
		{"sender-floods", "warning", "a sender floods"},
		{"dead-letters", "warning", "Splunk refused events"},
		{"shards-aside endpoints-aside", "warning", "a part is set aside"},
		{"corrupt-records", "warning", "a part of the queue is damaged"},
		{"wrong-times", "warning", "times of a sender are wrong"},
		{"certificate", "warning", "a certificate needs a look"},
		{"reload-refused", "warning", "a reload was refused"},
		{"catching-up", noteLevel, "Splunk is catching up"},
		{"source-silent", noteLevel, "a source is silent"},
		{"sender-silent", noteLevel, "a sender is silent"},
		{"unrecognised", noteLevel, "many messages are not recognised"},
	}
}

// maxHeadline is how long two phrases together may be.
const maxHeadline = 70

// headline is the state in one plain sentence.
func headline(r *Reading) string {
	said := phrases()
	var chosen []string
	for _, p := range said {
		for _, f := range r.Health.Findings {
			if f.Ended.IsZero() && f.Level == p.level && strings.Contains(" "+p.ids+" ", " "+f.ID+" ") {
				chosen = append(chosen, p.text)
				break
			}
		}
	}
	switch {
	case r.Health.Level == "ok" && r.Totals.Received == 0:
		return "Ready. Nothing has been received yet."
	case r.Health.Level == "ok" && len(chosen) == 0 && neverSent(r):
		return "Events come in. Nothing has been sent to Splunk yet."
	case r.Health.Level == "ok" && len(chosen) == 0:
		return "All is well: everything that comes in goes out."
	case r.Health.Level == "ok":
		return "All is well, but " + chosen[0] + "."
	case len(chosen) == 0:
		return "Something needs a look."
	}
	sentence := strings.ToUpper(chosen[0][:1]) + chosen[0][1:]
	if len(chosen) > 1 {
		next := chosen[1]
		if !strings.HasPrefix(next, "Splunk") {
			next = strings.ToLower(next[:1]) + next[1:]
		}
		if len(sentence)+len(", and ")+len(next) < maxHeadline {
			sentence += ", and " + next
		}
	}
	return sentence + "."
}

// neverSent reports that no endpoint has had a request.
func neverSent(r *Reading) bool {
	for _, e := range r.Endpoints {
		if e.Requests > 0 {
			return false
		}
	}
	return r.Totals.Delivered == 0
}

// Alarm reports whether somebody should act.
func (v healthView) Alarm() bool { return v.Level == "warning" || v.Level == "critical" }

// Up is how long the gateway has been running.
func (r *Reading) Up() string { return ago(seconds(r.UptimeSeconds)) }

// StartedAt is when the gateway was started, for the top of the page.
func (r *Reading) StartedAt() string { return moment(r.Started) }

// Clock is the time of the reading.
func (r *Reading) Clock() string {
	if r.Now.IsZero() {
		return time.Time{}.Format("15:04:05 UTC")
	}
	return r.Now.UTC().Format("15:04:05 UTC")
}
