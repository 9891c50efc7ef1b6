package splunk

import "syslog-gateway/internal/dialect"

// row is what Splunk gets of a class, by each of the two profiles.
type row struct {
	standard names     // profile default
	sc4s     sc4sNames // profile sc4s
}

// names are the fields that every event has. An empty index is the index of the
// configured source, an empty source the usual one of the profile. A source that ends
// with ':' is completed by the message (dialect.Result.Source).
type names struct {
	sourcetype, index, source string
}

// sc4sNames adds the fields by which Splunk Connect for Syslog names vendor, product
// and class.
type sc4sNames struct {
	names
	vendor, product, class string
}

// fromCEF is the value that the CEF header of the message has.
const fromCEF = "<CEF>"

// firewallIndex is the index of firewall events whose device also sends others.
const firewallIndex = "firewall"

// table has the names of every class. Those of the profile default are the ones that
// the add-ons for Splunk are made for, those of sc4s the ones that Splunk Connect for
// Syslog gives the same message.
var table = [...]row{
	dialect.Fallback: {names{sourcetype: "syslog:fallback"},
		sc4sNames{names{"sc4s:fallback", "main", ""}, "splunk", "sc4s", "fallback"}},

	dialect.UniFiDevice:     unifi("ubiquiti:unifi", "ubnt", "netops", ""),
	dialect.UniFiFirewall:   unifi("ubiquiti:firewall", "ubnt:fw", "netfw", "fw"),
	dialect.UniFiThreat:     unifi("ubiquiti:firewall", "ubnt:threat", "netids", "threat"),
	dialect.UniFiLink:       unifi("ubiquiti:unifi", "ubnt:link", "netops", "link"),
	dialect.UniFiDHCP:       unifi("ubiquiti:unifi", "ubnt:dhcp", "netops", "dhcp"),
	dialect.UniFiDNS:        unifi("ubiquiti:unifi", "ubnt:dns", "netops", "dns"),
	dialect.UniFiMCAD:       unifi("ubiquiti:unifi", "ubnt:mcad", "netops", "mcad"),
	dialect.UniFiSudo:       unifi("ubiquiti:unifi", "ubnt:sudo", "netops", "sudo"),
	dialect.UniFiHostapd:    unifi("ubiquiti:unifi", "ubnt:hostapd", "netops", "hostapd"),
	dialect.UniFiWireless:   unifi("ubiquiti:unifi", "ubnt:wireless", "netops", "wireless"),
	dialect.UniFiEdgeSwitch: unifi("ubiquiti:unifi", "ubnt:edgeswitch", "netops", "edgeswitch"),
	dialect.UniFiNetconsole: unifi("ubiquiti:unifi", "ubnt", "netops", ""),
	dialect.UniFiCEF:        unifiCEF,
	dialect.UniFiOSCEF:      unifiCEF,
	dialect.UniFiProtectCEF: unifiCEF,

	dialect.PANTraffic:       pan("pan:traffic", "netfw", "traffic"),
	dialect.PANThreat:        pan("pan:threat", "netproxy", "threat"),
	dialect.PANSystem:        pan("pan:system", "netops", "system"),
	dialect.PANConfig:        pan("pan:config", "netops", "config"),
	dialect.PANHIPMatch:      pan("pan:hipmatch", "epintel", "hipmatch"),
	dialect.PANCorrelation:   pan("pan:correlation", "netops", "correlation"),
	dialect.PANUserID:        pan("pan:userid", "netauth", "userid"),
	dialect.PANGlobalProtect: pan("pan:globalprotect", "netfw", "globalprotect"),
	dialect.PANDecryption:    pan("pan:decryption", "netops", "decryption"),
	dialect.PANAuth:          pan("pan:auth", "netauth", "authentication"),
	dialect.PANLog:           pan("pan:log", "netops", ""),
	dialect.PANCEF: {names{sourcetype: "pan:log"},
		sc4sNames{names{"cef", "main", ""}, fromCEF, fromCEF, fromCEF}},
	dialect.PANLEEF: pan("pan:log", "netops", ""),
	dialect.PANJSON: pan("pan:log", "netops", ""),
	dialect.PANTraps: {names{sourcetype: "pan:log"},
		sc4sNames{names{"pan:traps4", "epintel", "CEFEventLog:Microsoft Windows"}, fromCEF, fromCEF, fromCEF}},
	dialect.PANXSOAR: {names{sourcetype: "pan:log"},
		sc4sNames{names{"pan:xsoar", "epintel", ""}, fromCEF, fromCEF, fromCEF}},

	dialect.CiscoASA:       cisco("cisco:asa", "netfw", "asa"),
	dialect.CiscoFTD:       cisco("cisco:ftd", "netfw", "ftd"),
	dialect.CiscoPIX:       cisco("cisco:pix", "netfw", "pix"),
	dialect.CiscoFWSM:      cisco("cisco:fwsm", "netfw", "fwsm"),
	dialect.CiscoIOS:       cisco("cisco:ios", "netops", "ios"),
	dialect.CiscoFirepower: cisco("cisco:firepower:syslog", "netids", "firepower"),

	dialect.LinuxSyslog: linux("syslog"),
	dialect.LinuxSecure: linux("linux_secure"),
	dialect.LinuxAudit:  linux("linux_audit"),

	dialect.WindowsXML: {names{sourcetype: "XmlWinEventLog", source: "XmlWinEventLog:"},
		sc4sNames{names{"sc4s:fallback", "main", ""}, "splunk", "sc4s", "fallback"}},
	dialect.WindowsSnare: {names{sourcetype: "windows:snare:syslog"},
		sc4sNames{names{"nix:syslog", "osnix", "program:MSWinEventLog"}, "nix", "syslog", ""}},
	dialect.WindowsNXLogJSON: {names{sourcetype: "windows:nxlog:json"},
		sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}},
	dialect.WindowsCEF:         windowsCEF("oswinsec", "CEFEventLog:Microsoft Windows"),
	dialect.WindowsCEFApp:      windowsCEF("oswin", "CEFEventLog:System or Application Event"),
	dialect.WindowsCEFCAS:      windowsCEF("main", "microsoft:cas"),
	dialect.WindowsCEFArcSight: windowsCEF("main", "ArcSight:ArcSight"),
	dialect.WindowsCEFOther:    windowsCEF("main", ""),
	dialect.WindowsSyslog: {names{sourcetype: "syslog"},
		sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}},
}

func unifi(sourcetype, sc4s, index, class string) row {
	r := row{names{sourcetype: sourcetype}, sc4sNames{names{sc4s, index, ""}, "ubiquiti", "unifi", class}}
	if sourcetype == "ubiquiti:firewall" {
		r.standard.index = firewallIndex
	}
	return r
}

var unifiCEF = row{names{sourcetype: "ubiquiti:unifi"}, sc4sNames{names{"cef", "main", ""}, fromCEF, fromCEF, fromCEF}}

func pan(sourcetype, index, class string) row {
	return row{names{sourcetype: sourcetype}, sc4sNames{names{sourcetype, index, ""}, "pan", "panos", class}}
}

func cisco(sourcetype, index, product string) row {
	return row{names{sourcetype: sourcetype}, sc4sNames{names{sourcetype, index, ""}, "cisco", product, ""}}
}

func linux(sourcetype string) row {
	return row{names{sourcetype: sourcetype}, sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}}
}

func windowsCEF(index, source string) row {
	return row{names{sourcetype: "cef"}, sc4sNames{names{"cef", index, source}, fromCEF, fromCEF, fromCEF}}
}
