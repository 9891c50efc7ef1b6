package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// Windows does not send syslog. Agents send its event log as tab-separated columns
// (Snare, NXLog), as JSON (NXLog), as XML, as CEF, or as plain text.

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

// isNXLogJSON reports whether an object is a Windows event with the keys of NXLog.
func isNXLogJSON(p []byte) bool {
	return body.JSONHas(head(p, 512), jsonEventTime) && body.JSONHas(p, jsonEventID) &&
		(body.JSONHas(p, jsonChannel) || body.JSONHas(p, jsonProviderGUID) || body.JSONHas(p, jsonSourceName))
}

// readNXLogJSON reads a Windows event of NXLog.
func readNXLogJSON(l *line, p []byte, r *Result) bool {
	r.setClass(WindowsNXLogJSON, ByKey)
	r.Source = l.app
	r.Unparsed = p[len(bytes.TrimRight(p, " \t\r\n"))-1] != '}'
	r.setAgentTime(syslog.ParseAny(body.JSONValue(p, jsonEventTime)), ByKey)
	if !r.setHost(body.JSONValue(p, jsonHostname), ByKey) && !r.setHost(body.JSONValue(p, jsonHOSTNAME), ByKey) {
		r.setHost(body.JSONValue(p, jsonComputer), ByKey)
	}
	return true
}

// behindProlog skips an XML declaration and the white space behind it.
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

// readWindowsXML reads an event in XML. The add-on for Splunk needs the element without
// anything before or behind it.
func readWindowsXML(p []byte, r *Result) bool {
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

// readWindowsCEF reads an event of a connector for the Windows event log.
func readWindowsCEF(c *body.CEF, r *Result) bool {
	switch {
	case bytes.EqualFold(c.Vendor, cefMCAS):
		r.setClass(WindowsCEFCAS, ByKey)
	case bytes.EqualFold(c.Vendor, cefArcSight):
		r.setClass(WindowsCEFArcSight, ByKey)
	case !bytes.EqualFold(c.Vendor, cefMicrosoft):
		r.setClass(WindowsCEFOther, ByKey)
	case string(c.Product) == "System or Application Event":
		r.setClass(WindowsCEFApp, ByKey)
	default:
		r.setClass(WindowsCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.Complete, origin(c)
	setCEFTime(c, r)
	if len(r.Host) == 0 {
		r.setHost(body.ExtensionWord(c.Extension, keyDVCHost), ByKey)
	}
	return true
}

var (
	nxlogData  = []byte("[NXLOG@14506 ")
	eventIDKey = []byte(` EventID="`)
)

// isNXLogData reports whether the structured data is that of a Windows event from NXLog.
func isNXLogData(sd []byte) bool {
	return bytes.HasPrefix(sd, nxlogData) && bytes.Contains(sd, eventIDKey)
}

// ownWindows reads lines without a marker on the Windows port: CEF of any vendor, JSON of
// Winlogbeat, and everything with a header.
func ownWindows(l *line, r *Result) bool {
	if i := bytes.Index(head(l.text, 128), []byte("CEF:")); i >= 0 {
		c := body.ParseCEF(l.text[i:])
		if len(c.Vendor) != 0 {
			return readWindowsCEF(&c, r)
		}
	}
	if body.IsObject(l.text) && body.JSONHas(l.text, jsonWinlog) {
		r.setClass(WindowsSyslog, ByKey)
		r.setTime(syslog.ParseAny(body.JSONValue(l.text, jsonAtTimestamp)), ByKey)
		r.setHost(body.JSONValue(l.text, jsonComputerName), ByKey)
		return true
	}
	if readLinux(l, r) {
		return true
	}
	if !l.headed && (len(l.app) == 0 || !l.prioritised) {
		return false
	}
	r.setClass(WindowsSyslog, ByPort)
	l.setProgram(r)
	return true
}
