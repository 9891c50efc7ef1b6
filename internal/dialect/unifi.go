package dialect

import (
	"bytes"

	"syslog-gateway/internal/syslog"
)

// UniFi devices send directly, each for itself; the consoles add CEF. Access
// points and switches put "mac,model-firmware" (firmware 5 and later) or
// "model,mac,vfirmware" (before) where the program tag belongs, gateways double
// the host name, and firewall lines of new gateways have no program at all.

// unifiTag reads a line whose text begins with a device tag.
func (l *line) unifiTag(p []byte, r *Result) bool {
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
	r.setClass(unifiTagged(text), ByDeviceTag)
	r.Source = programOf(text)
	return true
}

// deviceTag measures "mac,model-1.2.3+45", "mac,v1.2.3" and "name,mac,v1.2.3",
// with or without the parentheses and quotes of old firmware. name is the model
// or what the administrator called the device.
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

// cutTag is the length at which rsyslog's forwarding templates cut a tag: for long
// model names in front of the end of the firmware.
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

// isFirmware reports whether p is "v4.0.66.10832" or "UAP-AC-LR-6.7.41+15623": the
// model holds dashes and digits itself, so the last dash decides.
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

// isModel reports whether a name is a model's: "U7PG2", "US-8-60W", "UAP-nanoHD". A
// device that was not given a name calls itself by its model in old firmware.
func isModel(p []byte) bool {
	return len(p) > 2 && p[0] == 'U' && (syslog.IsUpper(p[1]) || syslog.IsDigit(p[1]))
}

// unifiTagged sorts a line with a device tag by what it says.
func unifiTagged(text []byte) ClassID {
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

// programOf cuts the program out of "prog[pid]: text", "/sbin/prog[pid]:" and
// "prog: text"; nil when p begins with none.
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

// unifiCEF reads an event of a console. UNIFIutcTime comes first: the header has
// been UTC in some releases and local time in others.
func (l *line) unifiCEF(c *cef, r *Result) bool {
	switch string(c.product) {
	case "UniFi OS":
		r.setClass(UniFiOSCEF, ByKey)
	case "UniFi Protect":
		r.setClass(UniFiProtectCEF, ByKey)
	default:
		r.setClass(UniFiCEF, ByKey)
	}
	r.Unparsed, r.CEF = !c.complete, c.origin()
	keys := c.extension
	if i := bytes.Index(keys, keyMsg); i >= 0 { // msg is last and not escaped
		keys = keys[:i]
	}
	if v := extensionValue(keys, keyUTCTime); v == nil || !r.setTime(anyTime(v), ByKey) {
		if v := extensionValue(keys, keyTimestamp); v != nil {
			r.setTime(anyTime(v), ByKey)
		}
	}
	if len(r.Host) == 0 {
		r.setHost(extensionWord(keys, keyUNIFIHost), ByKey)
	}
	return true
}

var (
	keyUTCTime   = []byte(" UNIFIutcTime=")
	keyTimestamp = []byte(" timestamp=")
	keyUNIFIHost = []byte(" UNIFIhost=")
)

// isNetconsole reports whether p is a kernel line of the netconsole switch:
// "{f062 ec26} [12891.520815] ra0: …". It has neither time nor host.
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

func (l *line) netconsole(r *Result) bool {
	r.setClass(UniFiNetconsole, ByShape)
	return true
}

// ownUniFi reads what came to the UniFi port without a mark: gateway daemons,
// firewall lines in all their forms, EdgeRouters.
func ownUniFi(l *line, r *Result) bool {
	if !l.headed && (len(l.app) == 0 || !l.prioritised) {
		return false
	}
	text, app := l.tagged, l.app
	if len(app) == 0 {
		text = l.behindNames(r)
		app = programOf(text)
	}
	r.Source = app
	r.setClass(unifiDaemon(app, text), ByPort)
	return true
}

// behindNames skips a doubled host name and a "facility.level" word.
func (l *line) behindNames(r *Result) []byte {
	text := l.text
	if w, rest := syslog.Word(text); len(w) != 0 && (bytes.Equal(w, r.Host) || syslog.IsLevel(w)) {
		text = syslog.SkipBlanks(rest)
	}
	return text
}

// unifiDaemon sorts a line of a gateway by its program.
func unifiDaemon(app, text []byte) ClassID {
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
	return unifiTagged(text)
}
