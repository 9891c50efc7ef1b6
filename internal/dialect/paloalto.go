package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// PAN-OS sends comma-separated lines behind a header of RFC 3164 or RFC 5424, with or
// without a host name. Custom formats (CEF, LEEF) and the cloud logging service (JSON)
// use the same port. The add-on for Splunk reads columns by their position, so the event
// is the CSV without the header.

// panType says where a log type has its columns, counted from 0. A line of an older
// release has fewer columns.
type panType struct {
	class ClassID
	// device is the column with the name of the firewall (dvc_name), or 0. The header of
	// a line that Panorama forwards names Panorama.
	device int
	// time is the column with high_res_time or, for GlobalProtect, event_time, in ISO 8601
	// with offset; or 0.
	time int
}

const (
	panReceived  = 1 // receive_time of the log collector
	panTypeAt    = 3
	panGenerated = 6 // generated_time, in the device's zone, which is not in the line
	// panShift is by how many columns PAN-OS 9.1.0 to 9.1.2 (GlobalProtect) and 8.0.5
	// (HIP match) shift the type and generated_time: they write sequence number and
	// action flags before the type, not behind it.
	panShift = 2
)

// panTypeOf returns the log type of a word.
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

// readPAN reads a line of PAN-OS. comma is the end of its first column.
func readPAN(p []byte, comma int, r *Result) bool {
	future := comma == 1 && syslog.IsDigit(p[0])
	dated := isSlashDate(p[comma+1:])
	if !future && !dated {
		return false
	}
	c := body.Columns{Line: p}
	received := c.At(panReceived)
	name := c.At(panTypeAt)
	t, ok := panTypeOf(name)
	generated := panGenerated
	if !ok && future && dated {
		if shifted, isType := panTypeOf(c.At(panTypeAt + panShift)); isType {
			t, ok, generated = shifted, true, panGenerated+panShift
		}
	}
	if !ok {
		if !future || !dated {
			return false
		}
		t.class = PANLog
		r.Unparsed = !isLogType(name)
	}
	r.setClass(t.class, ByColumn)
	r.Body = p
	setPAN(&c, t, generated, received, r)
	return true
}

// setPAN sets time and host from the columns behind the type. The columns can only be read
// forwards.
func setPAN(c *body.Columns, t panType, generated int, received []byte, r *Result) {
	local, _ := syslog.ParseSlash(c.At(generated))
	header := r.TimeBy != ByNothing
	switch {
	case r.setTime(local, ByColumn), header:
	default:
		at, _ := syslog.ParseSlash(received)
		r.setTime(at, ByColumn)
	}
	if t.device != 0 && (t.time == 0 || t.device < t.time) {
		setPANDevice(c, t, r)
	}
	if t.time != 0 {
		precise, n := syslog.ParseISO(c.At(t.time))
		if n == 0 && !c.Ended() {
			precise = isoColumn(c.Line)
		}
		r.setTime(precise, ByColumn)
	}
	if t.device != 0 && t.time != 0 && t.device > t.time {
		setPANDevice(c, t, r)
	}
}

// isoColumn returns the first time of ISO 8601 that fills a column. It is needed because
// the braces of SD-WAN ("{link name, link tag, …}") are not quoted, and their commas
// shift the columns behind them. A time within braces is skipped: it is that of a link.
func isoColumn(line []byte) syslog.Stamp {
	for c := (body.Columns{Line: line}); ; {
		p := c.Next()
		if c.Ended() {
			return syslog.Stamp{}
		}
		if len(p) != 0 && p[0] == '{' {
			c.SkipTo('}')
			continue
		}
		if s, n := syslog.ParseISO(p); n != 0 && n == len(p) {
			return s
		}
	}
}

// setPANDevice sets the host to the name of the firewall. CONFIG lines that have the
// configuration before and after the change have two more columns before that name.
func setPANDevice(c *body.Columns, t panType, r *Result) {
	at := t.device
	if t.class == PANConfig && !syslog.IsNumber(c.At(16)) {
		at += 2
	}
	r.setHost(c.At(at), ByColumn)
}

// isSlashDate reports whether p begins with "2014/01/28".
func isSlashDate(p []byte) bool {
	return len(p) > 10 && p[4] == '/' && p[7] == '/' && syslog.IsDigit(p[0]) && syslog.IsDigit(p[3]) && syslog.IsDigit(p[5])
}

// isLogType reports whether p may be a log type of a later release.
func isLogType(p []byte) bool {
	for _, c := range p {
		if !syslog.IsUpper(c) && c != '-' && c != '_' {
			return false
		}
	}
	return len(p) > 2
}

// readPANCEF reads CEF of a firewall's custom format, of the cloud logging service or of
// an endpoint product.
func readPANCEF(c *body.CEF, r *Result) bool {
	switch string(c.Product) {
	case "Traps Agent":
		r.setClass(PANTraps, ByKey)
	case "Palo Alto Networks Cortex XSOAR":
		r.setClass(PANXSOAR, ByKey)
	default:
		r.setClass(PANCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.Complete, origin(c)
	setCEFTime(c, r)
	r.setHost(body.ExtensionWord(c.Extension, keyDVCHost), ByKey)
	return true
}

var (
	leefVendor  = []byte("|Palo Alto Networks|")
	leefDevTime = []byte("devTime=")
	leefDevice  = []byte("DeviceName=")
)

// readPANLEEF reads "LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|8.1.6|…".
// LEEF of other vendors has no marker.
func readPANLEEF(p []byte, r *Result) bool {
	if !bytes.Contains(head(p, 64), leefVendor) {
		return false
	}
	r.setClass(PANLEEF, ByKey)
	r.setTime(syslog.ParseAny(body.LEEFValue(p, leefDevTime)), ByKey)
	r.setHost(body.LEEFValue(p, leefDevice), ByKey)
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

// isPANJSON reports whether an object comes from the cloud logging service.
func isPANJSON(p []byte) bool {
	if body.JSONHas(p, jsonLogType) && (body.JSONHas(p, jsonDeviceSN) || body.JSONHas(p, jsonLogTime) || body.JSONHas(p, jsonReceived)) {
		return true
	}
	return equalFold(body.JSONValue(p, jsonVendorName), vendorNamePaloA)
}

// readPANJSON reads an object of the cloud logging service.
func readPANJSON(p []byte, r *Result) bool {
	r.setClass(PANJSON, ByKey)
	for _, key := range [...][]byte{jsonHighRes, jsonGenerated, jsonLogTime, jsonReceived} {
		if v := body.JSONValue(p, key); len(v) != 0 && r.setTime(syslog.ParseAny(v), ByKey) {
			break
		}
	}
	r.setHost(body.JSONValue(p, jsonDeviceName), ByKey)
	return true
}

// ownPAN reads lines without a marker on the PAN-OS port. PAN-OS has none.
func ownPAN(l *line, r *Result) bool {
	return readLinux(l, r)
}
