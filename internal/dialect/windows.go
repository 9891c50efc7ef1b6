package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// Windows has no syslog of its own: agents send its event log as tab separated
// columns (Snare, NXLog), as JSON (NXLog), as XML, as CEF, or as plain text.

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

var (
	jsonEventTime    = []byte(`"EventTime"`)
	jsonHostname     = []byte(`"Hostname"`)
	jsonHOSTNAME     = []byte(`"HOSTNAME"`)
	jsonComputer     = []byte(`"Computer"`)
	jsonEventID      = []byte(`"EventID"`)
	jsonChannel      = []byte(`"Channel"`)
	jsonProviderGUID = []byte(`"ProviderGuid"`)
	jsonSourceName   = []byte(`"SourceName"`)
	jsonWinlog       = []byte(`"winlog"`)
	jsonComputerName = []byte(`"computer_name"`)
)

// isNXLogJSON reports whether an object is an event of the Windows event log in
// NXLog's words.
func isNXLogJSON(p []byte) bool {
	return jsonHas(head(p, 512), jsonEventTime) && jsonHas(p, jsonEventID) &&
		(jsonHas(p, jsonChannel) || jsonHas(p, jsonProviderGUID) || jsonHas(p, jsonSourceName))
}

func (l *line) nxlogJSON(p []byte, r *Result) bool {
	r.setClass(WindowsNXLogJSON, ByKey)
	r.Source = l.app
	r.Unparsed = p[len(bytes.TrimRight(p, " \t\r\n"))-1] != '}'
	l.agentTime(anyTime(jsonValue(p, jsonEventTime)), ByKey, r)
	if !r.setHost(jsonValue(p, jsonHostname), ByKey) && !r.setHost(jsonValue(p, jsonHOSTNAME), ByKey) {
		r.setHost(jsonValue(p, jsonComputer), ByKey)
	}
	return true
}

// behindProlog skips the declaration of an XML document, and what separates it from
// the root element.
func behindProlog(p []byte) []byte {
	if !hasPrefix(p, "<?xml") {
		return p
	}
	i := bytes.Index(head(p, 256), prologEnd)
	if i < 0 {
		return p
	}
	return bytes.TrimLeft(p[i+len(prologEnd):], " \t\r\n")
}

var prologEnd = []byte("?>")

// isEvent reports whether p begins with the root element of a Windows event.
func isEvent(p []byte) bool {
	return hasPrefix(p, "<Event ") || hasPrefix(p, "<Event>")
}

var (
	eventEnd      = []byte("</Event>")
	systemEnd     = []byte("</System>")
	channelStart  = []byte("<Channel>")
	computerStart = []byte("<Computer>")
	systemTime    = []byte("SystemTime=")
)

// windowsXML reads a rendered event. The add-on wants the element alone, from the
// first byte to the last.
func (l *line) windowsXML(p []byte, r *Result) bool {
	r.setClass(WindowsXML, ByShape)
	r.Body = p
	system := head(p, 8192)
	if i := bytes.Index(system, systemEnd); i >= 0 {
		system = system[:i]
	}
	if i := bytes.LastIndex(p, eventEnd); i >= 0 {
		r.Body = p[:i+len(eventEnd)]
	} else {
		r.Unparsed = true
	}
	r.Source = within(system, channelStart, '<')
	r.setHost(within(system, computerStart, '<'), ByKey)
	if i := bytes.Index(system, systemTime); i >= 0 && len(system) > i+len(systemTime)+1 {
		s, _ := syslog.ParseISO(system[i+len(systemTime)+1:])
		r.setTime(s, ByKey)
	}
	return true
}

// windowsCEF reads an event of a connector for the Windows event log.
func (l *line) windowsCEF(c *cef, r *Result) bool {
	switch {
	case bytes.EqualFold(c.vendor, cefMCAS):
		r.setClass(WindowsCEFCAS, ByKey)
	case bytes.EqualFold(c.vendor, cefArcSight):
		r.setClass(WindowsCEFArcSight, ByKey)
	case !bytes.EqualFold(c.vendor, cefMicrosoft):
		r.setClass(WindowsCEFOther, ByKey)
	case string(c.product) == "System or Application Event":
		r.setClass(WindowsCEFApp, ByKey)
	default:
		r.setClass(WindowsCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.complete, c.origin()
	c.eventTime(r)
	if len(r.Host) == 0 {
		r.setHost(extensionWord(c.extension, keyDVCHost), ByKey)
	}
	return true
}

// windowsSyslog reads the plain text of an agent that marks it by its tag.
func (l *line) windowsSyslog(r *Result) bool {
	r.setClass(WindowsSyslog, ByTag)
	r.Source = l.app
	return true
}

var (
	nxlogData  = []byte("[NXLOG@14506 ")
	eventIDKey = []byte(` EventID="`)
)

// isNXLogData reports whether the structured data is that of a Windows event sent
// by NXLog.
func isNXLogData(sd []byte) bool {
	return bytes.HasPrefix(sd, nxlogData) && bytes.Contains(sd, eventIDKey)
}

// ownWindows reads what came to the Windows port without a mark: CEF of any
// vendor, JSON of Winlogbeat, and everything with a header.
func ownWindows(l *line, r *Result) bool {
	if i := bytes.Index(head(l.text, 128), []byte("CEF:")); i >= 0 {
		c := parseCEF(l.text[i:])
		if len(c.vendor) != 0 {
			return l.windowsCEF(&c, r)
		}
	}
	if isObject(l.text) && jsonHas(l.text, jsonWinlog) {
		r.setClass(WindowsSyslog, ByKey)
		r.setTime(anyTime(jsonValue(l.text, jsonAtTimestamp)), ByKey)
		r.setHost(jsonValue(l.text, jsonComputerName), ByKey)
		return true
	}
	if linuxMarked(l, r) {
		return true
	}
	if !l.headed && (len(l.app) == 0 || !l.prioritised) {
		return false
	}
	r.setClass(WindowsSyslog, ByPort)
	l.setProgram(r)
	return true
}
