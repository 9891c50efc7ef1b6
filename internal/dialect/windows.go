package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// Windows has no syslog of its own: agents send its event log as tab separated
// columns (Snare, NXLog), as JSON (NXLog), as XML, as CEF, or as plain text.

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
