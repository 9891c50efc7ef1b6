package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// PAN-OS sends comma separated lines behind an RFC 3164 or RFC 5424 header, with
// or without a host name; custom formats (CEF, LEEF) and the cloud logging
// service (JSON) use the same port. The add-on for Splunk reads columns by their
// position, so the CSV is all that it gets.

// panType says where a log type has its columns, counted from 0. Columns are
// used only where a line has them: every release appends some.
type panType struct {
	class ClassID
	// device is the name of the firewall (dvc_name), 0 when the type has none. A
	// line that Panorama forwards has Panorama in the header.
	device int
	// time is high_res_time or, for GlobalProtect, event_time: ISO 8601 with offset.
	time int
}

const (
	panReceived  = 1 // receive_time: that of the log collector
	panTypeAt    = 3
	panGenerated = 6 // generated_time, in the device's zone, which is not written
	// panShift is by how many columns PAN-OS 9.1.0 to 9.1.2 (GlobalProtect) and
	// 8.0.5 (HIP match) shift the type and the generated time: they write sequence
	// number and action flags before the type instead of behind it.
	panShift = 2
)

// panTypeOf knows the log types. ok is false for words that are none.
func panTypeOf(p []byte) (t panType, ok bool) {
	switch string(p) {
	case "TRAFFIC":
		return panType{PANTraffic, 52, 102}, true
	case "THREAT":
		return panType{PANThreat, 59, 107}, true
	case "SYSTEM":
		return panType{PANSystem, 22, 25}, true
	case "CONFIG":
		return panType{PANConfig, 21, 25}, true
	case "HIPMATCH", "HIP-MATCH":
		return panType{PANHIPMatch, 24, 30}, true
	case "CORRELATION":
		return panType{PANCorrelation, 17, 0}, true
	case "USERID":
		return panType{PANUserID, 25, 33}, true
	case "GLOBALPROTECT":
		return panType{PANGlobalProtect, 47, 36}, true
	case "DECRYPTION":
		return panType{PANDecryption, 0, 72}, true
	case "AUTH", "AUTHENTICATION":
		return panType{PANAuth, 29, 33}, true
	case "SCTP", "GTP", "TUNNEL", "IPTAG", "AUDIT", "URL", "DATA", "WILDFIRE":
		return panType{PANLog, 0, 0}, true
	}
	return panType{}, false
}

// panCSV reads a PAN-OS line; comma is the end of its first column.
func (l *line) panCSV(p []byte, comma int, r *Result) bool {
	future := comma == 1 && syslog.IsDigit(p[0])
	dated := isSlashDate(p[comma+1:])
	if !future && !dated {
		return false
	}
	c := columns{line: p}
	received := c.at(panReceived)
	word := c.at(panTypeAt)
	t, ok := panTypeOf(word)
	generated := panGenerated
	if !ok && future && dated {
		if shifted, isType := panTypeOf(c.at(panTypeAt + panShift)); isType {
			t, ok, generated = shifted, true, panGenerated+panShift
		}
	}
	if !ok {
		if !future || !dated {
			return false
		}
		t.class = PANLog
		r.Unparsed = !isLogType(word)
	}
	r.setClass(t.class, ByColumn)
	r.Body = p
	l.panColumns(&c, t, generated, received, r)
	return true
}

// panColumns takes time and host out of the columns behind the type.
func (l *line) panColumns(c *columns, t panType, generated int, received []byte, r *Result) {
	local, _ := syslog.ParseSlash(c.at(generated))
	header := r.TimeBy != ByNothing
	switch {
	case r.setTime(local, ByColumn), header:
	default:
		at, _ := syslog.ParseSlash(received)
		r.setTime(at, ByColumn)
	}
	if t.device != 0 && (t.time == 0 || t.device < t.time) {
		panDevice(c, t, r)
	}
	if t.time != 0 {
		precise, n := syslog.ParseISO(c.at(t.time))
		if n == 0 && !c.ended {
			precise = isoColumn(c.line)
		}
		r.setTime(precise, ByColumn)
	}
	if t.device != 0 && t.time != 0 && t.device > t.time {
		panDevice(c, t, r)
	}
}

// isoColumn finds the column with a time of ISO 8601, wherever it is. The braces of
// SD-WAN ("{link name, link tag, …}") are not quoted, so that their commas shift the
// columns behind them; a time within them is that of the link.
func isoColumn(line []byte) syslog.Stamp {
	for c := (columns{line: line}); ; {
		p := c.at(c.index + 1)
		if c.ended {
			return syslog.Stamp{}
		}
		if len(p) != 0 && p[0] == '{' {
			if end := bytes.IndexByte(line[c.start:], '}'); end > 0 {
				c.start += end
			}
			continue
		}
		if s, n := syslog.ParseISO(p); n != 0 && n == len(p) {
			return s
		}
	}
}

// panDevice takes the firewall's name, which is not the header's when Panorama
// forwards. CONFIG lines with the configuration before and after the change have
// two more columns in front of it.
func panDevice(c *columns, t panType, r *Result) {
	at := t.device
	if t.class == PANConfig && !syslog.IsNumber(c.at(16)) {
		at += 2
	}
	r.setHost(c.at(at), ByColumn)
}

// isSlashDate reports whether p begins with "2014/01/28".
func isSlashDate(p []byte) bool {
	return len(p) > 10 && p[4] == '/' && p[7] == '/' && syslog.IsDigit(p[0]) && syslog.IsDigit(p[3]) && syslog.IsDigit(p[5])
}

// isLogType reports whether a word can be a log type of a later release.
func isLogType(p []byte) bool {
	for _, c := range p {
		if !syslog.IsUpper(c) && c != '-' && c != '_' {
			return false
		}
	}
	return len(p) > 2
}

// panCEF reads CEF of a firewall's custom format, of the cloud logging service or
// of an endpoint product.
func (l *line) panCEF(c *cef, r *Result) bool {
	switch string(c.product) {
	case "Traps Agent":
		r.setClass(PANTraps, ByKey)
	case "Palo Alto Networks Cortex XSOAR":
		r.setClass(PANXSOAR, ByKey)
	default:
		r.setClass(PANCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.complete, c.origin()
	c.eventTime(r)
	r.setHost(extensionWord(c.extension, keyDVCHost), ByKey)
	return true
}

var (
	leefVendor  = []byte("|Palo Alto Networks|")
	leefDevTime = []byte("devTime=")
	leefDevice  = []byte("DeviceName=")
)

// leef reads "LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|8.1.6|…"; that
// of other vendors has no mark.
func (l *line) leef(p []byte, r *Result) bool {
	if !bytes.Contains(head(p, 64), leefVendor) {
		return false
	}
	r.setClass(PANLEEF, ByKey)
	r.setTime(anyTime(leefValue(p, leefDevTime)), ByKey)
	r.setHost(leefValue(p, leefDevice), ByKey)
	return true
}

var (
	jsonLogType     = []byte(`"LogType"`)
	jsonDeviceSN    = []byte(`"DeviceSN"`)
	jsonVendorName  = []byte(`"VendorName"`)
	jsonHighRes     = []byte(`"TimeGeneratedHighResolution"`)
	jsonGenerated   = []byte(`"TimeGenerated"`)
	jsonLogTime     = []byte(`"LogTime"`)
	jsonReceived    = []byte(`"TimeReceived"`)
	jsonDeviceName  = []byte(`"DeviceName"`)
	vendorNamePaloA = "palo alto networks"
)

// isPANJSON reports whether an object is one of the cloud logging service.
func isPANJSON(p []byte) bool {
	if jsonHas(p, jsonLogType) && (jsonHas(p, jsonDeviceSN) || jsonHas(p, jsonLogTime) || jsonHas(p, jsonReceived)) {
		return true
	}
	return equalFold(jsonValue(p, jsonVendorName), vendorNamePaloA)
}

func (l *line) panJSON(p []byte, r *Result) bool {
	r.setClass(PANJSON, ByKey)
	for _, key := range [...][]byte{jsonHighRes, jsonGenerated, jsonLogTime, jsonReceived} {
		if v := jsonValue(p, key); len(v) != 0 && r.setTime(anyTime(v), ByKey) {
			break
		}
	}
	r.setHost(jsonValue(p, jsonDeviceName), ByKey)
	return true
}

// ownPAN reads what came to the PAN-OS port without a mark: nothing of its own.
func ownPAN(l *line, r *Result) bool {
	return linuxMarked(l, r)
}
