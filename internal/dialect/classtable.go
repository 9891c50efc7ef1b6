package dialect

// classTable says for each class what it is called and what Splunk gets of it.
// The default names are those that the add-ons for Splunk bind to; the others are
// those that Splunk Connect for Syslog gives the same message.
var classTable = [classCount]classRow{
	Fallback: {"fallback", productFallback, "", names{sourcetype: "syslog:fallback"},
		sc4sNames{names{"sc4s:fallback", "main", ""}, "splunk", "sc4s", "fallback"}},

	UniFiDevice:     unifiRow("unifi_device", "ubiquiti:unifi", "ubnt", "netops", ""),
	UniFiFirewall:   unifiRow("unifi_firewall", "ubiquiti:firewall", "ubnt:fw", "netfw", "fw"),
	UniFiThreat:     unifiRow("unifi_threat", "ubiquiti:firewall", "ubnt:threat", "netids", "threat"),
	UniFiLink:       unifiRow("unifi_link", "ubiquiti:unifi", "ubnt:link", "netops", "link"),
	UniFiDHCP:       unifiRow("unifi_dhcp", "ubiquiti:unifi", "ubnt:dhcp", "netops", "dhcp"),
	UniFiDNS:        unifiRow("unifi_dns", "ubiquiti:unifi", "ubnt:dns", "netops", "dns"),
	UniFiMCAD:       unifiRow("unifi_mcad", "ubiquiti:unifi", "ubnt:mcad", "netops", "mcad"),
	UniFiSudo:       unifiRow("unifi_sudo", "ubiquiti:unifi", "ubnt:sudo", "netops", "sudo"),
	UniFiHostapd:    unifiRow("unifi_hostapd", "ubiquiti:unifi", "ubnt:hostapd", "netops", "hostapd"),
	UniFiWireless:   unifiRow("unifi_wireless", "ubiquiti:unifi", "ubnt:wireless", "netops", "wireless"),
	UniFiEdgeSwitch: unifiRow("unifi_edgeswitch", "ubiquiti:unifi", "ubnt:edgeswitch", "netops", "edgeswitch"),
	UniFiNetconsole: unifiRow("unifi_netconsole", "ubiquiti:unifi", "ubnt", "netops", ""),
	UniFiCEF:        unifiCEFRow("unifi_cef"),
	UniFiOSCEF:      unifiCEFRow("unifi_os_cef"),
	UniFiProtectCEF: unifiCEFRow("unifi_protect_cef"),

	PANTraffic:       panRow("pan_traffic", "pan:traffic", "netfw", "traffic"),
	PANThreat:        panRow("pan_threat", "pan:threat", "netproxy", "threat"),
	PANSystem:        panRow("pan_system", "pan:system", "netops", "system"),
	PANConfig:        panRow("pan_config", "pan:config", "netops", "config"),
	PANHIPMatch:      panRow("pan_hipmatch", "pan:hipmatch", "epintel", "hipmatch"),
	PANCorrelation:   panRow("pan_correlation", "pan:correlation", "netops", "correlation"),
	PANUserID:        panRow("pan_userid", "pan:userid", "netauth", "userid"),
	PANGlobalProtect: panRow("pan_globalprotect", "pan:globalprotect", "netfw", "globalprotect"),
	PANDecryption:    panRow("pan_decryption", "pan:decryption", "netops", "decryption"),
	PANAuth:          panRow("pan_auth", "pan:auth", "netauth", "authentication"),
	PANLog:           panRow("pan_log", "pan:log", "netops", ""),
	PANCEF: {"pan_cef", productPAN, familyPAN, names{sourcetype: "pan:log"},
		sc4sNames{names{"cef", "main", ""}, fromCEF, fromCEF, fromCEF}},
	PANLEEF: panRow("pan_leef", "pan:log", "netops", ""),
	PANJSON: panRow("pan_json", "pan:log", "netops", ""),
	PANTraps: {"pan_traps", "paloalto_traps", familyPAN, names{sourcetype: "pan:log"},
		sc4sNames{names{"pan:traps4", "epintel", "CEFEventLog:Microsoft Windows"}, fromCEF, fromCEF, fromCEF}},
	PANXSOAR: {"pan_xsoar", "paloalto_xsoar", familyPAN, names{sourcetype: "pan:log"},
		sc4sNames{names{"pan:xsoar", "epintel", ""}, fromCEF, fromCEF, fromCEF}},

	CiscoASA:       ciscoRow("cisco_asa", productASA, "cisco:asa", "netfw", "asa"),
	CiscoFTD:       ciscoRow("cisco_ftd", productFTD, "cisco:ftd", "netfw", "ftd"),
	CiscoPIX:       ciscoRow("cisco_pix", "cisco_pix", "cisco:pix", "netfw", "pix"),
	CiscoFWSM:      ciscoRow("cisco_fwsm", "cisco_fwsm", "cisco:fwsm", "netfw", "fwsm"),
	CiscoIOS:       ciscoRow("cisco_ios", "cisco_ios", "cisco:ios", "netops", "ios"),
	CiscoFirepower: ciscoRow("cisco_firepower", "cisco_firepower", "cisco:firepower:syslog", "netids", "firepower"),

	LinuxSyslog: linuxRow("linux_syslog", "syslog"),
	LinuxSecure: linuxRow("linux_secure", "linux_secure"),
	LinuxAudit:  linuxRow("linux_audit", "linux_audit"),

	WindowsXML: {"windows_xml", productWindows, familyWindows, names{sourcetype: "XmlWinEventLog", source: "XmlWinEventLog:"},
		sc4sNames{names{"sc4s:fallback", "main", ""}, "splunk", "sc4s", "fallback"}},
	WindowsSnare: {"windows_snare", productWindows, familyWindows, names{sourcetype: "windows:snare:syslog"},
		sc4sNames{names{"nix:syslog", "osnix", "program:MSWinEventLog"}, "nix", "syslog", ""}},
	WindowsNXLogJSON: {"windows_nxlog_json", productWindows, familyWindows, names{sourcetype: "windows:nxlog:json"},
		sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}},
	WindowsCEF:         windowsCEFRow("windows_cef", "oswinsec", "CEFEventLog:Microsoft Windows"),
	WindowsCEFApp:      windowsCEFRow("windows_cef_app", "oswin", "CEFEventLog:System or Application Event"),
	WindowsCEFCAS:      windowsCEFRow("windows_cef_cas", "main", "microsoft:cas"),
	WindowsCEFArcSight: windowsCEFRow("windows_cef_arcsight", "main", "ArcSight:ArcSight"),
	WindowsCEFOther:    windowsCEFRow("windows_cef_other", "main", ""),
	WindowsSyslog: {"windows_syslog", productWindows, familyWindows, names{sourcetype: "syslog"},
		sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}},
}

func unifiRow(name, sourcetype, sc4s, index, class string) classRow {
	row := classRow{name, productUniFi, familyUniFi, names{sourcetype: sourcetype},
		sc4sNames{names{sc4s, index, ""}, "ubiquiti", "unifi", class}}
	if sourcetype == "ubiquiti:firewall" {
		row.standard.index = firewallIndex
	}
	return row
}

func unifiCEFRow(name string) classRow {
	return classRow{name, productUniFi, familyUniFi, names{sourcetype: "ubiquiti:unifi"},
		sc4sNames{names{"cef", "main", ""}, fromCEF, fromCEF, fromCEF}}
}

func panRow(name, sourcetype, index, class string) classRow {
	return classRow{name, productPAN, familyPAN, names{sourcetype: sourcetype},
		sc4sNames{names{sourcetype, index, ""}, "pan", "panos", class}}
}

func ciscoRow(name, product, sourcetype, index, sc4sProduct string) classRow {
	return classRow{name, product, familyCisco, names{sourcetype: sourcetype},
		sc4sNames{names{sourcetype, index, ""}, "cisco", sc4sProduct, ""}}
}

func linuxRow(name, sourcetype string) classRow {
	return classRow{name, productLinux, familyLinux, names{sourcetype: sourcetype},
		sc4sNames{names{"nix:syslog", "osnix", "program:"}, "nix", "syslog", ""}}
}

func windowsCEFRow(name, index, source string) classRow {
	return classRow{name, productWindows, familyWindows, names{sourcetype: "cef"},
		sc4sNames{names{"cef", index, source}, fromCEF, fromCEF, fromCEF}}
}
