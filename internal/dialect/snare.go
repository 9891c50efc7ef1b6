package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

const snareTag = "MSWinEventLog"

// escapedTab is what rsyslog makes of a tab.
const escapedTab = "#011"

var snareMark = []byte(snareTag)

// Columns of Snare, counted from the tag.
const (
	snareTime     = 4
	snareComputer = 10
)

// snare reads "MSWinEventLog⇥1⇥Security⇥…" and its dialects. p begins with the
// tag; host is the column in front of it, where there is no syslog header.
func (l *line) snare(p, host []byte, r *Result) bool {
	rest := p[len(snareTag):]
	sep := snareSeparator(rest)
	if sep == nil {
		return false
	}
	r.setClass(WindowsSnare, ByColumn)
	r.Source = p[:len(snareTag)]
	if len(r.Host) == 0 {
		r.setHost(host, ByColumn)
	}
	if rest[0] == ' ' && sep[0] != ' ' { // a relay kept the first separator only
		rest = rest[1:]
	} else {
		rest = skipRun(rest, sep)
	}
	const toComputer = snareComputer - snareTime
	timeAt := snareTime
	for i := 1; i <= timeAt+toComputer; i++ {
		col := rest
		end := bytes.Index(rest, sep)
		if end >= 0 {
			col, rest = rest[:end], skipRun(rest[end:], sep)
		}
		if i == 2 && len(col) != 0 && col[0] == '{' {
			return l.snareJSON(col, r)
		}
		if i < snareTime && timeAt == snareTime { // rsyslog has cut the columns before it
			if s := cutAsctime(col); !s.IsZero() {
				timeAt = i
				l.agentTime(s, ByColumn, r)
				continue
			}
		}
		switch i {
		case timeAt:
			l.agentTime(asctime(col), ByColumn, r)
		case timeAt + toComputer:
			r.setHost(col, ByColumn)
		}
		if end < 0 {
			r.Unparsed = i < timeAt
			return true
		}
	}
	return true
}

// snareSeparator finds what stands between the columns: a tab, what a relay made
// of it, or the '|' of a configured agent. Runs of blanks stand for the tabs in
// text that went through a screen.
func snareSeparator(rest []byte) []byte {
	front := head(rest, 24)
	for _, sep := range snareSeparators {
		if bytes.Contains(front, sep) {
			return sep
		}
	}
	return nil
}

var snareSeparators = [...][]byte{[]byte("\t"), []byte(escapedTab), []byte(`\t`), []byte("|"), []byte("  ")}

// skipRun skips one separator; of blanks the whole run.
func skipRun(p, sep []byte) []byte {
	if !bytes.HasPrefix(p, sep) {
		return p
	}
	p = p[len(sep):]
	for sep[0] == ' ' && len(p) != 0 && p[0] == ' ' {
		p = p[1:]
	}
	return p
}

// asctime reads the time of Snare: "Fri Jan 28 13:33:30 2022", with blanks in any
// number.
func asctime(p []byte) syslog.Stamp {
	s, _ := syslog.ParseAsctime(p)
	return s
}

// cutAsctime reads what rsyslog's forwarding templates leave of the columns up to the
// time. They cut a tag at 32 characters, and to rsyslog all up to the first blank is
// the tag: "…#011Security#0 Nov 30 07:10:07 2026".
func cutAsctime(p []byte) syslog.Stamp {
	const length = len("Nov 30 07:10:07 2026")
	if len(p) < length {
		return syslog.Stamp{}
	}
	s, n := syslog.ParseBSD(p[len(p)-length:])
	if n != length || s.Year == 0 {
		return syslog.Stamp{}
	}
	return s
}

// agentTime takes the time that an agent wrote into the event. It is local and
// has no zone, so a header time that has one is the better of the two.
func (l *line) agentTime(s syslog.Stamp, by Reason, r *Result) {
	if s.Kind == syslog.Local && (r.Stamp.Kind == syslog.Fixed || r.Stamp.Kind == syslog.Unix) {
		return
	}
	r.setTime(s, by)
}

// snareJSON reads the object that newer agents put behind the tag.
func (l *line) snareJSON(p []byte, r *Result) bool {
	l.agentTime(anyTime(jsonValue(p, jsonEventTime)), ByKey, r)
	if !r.setHost(jsonValue(p, jsonComputer), ByKey) {
		r.setHost(jsonValue(p, jsonHostname), ByKey)
	}
	return true
}
