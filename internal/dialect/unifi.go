package dialect

import (
	"bytes"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/syslog"
)

// Every UniFi device sends its own messages; the consoles also send CEF. Access points and
// switches write a device tag instead of the program tag: "mac,model-firmware" (firmware
// 5 and later) or "model,mac,vfirmware" (before). Gateways write the host name twice, and
// firewall lines of new gateways have no program.

// readUniFi reads a line whose text begins with a device tag.
func readUniFi(p []byte, r *Result) bool {
	n, host, ok := deviceTag(p)
	if !ok {
		return false
	}
	text := p[n:]
	for len(text) != 0 && (text[0] == ':' || text[0] == ' ' || text[0] == '"' || text[0] == ')') {
		text = text[1:]
	}
	if host != nil && !isModel(host) {
		r.setHost(host, ByDeviceTag)
	}
	r.setClass(unifiClass(text), ByDeviceTag)
	r.Source = programOf(text)
	return true
}

// deviceTag returns the length of a device tag: "mac,model-1.2.3+45", "mac,v1.2.3" or
// "name,mac,v1.2.3", with or without the parentheses and quotes of old firmware. name is
// the model, or the name that the administrator gave the device.
func deviceTag(p []byte) (n int, name []byte, ok bool) {
	i := 0
	for i < len(p) && i < 2 && (p[i] == '(' || p[i] == '"') {
		i++
	}
	first := bytes.IndexByte(head(p[i:], 64), ',')
	if first < 1 {
		return 0, nil, false
	}
	if isMAC(p[i : i+first]) {
		end := i + first + 1 + tagEnd(p[i+first+1:])
		return end, nil, isFirmware(p[i+first+1:end]) || end == cutTag && p[i+first+1] == 'U'
	}
	mac := i + first + 1
	if len(p) < mac+15 || p[mac+12] != ',' || !isMAC(p[mac:mac+12]) {
		return 0, nil, false
	}
	end := mac + 13 + tagEnd(p[mac+13:])
	return end, p[i : i+first], isFirmware(p[mac+13 : end])
}

// cutTag is the length at which the forwarding templates of rsyslog cut a tag. With a
// long model name the firmware is cut.
const cutTag = 32

// tagEnd returns the length of the model and firmware part of a device tag.
func tagEnd(p []byte) int {
	for i, c := range head(p, 80) {
		if c == ' ' || c == ':' || c == '"' || c == ')' || c == '\t' {
			return i
		}
	}
	return len(head(p, 80))
}

// isMAC reports whether p is a MAC address without separators.
func isMAC(p []byte) bool {
	if len(p) != 12 {
		return false
	}
	for _, c := range p {
		if !syslog.IsHex(c) {
			return false
		}
	}
	return true
}

// isFirmware reports whether p is "v4.0.66.10832" or "UAP-AC-LR-6.7.41+15623". The
// version begins at the last dash, because the model has dashes too.
func isFirmware(p []byte) bool {
	v := p[bytes.LastIndexByte(p, '-')+1:]
	if len(v) > 1 && v[0] == 'v' {
		v = v[1:]
	}
	dots := 0
	for _, c := range v {
		switch {
		case c == '.':
			dots++
		case c == '+':
			return dots >= 2
		case !syslog.IsDigit(c):
			return false
		}
	}
	return dots >= 2
}

// isModel reports whether p is the name of a model: "U7PG2", "US-8-60W", "UAP-nanoHD". In
// old firmware a device without a name writes its model.
func isModel(p []byte) bool {
	return len(p) > 2 && p[0] == 'U' && (syslog.IsUpper(p[1]) || syslog.IsDigit(p[1]))
}

// unifiClass returns the class of the text behind a device tag.
func unifiClass(text []byte) ClassID {
	program := programOf(text)
	switch string(program) {
	case "hostapd":
		if bytes.HasPrefix(text, hostapdATH) {
			return UniFiHostapd
		}
	case "dnsmasq":
		return UniFiDNS
	case "dnsmasq-dhcp", "dhcpd":
		return UniFiDHCP
	case "linkcheck":
		return UniFiLink
	case "kernel":
		if isFirewall(text) {
			return UniFiFirewall
		}
	case "wevent", "EVT_AP_STA_ASSOC_TRACKER_DBG", "wevent.ubnt_custom_event":
		if bytes.Contains(head(text, 128), customEvent) || program[0] == 'E' {
			return UniFiWireless
		}
	case "switch", "TRAPMGR":
		if bytes.Contains(head(text, 256), trapUtil) {
			return UniFiEdgeSwitch
		}
	}
	return UniFiDevice
}

var (
	hostapdATH  = []byte("hostapd: ath")
	customEvent = []byte("wevent.ubnt_custom_event():")
	trapUtil    = []byte("traputil.c(696) ")
)

// programOf returns the program of "prog[pid]: text", "/sbin/prog[pid]:" or "prog: text",
// or nil.
func programOf(p []byte) []byte {
	start := 0
	for i, c := range head(p, 64) {
		switch {
		case c == '/':
			start = i + 1
		case c == '[', c == ':', c == '(':
			return p[start:i]
		case nameByte[c] == 0:
			return nil
		}
	}
	return nil
}

// readUniFiCEF reads an event of a console. UNIFIutcTime is used before the header's
// time, which is UTC in some releases and local time in others. A header with a part too
// few, as UniFi OS has sent it, is unparsed.
func readUniFiCEF(c *body.CEF, r *Result) bool {
	switch string(c.Product) {
	case "UniFi OS":
		r.setClass(UniFiOSCEF, ByKey)
	case "UniFi Protect":
		r.setClass(UniFiProtectCEF, ByKey)
	default:
		r.setClass(UniFiCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.Complete, origin(c)
	keys := c.Extension
	if i := bytes.Index(keys, keyMsg); i >= 0 { // msg is the last key and is not escaped
		keys = keys[:i]
	}
	if v := body.Extension(keys, keyUTCTime); v == nil || !r.setTime(syslog.ParseAny(v), ByKey) {
		if v := body.Extension(keys, keyTimestamp); v != nil {
			r.setTime(syslog.ParseAny(v), ByKey)
		}
	}
	if len(r.Host) == 0 {
		r.setHost(body.ExtensionWord(keys, keyUNIFIHost), ByKey)
	}
	return true
}

var (
	keyUTCTime   = []byte(" UNIFIutcTime=")
	keyTimestamp = []byte(" timestamp=")
	keyUNIFIHost = []byte(" UNIFIhost=")
)

// isNetconsole reports whether p is a kernel line of netconsole, which has neither a time
// nor a host: "{f062 ec26} [12891.520815] ra0: …".
func isNetconsole(p []byte) bool {
	if len(p) < 14 || p[5] != ' ' || p[10] != '}' || p[11] != ' ' || p[12] != '[' {
		return false
	}
	for i := 1; i < 10; i++ {
		if i != 5 && !syslog.IsHex(p[i]) {
			return false
		}
	}
	return true
}

// ownUniFi reads lines without a marker on the UniFi port: daemons of gateways, firewall
// lines of all forms, EdgeRouters.
func ownUniFi(l *line, r *Result) bool {
	if !l.headed && (len(l.app) == 0 || !l.prioritised) {
		return false
	}
	text, app := l.tagged, l.app
	if len(app) == 0 {
		text = behindNames(l.text, r.Host)
		app = programOf(text)
	}
	r.Source = app
	r.setClass(daemonClass(app, text), ByPort)
	return true
}

// behindNames skips a repeated host name or a "facility.severity" at the front of text.
func behindNames(text, host []byte) []byte {
	if w, rest := syslog.Word(text); len(w) != 0 && (bytes.Equal(w, host) || syslog.IsLevel(w)) {
		return syslog.SkipBlanks(rest)
	}
	return text
}

// daemonClass returns the class of a line of a gateway by its program.
func daemonClass(app, text []byte) ClassID {
	switch string(app) {
	case "", "kernel", "fw", "ulogd":
		if isFirewall(text) {
			return UniFiFirewall
		}
		return UniFiDevice
	case "suricata":
		return UniFiThreat
	case "mcad":
		return UniFiMCAD
	case "sudo":
		return UniFiSudo
	}
	return unifiClass(text)
}
