package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// snareTag begins the columns of Snare.
const snareTag = "MSWinEventLog"

// escapedTab is a tab that rsyslog has escaped.
const escapedTab = "#011"

var snareMarker = []byte(snareTag)

// The columns that are read, counted from the tag.
const (
	snareTime     = 4
	snareComputer = 10
)

// readSnare reads "MSWinEventLog⇥1⇥Security⇥…" and its variants. p begins with the tag.
// host is the column before the tag, which is there if the line has no syslog header.
func readSnare(p, host []byte, r *Result) bool {
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
	if rest[0] == ' ' && sep[0] != ' ' { // a relay kept only the first separator
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
			return readSnareJSON(col, r)
		}
		if i < snareTime && timeAt == snareTime && len(col) >= cutTime { // rsyslog has cut the columns before it
			if s := cutAsctime(col); !s.IsZero() {
				timeAt = i
				r.setAgentTime(s, ByColumn)
				continue
			}
		}
		switch i {
		case timeAt:
			r.setAgentTime(asctime(col), ByColumn)
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

// snareSeparator returns what separates the columns: a tab, a tab that a relay escaped,
// or the '|' of a configured agent. Runs of spaces replace tabs in text that was copied
// from a screen.
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

// skipRun skips one separator, or a whole run of spaces.
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

// asctime reads the time of Snare, "Fri Jan 28 13:33:30 2022", with any number of spaces.
func asctime(p []byte) syslog.Stamp {
	s, _ := syslog.ParseAsctime(p)
	return s
}

// cutAsctime reads the time in columns that a forwarding template of rsyslog has cut. The
// template cuts a tag at 32 characters, and for rsyslog the tag goes up to the first
// space: "…#011Security#0 Nov 30 07:10:07 2026".
// p is not shorter than the time.
func cutAsctime(p []byte) syslog.Stamp {
	s, n := syslog.ParseBSD(p[len(p)-cutTime:])
	if n != cutTime || s.Year == 0 {
		return syslog.Stamp{}
	}
	return s
}

// cutTime is the length of a time that a template of rsyslog has cut.
const cutTime = len("Nov 30 07:10:07 2026")

// readSnareJSON reads the object that newer agents write behind the tag.
func readSnareJSON(p []byte, r *Result) bool {
	r.setAgentTime(syslog.ParseAny(body.JSONValue(p, jsonEventTime)), ByKey)
	if !r.setHost(body.JSONValue(p, jsonComputer), ByKey) {
		r.setHost(body.JSONValue(p, jsonHostname), ByKey)
	}
	return true
}
