package syslog

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"
)

// scanCase is a message and what Scan must find in it.
type scanCase struct {
	name                  string // row of the table of header shapes, or device
	in                    string
	pri                   int
	shape                 Shape
	stamp                 string // as describe writes it
	flag                  byte
	host, app, pid, msgID string
	sd                    string
	content               string
}

// describe writes a stamp as "2026-03-14 14:28:52.123 +3600" with only the parts
// that it has.
func describe(s Stamp) string {
	fraction := ""
	if s.Nanos != 0 {
		fraction = "." + string(bytes.TrimRight(fmt.Appendf(nil, "%09d", s.Nanos), "0"))
	}
	switch s.Kind {
	case NoTime:
		return ""
	case Unix:
		return fmt.Sprintf("@%d%s", s.Secs, fraction)
	default: // written below
	}
	text := fmt.Sprintf("%02d-%02d %02d:%02d:%02d%s", s.Month, s.Day, s.Hour, s.Minute, s.Second, fraction)
	if s.Year != 0 {
		text = fmt.Sprintf("%04d-%s", s.Year, text)
	}
	if s.Kind == Fixed {
		text += fmt.Sprintf(" %+d", s.Offset)
	}
	return text
}

var scanCases = []scanCase{
	// The shapes.
	{name: "H1", in: "<86>Nov 18 16:33:41 router-a sudo: pam_unix(sudo:session): opened", pri: 86, shape: BSD, stamp: "11-18 16:33:41", host: "router-a", app: "sudo", content: "pam_unix(sudo:session): opened"},
	{name: "H1 pid", in: "<38>Jun  9 06:18:00 web1 sshd[7210]: Accepted publickey", pri: 38, shape: BSD, stamp: "06-09 06:18:00", host: "web1", app: "sshd", pid: "7210", content: "Accepted publickey"},
	{name: "H1 bracket in the tag", in: "<86>Jun  9 06:18:00 web1 gdm-password][812]: pam_unix", pri: 86, shape: BSD, stamp: "06-09 06:18:00", host: "web1", app: "gdm-password", pid: "812", content: "pam_unix"},
	{name: "H1 IPv4 host", in: "<38>Jun  9 06:18:00 192.0.2.7 sshd[7210]: x", pri: 38, shape: BSD, stamp: "06-09 06:18:00", host: "192.0.2.7", app: "sshd", pid: "7210", content: "x"},
	{name: "H1 IPv4 host in brackets", in: "<38>Jun  9 06:18:00 [192.0.2.7] sshd[7210]: x", pri: 38, shape: BSD, stamp: "06-09 06:18:00", host: "[192.0.2.7]", app: "sshd", pid: "7210", content: "x"},
	{name: "H1 IPv6 host", in: "<38>Jun  9 06:18:00 2001:db8::7 sshd[7210]: x", pri: 38, shape: BSD, stamp: "06-09 06:18:00", host: "2001:db8::7", app: "sshd", pid: "7210", content: "x"},
	{name: "H1 nil host", in: "<38>Jun  9 06:18:00 - sshd[7210]: x", pri: 38, shape: BSD, stamp: "06-09 06:18:00", app: "sshd", pid: "7210", content: "x"},
	{name: "H2", in: "<86>Nov 18 16:33:06 dropbear[25092]: Child connection from", pri: 86, shape: BSD, stamp: "11-18 16:33:06", app: "dropbear", pid: "25092", content: "Child connection from"},
	{name: "H2 no pid", in: "<86>Nov 18 16:33:06 kernel: eth0 up", pri: 86, shape: BSD, stamp: "11-18 16:33:06", app: "kernel", content: "eth0 up"},
	{name: "H3", in: "Dec 17 12:23:16 Dream-Router CEF:0|Ubiquiti|UniFi Network|10.0.162|544|Admin|1|src=192.0.2.1 msg=a: b", pri: -1, shape: BSD, stamp: "12-17 12:23:16", host: "Dream-Router", content: "CEF:0|Ubiquiti|UniFi Network|10.0.162|544|Admin|1|src=192.0.2.1 msg=a: b"},
	{name: "H4", in: "<111> Mar 14 14:28:52 web1 cron[1]: (root) CMD", pri: 111, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "cron", pid: "1", content: "(root) CMD"},
	{name: "H5", in: "<164>Jan 30 2021 07:24:13: %ASA-4-402117: IPSEC: Rejected", pri: 164, shape: BSD, stamp: "2021-01-30 07:24:13", content: "%ASA-4-402117: IPSEC: Rejected"},
	{name: "H5 host", in: "<166>Mar 14 2026 14:28:52 fw1 : %ASA-6-302013: Built", pri: 166, shape: BSD, stamp: "2026-03-14 14:28:52", host: "fw1", content: "%ASA-6-302013: Built"},
	{name: "H6", in: "<6>AUG 10 22:18:24 2009  netips-a app: text", pri: 6, shape: BSD, stamp: "2009-08-10 22:18:24", host: "netips-a", app: "app", content: "text"},
	{name: "H6 colon", in: "<6>Aug 10 22:18:24 2009: %ASA-6-1: text", pri: 6, shape: BSD, stamp: "2009-08-10 22:18:24", content: "%ASA-6-1: text"},
	{name: "H6 end", in: "<6>Aug 10 22:18:24 2009", pri: 6, shape: BSD, stamp: "2009-08-10 22:18:24"},
	{name: "H7", in: "<111>:Mar 15 04:28:51 UTC: %ASA-6-302014: Teardown", pri: 111, shape: BSD, stamp: "03-15 04:28:51 +0", content: "%ASA-6-302014: Teardown"},
	{name: "H7 NX-OS", in: "<189>: 2026 Nov 22 16:59:59 UTC: %ETHPORT-5-IF_UP: up", pri: 189, shape: BSD, stamp: "2026-11-22 16:59:59 +0", content: "%ETHPORT-5-IF_UP: up"},
	{name: "H8", in: "<190>94: 000090: *Jan  1 2006 23:14:54.141: %SYS-6-LOGGINGHOST: x", pri: 190, shape: CiscoSequence, stamp: "2006-01-01 23:14:54.141", flag: '*', content: "%SYS-6-LOGGINGHOST: x"},
	{name: "H8 lost sync", in: "<190>94: .Mar  1 00:01:23.007 CET: %SYS-6-X: x", pri: 190, shape: CiscoSequence, stamp: "03-01 00:01:23.007 +3600", flag: '.', content: "%SYS-6-X: x"},
	{name: "H8 host", in: "<190>3132811: sw01: 3132807: Jul 14 2023 08:23:43.398 UTC: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, stamp: "2023-07-14 08:23:43.398 +0", host: "sw01", content: "%FOO-6-BAR: x"},
	{name: "H8 nine digits", in: "<171>250756222: FNZ11: 328926563: May 8 14:21:40.139 MDT: %IOSXE-3-PLATFORM: x", pri: 171, shape: CiscoSequence, stamp: "05-08 14:21:40.139 -21600", host: "FNZ11", content: "%IOSXE-3-PLATFORM: x"},
	{name: "H8 uptime", in: "<190>3132517: sw01: 3132513: 2y10w: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, host: "sw01", content: "%FOO-6-BAR: x"},
	{name: "H8 uptime, no host", in: "<190>94: 000090: 3d04h: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, content: "%FOO-6-BAR: x"},
	{name: "H8 young uptime, no host", in: "<190>94: 000090: 00:01:23: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, content: "%FOO-6-BAR: x"},
	{name: "H8 IPv6 host", in: "<190>3132783: 2a02:cf40::: 3132779: Jul 14 08:23:43.398: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, stamp: "07-14 08:23:43.398", host: "2a02:cf40::", content: "%FOO-6-BAR: x"},
	{name: "H8 IPv4 host", in: "<190>31: 192.0.2.1: 37: *Jul 14 08:23:43: %FOO-6-BAR: x", pri: 190, shape: CiscoSequence, stamp: "07-14 08:23:43", flag: '*', host: "192.0.2.1", content: "%FOO-6-BAR: x"},
	{name: "H8 session", in: `<190>46: [syslog@9 s_sn="17" s_id ="0.0.0.0:514"]: 000042: *Jul 14 08:23:43: %FOO-6-BAR: x`, pri: 190, shape: CiscoSequence, stamp: "07-14 08:23:43", flag: '*', sd: `[syslog@9 s_sn="17" s_id ="0.0.0.0:514"]`, content: "%FOO-6-BAR: x"},
	{name: "H8 no mnemonic", in: "<190>94: 000090: *Mar  1 00:01:23: -Traceback= 1z 2z", pri: 190, shape: CiscoSequence, stamp: "03-01 00:01:23", flag: '*', content: "-Traceback= 1z 2z"},
	{name: "H8 without sequence", in: "<189>*Mar  1 00:01:23.007: %SYS-5-CONFIG_I: x", pri: 189, shape: BSD, stamp: "03-01 00:01:23.007", flag: '*', content: "%SYS-5-CONFIG_I: x"},
	{name: "H9", in: "<13>2026-03-14T14:28:52.123456+00:00 web1 app[7]: x", pri: 13, shape: ISO, stamp: "2026-03-14 14:28:52.123456 +0", host: "web1", app: "app", pid: "7", content: "x"},
	{name: "H9 ASA", in: "<166>2019-07-28T02:17:45Z fw2 : %ASA-6-106015: Deny TCP (no connection)", pri: 166, shape: ISO, stamp: "2019-07-28 02:17:45 +0", host: "fw2", content: "%ASA-6-106015: Deny TCP (no connection)"},
	{name: "H9 FTD without host", in: "<118>2021-03-05T01:00:53Z %FTD-1-430002: DeviceUUID: 01234567", pri: 118, shape: ISO, stamp: "2021-03-05 01:00:53 +0", content: "%FTD-1-430002: DeviceUUID: 01234567"},
	{name: "H9 without host", in: "<14>2026-03-14T14:28:52Z e2e-test: marker 1234", pri: 14, shape: ISO, stamp: "2026-03-14 14:28:52 +0", app: "e2e-test", content: "marker 1234"},
	{name: "H9 no PRI", in: "2026-11-22T17:35:14.131821+00:00 gw1 app: hello", pri: -1, shape: ISO, stamp: "2026-11-22 17:35:14.131821 +0", host: "gw1", app: "app", content: "hello"},
	{name: "H9 blank, no colon", in: "<13>2026-03-14 14:28:52 +0530 web1 app: x", pri: 13, shape: ISO, stamp: "2026-03-14 14:28:52 +19800", host: "web1", app: "app", content: "x"},
	{name: "H9 zone name", in: "<13>2026-03-14 14:28:52 CEST web1 app: x", pri: 13, shape: ISO, stamp: "2026-03-14 14:28:52 +7200", host: "web1", app: "app", content: "x"},
	{name: "H10", in: "<34>1 2003-10-11T22:14:15.003Z my.example.com su - ID47 - 'su root' failed", pri: 34, shape: RFC5424, stamp: "2003-10-11 22:14:15.003 +0", host: "my.example.com", app: "su", msgID: "ID47", content: "'su root' failed"},
	{name: "H10 pid", in: "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", pri: 165, shape: RFC5424, stamp: "2003-08-24 05:14:15.000003 -25200", host: "192.0.2.1", app: "myproc", pid: "8710", content: "%% It's time"},
	{name: "H10 BOM", in: "<34>1 2003-10-11T22:14:15Z h su - - - \xef\xbb\xbfgrün", pri: 34, shape: RFC5424, stamp: "2003-10-11 22:14:15 +0", host: "h", app: "su", content: "grün"},
	{name: "H10 SD", in: `<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [ex@32473 iut="3" q="a\]b\"c\\"][zoo@1] An entry`, pri: 165, shape: RFC5424, stamp: "2003-10-11 22:14:15.003 +0", host: "h", app: "evntslog", msgID: "ID47", sd: `[ex@32473 iut="3" q="a\]b\"c\\"][zoo@1]`, content: "An entry"},
	{name: "H10 SD only", in: `<165>1 2003-10-11T22:14:15.003Z h app - ID47 [ex@32473 iut="3"]`, pri: 165, shape: RFC5424, stamp: "2003-10-11 22:14:15.003 +0", host: "h", app: "app", msgID: "ID47", sd: `[ex@32473 iut="3"]`},
	{name: "H10 all nil", in: "<13>1 - - - - - -", pri: 13, shape: RFC5424},
	{name: "H10 no PRI", in: "1 2026-03-14T14:28:52Z web1 app - - - text", pri: -1, shape: RFC5424, stamp: "2026-03-14 14:28:52 +0", host: "web1", app: "app", content: "text"},
	{name: "H10 broken SD", in: `<13>1 2026-03-14T14:28:52Z web1 app - - [a b="c text`, pri: 13, shape: RFC5424, stamp: "2026-03-14 14:28:52 +0", host: "web1", content: `app - - [a b="c text`},
	{name: "H10 fields missing", in: "<14>1 2023-07-06T19:20:22+00:00 PA-1 1,2023/07/06 19:20:22,007,DECRYPTION,0", pri: 14, shape: RFC5424, stamp: "2023-07-06 19:20:22 +0", host: "PA-1", content: "1,2023/07/06 19:20:22,007,DECRYPTION,0"},
	{name: "H10 tag for fields", in: "<14>1 2026-11-22T17:00:00Z web1 sshd[7]: x", pri: 14, shape: RFC5424, stamp: "2026-11-22 17:00:00 +0", host: "web1", app: "sshd", pid: "7", content: "x"},
	{name: "H10 host only", in: "<14>1 2026-11-22T17:00:00Z web1", pri: 14, shape: RFC5424, stamp: "2026-11-22 17:00:00 +0", host: "web1"},
	{name: "H11", in: "<30>1 Mar 14 14:28:52 web1 app[3]: x", pri: 30, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", pid: "3", content: "x"},
	{name: "H12 version", in: "<134>1 1614789245.123 MX84 urls src=192.0.2.1:1", pri: 134, shape: Epoch, stamp: "@1614789245.123", host: "MX84", content: "urls src=192.0.2.1:1"},
	{name: "H12 plain", in: "<134>1614789245 MX84 flows allow", pri: 134, shape: Epoch, stamp: "@1614789245", host: "MX84", content: "flows allow"},
	{name: "H12 ms", in: "<134>1614789245123 MX84 flows allow", pri: 134, shape: Epoch, stamp: "@1614789245.123", host: "MX84", content: "flows allow"},
	{name: "H13 tag", in: "<27>xapi: [error|xen3|1 INET]", pri: 27, app: "xapi", content: "[error|xen3|1 INET]"},
	{name: "H13 address", in: "<27>192.0.2.1 link down", pri: 27, content: "192.0.2.1 link down"},
	{name: "H13 text", in: "<142>hello world", pri: 142, content: "hello world"},
	{name: "H14", in: `<14>{"a":"b: c"}`, pri: 14, content: `{"a":"b: c"}`},
	{name: "H14 no PRI", in: `{"a":"b: c"}`, pri: -1, content: `{"a":"b: c"}`},
	{name: "H16 PAN", in: "1,2021/10/26 15:05:03,,SYSTEM,general", pri: -1, content: "1,2021/10/26 15:05:03,,SYSTEM,general"},
	{name: "H16 ASA", in: "%ASA-6-302016: Teardown", pri: -1, content: "%ASA-6-302016: Teardown"},
	{name: "H16 ASA with PRI", in: "<166>%ASA-6-302016: Teardown", pri: 166, content: "%ASA-6-302016: Teardown"},
	{name: "H16 EMBLEM without time", in: "<166>:%ASA-6-302016: Teardown", pri: 166, content: "%ASA-6-302016: Teardown"},
	{name: "H16 XML", in: "<Event xmlns='a:b'><System/></Event>", pri: -1, content: "<Event xmlns='a:b'><System/></Event>"},
	{name: "H16 CEF", in: "CEF:0|a|b|1|2|c|3|msg=d: e", pri: -1, content: "CEF:0|a|b|1|2|c|3|msg=d: e"},
	{name: "H16 netconsole", in: "{f062 ec26} [12891.520815] ra0: Send NULL", pri: -1, content: "{f062 ec26} [12891.520815] ra0: Send NULL"},
	{name: "H17", in: "<13>Mar 7 19:06:53 web1 app: x", pri: 13, shape: BSD, stamp: "03-07 19:06:53", host: "web1", app: "app", content: "x"},
	{name: "H17 zero", in: "<13>Feb 05 17:32:18 web1 app: x", pri: 13, shape: BSD, stamp: "02-05 17:32:18", host: "web1", app: "app", content: "x"},
	{name: "H17 blanks", in: "<13>Jun  13  2013 12:12:45:  %ASA-6-1: x", pri: 13, shape: BSD, stamp: "2013-06-13 12:12:45", content: "%ASA-6-1: x"},
	{name: "H18", in: "<166>AUG 11 21:08:14 box1 job Some words", pri: 166, shape: BSD, stamp: "08-11 21:08:14", host: "box1", content: "job Some words"},
	{name: "H19", in: "2021-06-01 12:00:00,123 web1 app: x", pri: -1, shape: ISO, stamp: "2021-06-01 12:00:00.123", host: "web1", app: "app", content: "x"},
	{name: "H19 Java", in: "2021-06-01 12:00:00,123 INFO [main] started", pri: -1, shape: ISO, stamp: "2021-06-01 12:00:00.123", content: "INFO [main] started"},
	{name: "H20", in: "Sep 25 15:47:07 host1.example.com : Sep 25 15:47:07 EDT: %ASA-auth-4-113004: AAA", pri: -1, shape: BSD, stamp: "09-25 15:47:07", host: "host1.example.com", content: "Sep 25 15:47:07 EDT: %ASA-auth-4-113004: AAA"},
	{name: "H20 Panorama", in: "<13>Oct  9 18:39:02 relay1 372 <14>1 2020-10-09T18:39:02Z pa - - - - 1,2020", pri: 13, shape: BSD, stamp: "10-09 18:39:02", host: "relay1", content: "372 <14>1 2020-10-09T18:39:02Z pa - - - - 1,2020"},
	{name: "H20 rsyslog", in: "<13>1 2026-11-22T17:35:10.372828+00:00 gw1 1 - - -  2026-11-22T17:35:10+00:00 vm app - ID1 - x", pri: 13, shape: RFC5424, stamp: "2026-11-22 17:35:10.372828 +0", host: "gw1", app: "1", content: " 2026-11-22T17:35:10+00:00 vm app - ID1 - x"},

	// UniFi.
	{name: "UniFi AP", in: "<30>Jun  3 16:33:07 AP-Floor1 e063daccbd48,UAP-nanoHD-6.7.41+15623: mcad: mcad[21498]: wireless()", pri: 30, shape: BSD, stamp: "06-03 16:33:07", host: "AP-Floor1", content: "e063daccbd48,UAP-nanoHD-6.7.41+15623: mcad: mcad[21498]: wireless()"},
	{name: "UniFi AP without host", in: "<4>Jul 14 17:44:32 fcecda13e5c7,UAP-AC-LR-5.43.38+12731: kernel: x", pri: 4, shape: BSD, stamp: "07-14 17:44:32", content: "fcecda13e5c7,UAP-AC-LR-5.43.38+12731: kernel: x"},
	{name: "UniFi old", in: `<30>Nov 10 11:49:46 ("U7LR,788a20834cf7,v3.9.19.8123") hostapd: ath0: x`, pri: 30, shape: BSD, stamp: "11-10 11:49:46", content: `("U7LR,788a20834cf7,v3.9.19.8123") hostapd: ath0: x`},
	{name: "UniFi gateway", in: "<28>Jun  3 16:32:54 DMPro DMPro systemd[1]: udapi.service: Got x", pri: 28, shape: BSD, stamp: "06-03 16:32:54", host: "DMPro", content: "DMPro systemd[1]: udapi.service: Got x"},
	{name: "UniFi firewall", in: `<13>Dec 17 12:23:16 Dream-Router [LAN_LOCAL-RET-2147483647] DESCR="no rule" IN=br0 OUT= `, pri: 13, shape: BSD, stamp: "12-17 12:23:16", host: "Dream-Router", content: `[LAN_LOCAL-RET-2147483647] DESCR="no rule" IN=br0 OUT= `},
	{name: "USG firewall", in: "<4>Nov 10 23:04:06 USG kernel: [LAN_LOCAL-default-A]IN=eth0 OUT= MAC= SRC=10.0.0.1", pri: 4, shape: BSD, stamp: "11-10 23:04:06", host: "USG", app: "kernel", content: "[LAN_LOCAL-default-A]IN=eth0 OUT= MAC= SRC=10.0.0.1"},
	{name: "USG cut front", in: "May  5 20:46:45 My-Gateway user.info kernel: TTL=126 ID=15317", pri: -1, shape: BSD, stamp: "05-05 20:46:45", host: "My-Gateway", content: "user.info kernel: TTL=126 ID=15317"},
	{name: "UniFi continuation", in: `{"message_type":"STA_ASSOC_TRACKER"}`, pri: -1, content: `{"message_type":"STA_ASSOC_TRACKER"}`},

	// PAN-OS.
	{name: "PAN BSD", in: "<190>Jan 28 01:28:35 PA-VM300 1,2014/01/28 01:28:35,007,TRAFFIC,end", pri: 190, shape: BSD, stamp: "01-28 01:28:35", host: "PA-VM300", content: "1,2014/01/28 01:28:35,007,TRAFFIC,end"},
	{name: "PAN without host", in: "<190>Oct 30 09:46:17 1,2012/10/30 09:46:17,016,THREAT,url", pri: 190, shape: BSD, stamp: "10-30 09:46:17", content: "1,2012/10/30 09:46:17,016,THREAT,url"},
	{name: "PAN relay", in: "Oct 30 09:46:12 1,2012/10/30 09:46:12,016,TRAFFIC,start", pri: -1, shape: BSD, stamp: "10-30 09:46:12", content: "1,2012/10/30 09:46:12,016,TRAFFIC,start"},
	{name: "PAN IETF", in: "<14>1 2020-10-09T18:39:02-04:00 pa.example.com - - - - 1,2020/10/09 17:43:54,007,TRAFFIC,end", pri: 14, shape: RFC5424, stamp: "2020-10-09 18:39:02 -14400", host: "pa.example.com", content: "1,2020/10/09 17:43:54,007,TRAFFIC,end"},
	{name: "PAN CEF without host", in: "<14>Mar  1 20:35:56 CEF:0|Palo Alto Networks|PAN-OS|11.0.1|end", pri: 14, shape: BSD, stamp: "03-01 20:35:56", content: "CEF:0|Palo Alto Networks|PAN-OS|11.0.1|end"},

	// Cisco.
	{name: "ASA relay", in: "Apr 15 2017 00:21:14 192.168.12.1 : %ASA-5-111010: User 'x'", pri: -1, shape: BSD, stamp: "2017-04-15 00:21:14", host: "192.168.12.1", content: "%ASA-5-111010: User 'x'"},
	{name: "ASA program", in: "Oct 10 2018 12:34:56 localhost CiscoASA[999]: %ASA-6-305011: Built", pri: -1, shape: BSD, stamp: "2018-10-10 12:34:56", host: "localhost", app: "CiscoASA", pid: "999", content: "%ASA-6-305011: Built"},
	{name: "ASA no colon", in: "Jul 15 13:38:08 192.0.2.142 %ASA-6-302015: Built", pri: -1, shape: BSD, stamp: "07-15 13:38:08", host: "192.0.2.142", content: "%ASA-6-302015: Built"},
	{name: "ASA host colon", in: "Apr 27 2020 02:03:03 dev01: %ASA-5-434004: SFR", pri: -1, shape: BSD, stamp: "2020-04-27 02:03:03", app: "dev01", content: "%ASA-5-434004: SFR"},
	{name: "FTD two blanks", in: "Jul 22 2020 13:17:43 host  %FTD-1-430003: x", pri: -1, shape: BSD, stamp: "2020-07-22 13:17:43", host: "host", content: "%FTD-1-430003: x"},
	{name: "ASA zone", in: "<190>May 14 15:10:46 test.example.com : May 14 15:10:46 WEST: %ASA-session-6-106015: Deny", pri: 190, shape: BSD, stamp: "05-14 15:10:46", host: "test.example.com", content: "May 14 15:10:46 WEST: %ASA-session-6-106015: Deny"},
	{name: "zone is no host", in: "<190>May 14 15:10:46 CEST fw1 : %ASA-6-1: Deny", pri: 190, shape: BSD, stamp: "05-14 15:10:46 +7200", host: "fw1", content: "%ASA-6-1: Deny"},
	{name: "ambiguous zone is no host", in: "<190>May 14 15:10:46.5 IST fw1 app: Deny", pri: 190, shape: BSD, stamp: "05-14 15:10:46.5", host: "fw1", app: "app", content: "Deny"},
	{name: "FMC", in: "<111> Mar 14 14:28:52 host SFIMS: Protocol: UDP, SrcIP: 192.0.2.9, OriginalClientIP: ::", pri: 111, shape: BSD, stamp: "03-14 14:28:52", host: "host", app: "SFIMS", content: "Protocol: UDP, SrcIP: 192.0.2.9, OriginalClientIP: ::"},
	{name: "ASA no id", in: "Jul  1 09:27:13 192.0.2.56 : AAA user authentication Rejected : reason = AAA", pri: -1, shape: BSD, stamp: "07-01 09:27:13", host: "192.0.2.56", content: "AAA user authentication Rejected : reason = AAA"},
	{name: "colon without host", in: "<166>Mar 14 14:28:52 : %ASA-6-1: x", pri: 166, shape: BSD, stamp: "03-14 14:28:52", content: "%ASA-6-1: x"},
	{name: "ASA line feed", in: "<164>Jun 26 2026 20:54:29: %ASA-4-733100: [ LOCAL\\a#012  ] drop", pri: 164, shape: BSD, stamp: "2026-06-26 20:54:29", content: "%ASA-4-733100: [ LOCAL\\a#012  ] drop"},

	// Linux.
	{name: "path tag", in: "<111> Mar 14 14:28:52 /usr/sbin/cron[987]: (app) CMD", pri: 111, shape: BSD, stamp: "03-14 14:28:52", app: "/usr/sbin/cron", pid: "987", content: "(app) CMD"},
	{name: "container", in: "<30>Apr  6 13:21:08 docker/6befb258da22[6128]: TOO LONG", pri: 30, shape: BSD, stamp: "04-06 13:21:08", app: "docker/6befb258da22", pid: "6128", content: "TOO LONG"},
	{name: "hex tag", in: "<30>Apr  6 13:21:08 6befb258da22[6128]: text", pri: 30, shape: BSD, stamp: "04-06 13:21:08", app: "6befb258da22", pid: "6128", content: "text"},
	{name: "no tag", in: "<14>Aug 30 23:00:05 X4712 BBBBBBBB", pri: 14, shape: BSD, stamp: "08-30 23:00:05", host: "X4712", content: "BBBBBBBB"},
	{name: "host only", in: "<14>Aug 30 23:00:05 X4711", pri: 14, shape: BSD, stamp: "08-30 23:00:05", host: "X4711"},
	{name: "time only", in: "<14>Aug 30 23:00:05 ", pri: 14, shape: BSD, stamp: "08-30 23:00:05"},
	{name: "year and host", in: "<14>Jan  7 2010 05:22:16 localhost", pri: 14, shape: BSD, stamp: "2010-01-07 05:22:16", host: "localhost"},
	{name: "PAM", in: "<86>Mar 14 14:28:52 web1 sshd(pam_unix)[12750]: failed", pri: 86, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "sshd(pam_unix)", pid: "12750", content: "failed"},
	{name: "40 digits", in: "<13>Mar 14 14:28:52 web1 1234567890123456789012345678901234567890: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "1234567890123456789012345678901234567890", content: "x"},
	{name: "MARK", in: "<46>Mar 14 14:28:52 web1 -- MARK --", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", content: "-- MARK --"},
	{name: "MARK without host", in: "<46>Mar 14 14:28:52 -- MARK --", pri: 46, shape: BSD, stamp: "03-14 14:28:52", content: "-- MARK --"},
	{name: "pid without colon", in: "<46>Mar 14 14:28:52 web1 app[12] text", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", pid: "12", content: "text"},
	{name: "brackets without colon", in: "<46>Mar 14 14:28:52 web1 list[first] text", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", content: "list[first] text"},
	{name: "empty pid", in: "<46>Mar 14 14:28:52 web1 app[]: text", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "text"},
	{name: "tag at the end", in: "<46>Mar 14 14:28:52 web1 app:", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app"},
	{name: "tag without blank", in: "<46>Mar 14 14:28:52 web1 app:text", pri: 46, shape: BSD, stamp: "03-14 14:28:52", host: "web1", content: "app:text"},
	{name: "kernel", in: "<4>Mar 14 14:28:52 web1 kernel: [12345.678901] IPT: IN=eth0", pri: 4, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "kernel", content: "[12345.678901] IPT: IN=eth0"},
	{name: "tab", in: "<4>Mar 14 14:28:52 web1 app:\ttext", pri: 4, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "\ttext"},
	{name: "tab literal", in: "2021-06-09T16:17:49.438Z#011INFO#011[monitoring]", pri: -1, content: "2021-06-09T16:17:49.438Z#011INFO#011[monitoring]"},
	{name: "haproxy", in: "<134>Nov 22 17:38:06 haproxy[10972]: 192.0.2.1:33820 [22/Nov/2026:17:38:06.298] fe", pri: 134, shape: BSD, stamp: "11-22 17:38:06", app: "haproxy", pid: "10972", content: "192.0.2.1:33820 [22/Nov/2026:17:38:06.298] fe"},
	{name: "haproxy iso", in: "2026-11-22T17:38:08.872873+00:00 192.0.2.1:33846 [22/Nov/2026:17:38:08.871] fe", pri: -1, shape: ISO, stamp: "2026-11-22 17:38:08.872873 +0", content: "192.0.2.1:33846 [22/Nov/2026:17:38:08.871] fe"},
	{name: "nginx without host", in: "<190>Nov 22 17:38:06  nginx: start", pri: 190, shape: BSD, stamp: "11-22 17:38:06", app: "nginx", content: "start"},
	{name: "number is no host", in: "<13>Mar 14 14:28:52 12345 items", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "12345 items"},
	{name: "MAC is no host", in: "<13>Mar 14 14:28:52 9c:05:d6:00:00:01 joined", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "9c:05:d6:00:00:01 joined"},
	{name: "time is no host", in: "<13>Mar 14 14:28:52 14:28:51 text", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "14:28:51 text"},
	{name: "date is no host", in: "<13>Mar 14 14:28:52 2026-03-14 text", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "2026-03-14 text"},
	{name: "key=value is no host", in: "<13>Mar 14 14:28:52 date=2026-03-14 devname=x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "date=2026-03-14 devname=x"},
	{name: "numeric offset", in: "<13>Mar 14 14:28:52 +01:00 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52 +3600", host: "web1", app: "app", content: "x"},
	{name: "umlaut", in: "<13>Mar 14 14:28:52 büro1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "büro1", app: "app", content: "x"},

	// Windows.
	{name: "Snare", in: "<14>Jan 28 13:33:30 ws1.example.com MSWinEventLog\t1\tSecurity\t13\tFri Jan 28 13:33:30 2022", pri: 14, shape: BSD, stamp: "01-28 13:33:30", host: "ws1.example.com", content: "MSWinEventLog\t1\tSecurity\t13\tFri Jan 28 13:33:30 2022"},
	{name: "Snare tab behind host", in: "<14>Jan 28 13:33:30 ws1\tMSWinEventLog\t1\tSecurity: x", pri: 14, shape: BSD, stamp: "01-28 13:33:30", host: "ws1", content: "MSWinEventLog\t1\tSecurity: x"},
	{name: "Snare bare", in: "ws1\tMSWinEventLog\t1\tSecurity", pri: -1, content: "ws1\tMSWinEventLog\t1\tSecurity"},
	{name: "Snare IETF", in: "<13>1 2025-09-18T13:03:42.970090Z host - - - - MSWinEventLog\t1\tSecurity", pri: 13, shape: RFC5424, stamp: "2025-09-18 13:03:42.97009 +0", host: "host", content: "MSWinEventLog\t1\tSecurity"},
	{name: "NXLog BSD", in: "<14>Mar 14 14:28:52 WIN-HOST Microsoft-Windows-Security-Auditing[740]: An account", pri: 14, shape: BSD, stamp: "03-14 14:28:52", host: "WIN-HOST", app: "Microsoft-Windows-Security-Auditing", pid: "740", content: "An account"},
	{name: "NXLog blank in tag", in: "<14>Mar 14 14:28:52 WIN-HOST Service Control Manager[556]: stopped", pri: 14, shape: BSD, stamp: "03-14 14:28:52", host: "WIN-HOST", content: "Service Control Manager[556]: stopped"},
	{name: "NXLog IETF", in: `<14>1 2026-03-14T14:28:52.123456+01:00 WIN-HOST Microsoft-Windows-Security-Auditing 740 - [NXLOG@14506 Keywords="92" P="a \"b\" [c\]"] An account`, pri: 14, shape: RFC5424, stamp: "2026-03-14 14:28:52.123456 +3600", host: "WIN-HOST", app: "Microsoft-Windows-Security-Auditing", pid: "740", sd: `[NXLOG@14506 Keywords="92" P="a \"b\" [c\]"]`, content: "An account"},
	{name: "XML IETF", in: "<13>1 2026-03-14T14:28:52.123456789Z h - - - - <Event xmlns='a'/>", pri: 13, shape: RFC5424, stamp: "2026-03-14 14:28:52.123456789 +0", host: "h", content: "<Event xmlns='a'/>"},
	{name: "EventReporter", in: `<29>Mar 14 14:28:52 HOST EvntSLog: [ERR] Thu Feb 15 14:00:58 2001: FMSRV`, pri: 29, shape: BSD, stamp: "03-14 14:28:52", host: "HOST", app: "EvntSLog", content: "[ERR] Thu Feb 15 14:00:58 2001: FMSRV"},
	{name: "CEF", in: "Mar 14 14:28:52 dc1 CEF:0|Microsoft|Microsoft Windows||x:4634|off|Low| eventId=1", pri: -1, shape: BSD, stamp: "03-14 14:28:52", host: "dc1", content: "CEF:0|Microsoft|Microsoft Windows||x:4634|off|Low| eventId=1"},

	// Invalid priorities, and cut messages.
	{name: "nothing", in: "", pri: -1},
	{name: "blanks", in: "   ", pri: -1},
	{name: "PRI only", in: "<14>", pri: 14},
	{name: "PRI 0", in: "<0>x", pri: 0, content: "x"},
	{name: "PRI 191", in: "<191>x", pri: 191, content: "x"},
	{name: "PRI 192", in: "<192>x: y", pri: -1, content: "<192>x: y"},
	{name: "PRI of four digits", in: "<0013>x", pri: -1, content: "<0013>x"},
	{name: "PRI empty", in: "<>x", pri: -1, content: "<>x"},
	{name: "PRI letter", in: "<x>x", pri: -1, content: "<x>x"},
	{name: "PRI open", in: "<14", pri: -1, content: "<14"},
	{name: "counted", in: "349 <14>1 2020-10-09T18:39:02Z h", pri: -1, content: "349 <14>1 2020-10-09T18:39:02Z h"},
	{name: "bare number", in: "1 - two", pri: -1, content: "1 - two"},
	{name: "bad month", in: "<13>Mrz 14 14:28:52 web1 app: x", pri: 13, content: "Mrz 14 14:28:52 web1 app: x"},
	{name: "bad hour", in: "<13>Mar 14 24:28:52 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 24:28:52", host: "web1", app: "app", content: "x"},
	{name: "bad day", in: "<13>Mar 32 14:28:52 web1 app: x", pri: 13, shape: BSD, stamp: "03-32 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "bad ISO month", in: "<13>1 2026-13-14T14:28:52Z web1 app - - - x", pri: 13, shape: RFC5424, stamp: "2026-13-14 14:28:52 +0", host: "web1", app: "app", content: "x"},
	{name: "bad ISO offset", in: "<13>2026-03-14T14:28:52+25:00 web1 app: x", pri: 13, shape: ISO, stamp: "2026-03-14 14:28:52 +90000", host: "web1", app: "app", content: "x"},
	{name: "bad IOS time", in: "<189>55: sw01: *Feb 30 2026 25:61:00: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "2026-02-30 25:61:00", flag: '*', host: "sw01", content: "%SYS-5-A: x"},

	// A byte order mark in all places where senders put it.
	{name: "BOM before PRI", in: "\xef\xbb\xbf<13>Mar 14 14:28:52 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "BOM before PRI, IETF", in: "\xef\xbb\xbf<13>1 2026-03-14T14:28:52Z web1 app - - - \xef\xbb\xbfx", pri: 13, shape: RFC5424, stamp: "2026-03-14 14:28:52 +0", host: "web1", app: "app", content: "x"},
	{name: "BOM behind PRI", in: "<13>\xef\xbb\xbfMar 14 14:28:52 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "BOM, no PRI", in: "\xef\xbb\xbf2026-03-14T14:28:52Z web1 app: x", pri: -1, shape: ISO, stamp: "2026-03-14 14:28:52 +0", host: "web1", app: "app", content: "x"},
	{name: "BOM before the host", in: "<13>Mar 14 14:28:52 \xef\xbb\xbfweb1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "BOM before the tag", in: "<13>Mar 14 14:28:52 web1 \xef\xbb\xbfapp: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "BOM before the text", in: "<13>Mar 14 14:28:52 web1 app: \xef\xbb\xbfx", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "BOM and IOS", in: "\xef\xbb\xbf<189>55: sw01: Jan  6 21:01:34: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "01-06 21:01:34", host: "sw01", content: "%SYS-5-A: x"},
	{name: "BOM only", in: "\xef\xbb\xbf", pri: -1},

	// Words in place of the host that are none.
	{name: "no address", in: "<13>Mar 14 14:28:52 999.999.999.999 app[7]: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", app: "app", pid: "7", content: "x"},
	{name: "level for host", in: "<13>Mar 14 14:28:52 user.info web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "x"},
	{name: "offset that does not exist", in: "<13>Mar 14 14:28:52 UTC+99 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52 +356400", host: "web1", app: "app", content: "x"},
	{name: "no host, IETF without fields", in: "<13>1 2026-03-14T14:28:52Z sshd[7]: x", pri: 13, shape: RFC5424, stamp: "2026-03-14 14:28:52 +0", app: "sshd", pid: "7", content: "x"},
	{name: "no host, PAN IETF without fields", in: "<14>1 2023-07-06T19:20:22+00:00 1,2023/07/06 19:20:22,007,DECRYPTION,0", pri: 14, shape: RFC5424, stamp: "2023-07-06 19:20:22 +0", content: "1,2023/07/06 19:20:22,007,DECRYPTION,0"},
	{name: "device tag for host", in: "<13>Mar 14 14:28:52 US8P60,18e8294876c3,v4.0.66.10832 switch: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "US8P60,18e8294876c3,v4.0.66.10832 switch: x"},
	{name: "identifier for host", in: "<13>Mar 14 14:28:52 %SYS-5-CONFIG_I text: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "%SYS-5-CONFIG_I text: x"},
	{name: "chain for host", in: "<13>Mar 14 14:28:52 [LAN_IN-D-2000] kernel: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "[LAN_IN-D-2000] kernel: x"},
	{name: "header for host", in: "<13>Mar 14 14:28:52 Mar 14 14:28:51 web1 app: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "Mar 14 14:28:51 web1 app: x"},
	{name: "program and text", in: "<13>Mar 14 14:28:52 app:text more: x", pri: 13, shape: BSD, stamp: "03-14 14:28:52", content: "app:text more: x"},

	// The origin-id of IOS, IOS XR and NX-OS.
	{name: "IOS empty sequence", in: "<189>: sw01: Jan  6 2022 21:01:34.964: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "2022-01-06 21:01:34.964", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS empty sequence, address", in: "<189>: 192.0.2.77: Jan  6 2022 21:01:34.964: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "2022-01-06 21:01:34.964", host: "192.0.2.77", content: "%SYS-5-A: x"},
	{name: "IOS origin first", in: "<189>sw01: 000123: Sep 15 11:59:58.123 UTC: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58.123 +0", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS origin only", in: "<189>sw01: Sep 15 11:59:58.123 UTC: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58.123 +0", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS origin, not synchronised", in: "<189>sw01: *Sep 15 11:59:58.123: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58.123", flag: '*', host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS origin without a colon", in: "<189>sw01 123: Sep 15 11:59:58.123 UTC: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58.123 +0", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS origin and task", in: "<134>wlc1: *apfTask_0: Sep 15 11:59:58.123: %APF-6-A: x", pri: 134, shape: CiscoSequence, stamp: "09-15 11:59:58.123", host: "wlc1", content: "%APF-6-A: x"},
	{name: "IOS origin, uptime", in: "<189>sw01: 2y10w: %SYS-5-A: x", pri: 189, shape: CiscoSequence, host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS address first", in: "<189>192.0.2.77: 000123: Sep 15 11:59:58: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58", host: "192.0.2.77", content: "%SYS-5-A: x"},
	{name: "IOS IPv6 address first", in: "<189>2001:db8::7: Sep 15 11:59:58: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58", host: "2001:db8::7", content: "%SYS-5-A: x"},
	{name: "IOS no PRI", in: "sw01: 000123: Sep 15 11:59:58: %SYS-5-A: x", pri: -1, shape: CiscoSequence, stamp: "09-15 11:59:58", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS zone of one's own", in: "<189>55: sw01: Sep 15 11:59:58.123 Berlin: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "09-15 11:59:58.123", host: "sw01", content: "%SYS-5-A: x"},
	{name: "IOS UTC+1", in: "<189>387448: host-01: May 6 16:13:09.123 UTC+1: %DOT1X-5-FAIL: x", pri: 189, shape: CiscoSequence, stamp: "05-06 16:13:09.123 +3600", host: "host-01", content: "%DOT1X-5-FAIL: x"},
	{name: "IOS PM", in: "<189>55: sw02: Apr 27 2026 04:35:12 PM.123456: %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "2026-04-27 16:35:12.123456", host: "sw02", content: "%SYS-5-A: x"},
	{name: "IOS blank and colon", in: "<189>8103: Mar 14 2026 02:28:52 PM.484 UTC : %SYS-5-A: x", pri: 189, shape: CiscoSequence, stamp: "2026-03-14 14:28:52.484 +0", content: "%SYS-5-A: x"},
	{name: "NX-OS host", in: "<189>nx01: 2022 Jan  6 21:01:34.964 UTC: %ETHPORT-5-IF_UP: x", pri: 189, shape: CiscoSequence, stamp: "2022-01-06 21:01:34.964 +0", host: "nx01", content: "%ETHPORT-5-IF_UP: x"},
	{name: "NX-OS host behind colon", in: "<189>: nx01: 2022 Jan  6 21:01:34 UTC: %ETHPORT-5-IF_UP: x", pri: 189, shape: CiscoSequence, stamp: "2022-01-06 21:01:34 +0", host: "nx01", content: "%ETHPORT-5-IF_UP: x"},
	{name: "NX-OS host and lone colon", in: "<189>nx01 : 2022 Jan  6 21:01:34 UTC: %ETHPORT-5-IF_UP: x", pri: 189, shape: CiscoSequence, stamp: "2022-01-06 21:01:34 +0", host: "nx01", content: "%ETHPORT-5-IF_UP: x"},
	{name: "XR host", in: "<189>123: rtr1 RP/0/RSP0/CPU0:Jan 12 12:34:56.123 UTC: pim[1234]: %ROUTING-IPV4_PIM-5-NBRCHG : x", pri: 189, shape: CiscoSequence, stamp: "01-12 12:34:56.123 +0", host: "rtr1", app: "pim", pid: "1234", content: "%ROUTING-IPV4_PIM-5-NBRCHG : x"},
	{name: "XR host, no sequence", in: "<189>rtr1 LC/0/0/CPU0:*Jan 12 12:34:56.123 : pim[1234]: %ROUTING-IPV4_PIM-5-NBRCHG : x", pri: 189, shape: CiscoSequence, stamp: "01-12 12:34:56.123", flag: '*', host: "rtr1", app: "pim", pid: "1234", content: "%ROUTING-IPV4_PIM-5-NBRCHG : x"},
	{name: "XR", in: "<189>RP/0/RP0/CPU0:Dec 11 12:43:29.227 EST: snmpd[1002]: %SNMP-3-AUTH_FAIL : x", pri: 189, shape: CiscoSequence, stamp: "12-11 12:43:29.227 -18000", app: "snmpd", pid: "1002", content: "%SNMP-3-AUTH_FAIL : x"},
	{name: "tag before a time is no IOS", in: "<13>app: Sep 15 11:59:58: started", pri: 13, app: "app", content: "Sep 15 11:59:58: started"},
	{name: "two tags are no IOS", in: "<13>mcad: sub: Sep 15 11:59:58: %x", pri: 13, app: "mcad", content: "sub: Sep 15 11:59:58: %x"},
	{name: "path and a number is no IOS", in: "<13>a/b:1 c: x", pri: 13, content: "a/b:1 c: x"},
	{name: "HTTP", in: "GET / HTTP/1.1", pri: -1, content: "GET / HTTP/1.1"},
	{name: "invalid UTF-8", in: "<13>Mar 14 14:28:52 web1 app: caf\xe9 \xff\xfe", pri: 13, shape: BSD, stamp: "03-14 14:28:52", host: "web1", app: "app", content: "caf\xe9 \xff\xfe"},
}

func TestScan(t *testing.T) {
	var h Header // reused: nothing of the message before may remain
	for _, c := range scanCases {
		t.Run(c.name, func(t *testing.T) {
			Scan([]byte(c.in), &h)
			got := scanCase{
				name: c.name, in: c.in, pri: h.Priority, shape: h.Shape, stamp: describe(h.Stamp), flag: h.ClockFlag,
				host: string(h.Hostname), app: string(h.AppName), pid: string(h.ProcID), msgID: string(h.MsgID),
				sd: string(h.StructuredData), content: string(h.Content),
			}
			if got != c {
				t.Errorf("Scan(%q)\ngot  %+v\nwant %+v", c.in, got, c)
			}
			checkScan(t, []byte(c.in))
		})
	}
}

// TestScanParts checks Rest and Tagged, which package dialect uses.
func TestScanParts(t *testing.T) {
	for _, c := range []struct{ in, rest, tagged string }{
		{"<13>Mar 14 14:28:52 web1 app[7]: x", "Mar 14 14:28:52 web1 app[7]: x", "app[7]: x"},
		{"<13> Mar 14 14:28:52 web1 text", " Mar 14 14:28:52 web1 text", "text"},
		{"<13>1 2026-03-14T14:28:52Z web1 app 7 - - x", "2026-03-14T14:28:52Z web1 app 7 - - x", "app 7 - - x"},
		{"<13>1 Mar 14 14:28:52 web1 app: x", "Mar 14 14:28:52 web1 app: x", "app: x"},
		{"<13>1 1614789245.5 web1 app: x", "1614789245.5 web1 app: x", "app: x"},
		{"<13>94: *Mar  1 00:00:01: %SYS-5-A: x", "94: *Mar  1 00:00:01: %SYS-5-A: x", "%SYS-5-A: x"},
		{"app: x", "app: x", "app: x"},
		{"", "", ""},
	} {
		var h Header
		Scan([]byte(c.in), &h)
		if string(h.Rest) != c.rest || string(h.Tagged) != c.tagged {
			t.Errorf("Scan(%q): rest %q, tagged %q, want %q and %q", c.in, h.Rest, h.Tagged, c.rest, c.tagged)
		}
	}
}

// TestScanMutations cuts, repeats and overwrites the messages of the table. Scan must keep
// its promises for all of them.
func TestScanMutations(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for _, c := range scanCases {
		for i := range len(c.in) {
			checkScan(t, []byte(c.in[:i]))
			checkScan(t, []byte(c.in[i:]))
		}
		for range 50 {
			checkScan(t, mutate(r, []byte(c.in)))
		}
	}
}

// mutate returns a copy of msg with one to three small damages.
func mutate(r *rand.Rand, msg []byte) []byte {
	out := bytes.Clone(msg)
	const bytesOfInterest = "<>[]{}\"\\=:,;|%*.+-_/@ \t\n\r\x00019AZaz\xff\xef\xbb\xbf"
	for range 1 + r.Intn(3) {
		if len(out) == 0 {
			return out
		}
		i := r.Intn(len(out))
		switch r.Intn(4) {
		case 0:
			out[i] = bytesOfInterest[r.Intn(len(bytesOfInterest))]
		case 1:
			out = append(out[:i], out[i+1:]...)
		case 2:
			out = append(out[:i], append([]byte{bytesOfInterest[r.Intn(len(bytesOfInterest))]}, out[i:]...)...)
		case 3:
			out = out[:i]
		}
	}
	return out
}

func TestPriorityNames(t *testing.T) {
	for p := range maxPriority + 1 {
		if FacilityName(p>>3) == "" || SeverityName(p&7) == "" {
			t.Errorf("priority %d has no names", p)
		}
	}
	if got := FacilityName(10) + "." + SeverityName(6); got != "authpriv.info" {
		t.Errorf("priority 86 is %s", got)
	}
}
