package mix

// unifiLines resemble UniFi gateways (firewall and daemons), access points,
// switches and the CEF of the Network application.
func unifiLines() []string {
	const (
		gw     = `%{same gw Dream-Router|UDM-Pro-HQ|UDM-Pro-HQ|UDM-Pro-HQ}`
		ap     = `%{same ap U7-Pro-Lobby 8cede1889798,U7-Pro-8.0.7+17200|U6-Lite-Attic 245a4c7712e0,U6-Lite-6.6.77+15402|U6-LR-Hall 784558a1b3c4,U6-LR-6.6.77+15402|nanoHD-Meeting e063daccbd48,UAP-nanoHD-6.7.41+15623}`
		sw     = `%{same sw USW-Core 74fa291da5f2,USW-Pro-Max-16-PoE-7.1.26+15869|USW-Rack2 d021f9b04411,USW-24-PoE-7.1.26+15869}`
		vap    = `%{pick wifi0ap0|wifi0ap1|wifi1ap0|wifi1ap1}`
		marker = ` %{marker}`
		packet = `LEN=%{pick 60|52|1378|76|40} TOS=00 PREC=0x00 TTL=%{pick 63|64|127|52} ID=%{n 1 65535} DF `
	)
	return []string{
		`<13>%{bsd} ` + gw + ` [%{pick WAN_LOCAL-D-2147483647|LAN_CUSTOM1-A-10000|CUSTOM1_WAN-A-10003}] DESCR="%{pick Block invalid|Allow all|no rule description}" IN=br%{pick 0|10|20} OUT=eth8 MAC=9c:05:d6:4e:1a:20:%{mac}:08:00 SRC=%{lan} DST=%{wan} ` +
			packet + `PROTO=TCP SPT=%{sport} DPT=%{dport} SEQ=%{n 100000000 4294967295} ACK=0 WINDOW=64240 SYN URGP=0 MARK=1a0000` + marker,
		`<4>%{bsd} USG-Branch kernel: [WAN_LOCAL-default-D]IN=eth0 OUT= MAC=18:e8:29:4e:70:11:00:01:5c:9a:22:46:08:00 SRC=%{wan} DST=203.0.113.24 ` +
			packet + `PROTO=UDP SPT=%{sport} DPT=%{dport} LEN=%{n 20 180}` + marker,
		`<13>%{bsd} ` + gw + ` [LAN_LOCAL-RET-2147483647] DESCR="no rule description" IN=br0 OUT= MAC=9c:05:d6:4e:1a:20:%{mac}:08:00 SRC=%{lan} DST=10.20.10.1 ` +
			packet + `PROTO=UDP SPT=%{sport} DPT=53 LEN=%{n 38 80} MARK=1a0000` + marker,
		`<13>%{bsd} ` + ap + `: hostapd[%{n 4400 4440}]: ` + vap + `: STA %{mac} %{pick IEEE 802.11: associated|IEEE 802.11: disassociated|RADIUS: starting accounting session|WPA: pairwise key handshake completed (RSN)}` + marker,
		`<30>%{bsd} ` + ap + `: mcad: mcad[%{n 2100 2140}]: wireless_agg_stats.log_sta_anomalies(): bssid=e2:63:da:ac:bd:4a radio=rai0 vap=rai2 sta=%{mac} satisfaction_now=%{n 40 99} anomalies=%{pick low_phy_rate|weak_signal|tcp_latency}` + marker,
		`<30>%{bsd} ` + ap + `: stahtd: stahtd[%{n 1980 1999}]: [STA-TRACKER].stahtd_dump_event(): {"message_type":"STA_ASSOC_TRACKER","mac":"%{mac}","vap":"` + vap + `","event_type":"%{pick success|soft failure|fixup}","assoc_status":"0","dns_resp_seen":"yes","ip_delta":"%{n 10000 900000}","note":"%{marker}"}`,
		`<27>%{bsd} ` + sw + `: switch: %{pick DOT1S: dot1sBpduReceive(): Discarding the BPDU on port|TRAPMGR: Link Up: Unit: 1 port|TRAPMGR: Link Down: Unit: 1 port} 0/%{n 1 24}` + marker,
		`<30>%{bsd} ` + ap + `: wevent[%{n 2200 2240}]: wevent.ubnt_custom_event(): EVENT_STA_%{pick JOIN|LEAVE} ` + vap + `: %{mac} / %{n 1 40}` + marker,
		`<14>%{bsd} ` + gw + ` CEF:0|Ubiquiti|UniFi Network|10.0.162|400|WiFi Client Connected|1|UNIFIcategory=Client Devices UNIFIclientMac=%{mac} UNIFIclientIp=%{lan} UNIFIwifiName=%{pick Office|Guest|IoT} UNIFIWiFiRssi=-%{n 44 81} UNIFIutcTime=%{iso}.%{digits 3}Z msg=%{user} connected to Office` + marker,
	}
}
