package rules_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/testkit"
)

// This file reads trimmed events as add-ons of Splunk do. Each extraction is written from the
// documentation that it names, and not taken from an add-on.

// fields are what an extraction gets out of an event, by name.
type fields map[string]string

func (f fields) put(name, value string) {
	if _, there := f[name]; !there { // the first counts
		f[name] = value
	}
}

var autoPair = regexp.MustCompile(`([A-Za-z_][\w.-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))`)

// auto is KV_MODE=auto: pairs divided by an equals sign, values with blanks in quotes (Splunk,
// Knowledge Manager Manual, "Configure automatic key-value field extraction").
func auto(event string) fields {
	f := fields{}
	for _, m := range autoPair.FindAllStringSubmatch(event, -1) {
		f.put(m[1], m[2]+strings.TrimRight(m[3], ",;"))
	}
	return f
}

// delimited is DELIMS of transforms.conf: what stands between pairs, and "=" in them (Splunk,
// Admin Manual, transforms.conf).
func delimited(between string, from string) func(string) fields {
	return func(event string) fields {
		f := fields{}
		_, text, _ := strings.Cut(event, from)
		for pair := range strings.SplitSeq(from+text, between) {
			if name, value, ok := strings.Cut(pair, "="); ok {
				f.put(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
		return f
	}
}

var cefKey = regexp.MustCompile(`(?:^| )([\w.\[\]-]+)=`)

// common is the extension and the header of CEF: a value goes on up to the next key, and csN has
// its name in csNLabel (ArcSight, Common Event Format Implementation Standard, version 26,
// "Header information" and "Extension dictionary").
func common(event string) fields {
	f := fields{}
	_, text, _ := strings.Cut(event, "CEF:")
	parts := strings.SplitN(text, "|", 8)
	for i, name := range []string{"version", "device_vendor", "device_product", "device_version", "signature", "name", "severity"} {
		f.put(name, parts[i])
	}
	at := cefKey.FindAllStringSubmatchIndex(parts[7], -1)
	for i, m := range at {
		end := len(parts[7])
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		f.put(parts[7][m[2]:m[3]], strings.TrimSpace(parts[7][m[1]:end]))
	}
	for name := range f {
		if of, ok := strings.CutSuffix(name, "Label"); ok && f[of] != "" {
			f.put("label:"+f[name], f[of])
		}
	}
	return f
}

// object is KV_MODE=json: names with dots (Splunk, as auto).
func object(event string) fields {
	f := fields{}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, one := range v {
				walk(strings.TrimPrefix(name+"."+key, "."), one)
			}
		case []any:
			for i, one := range v {
				walk(fmt.Sprintf("%s{%d}", name, i), one)
			}
		case nil:
		default:
			f.put(name, fmt.Sprint(v))
		}
	}
	var v any
	if json.Unmarshal([]byte(event[strings.IndexByte(event, '{'):]), &v) == nil {
		walk("", v)
	}
	return f
}

// elements is KV_MODE=xml: elements and attributes by name; <Data Name='x'> by its Name (Splunk,
// as auto; Microsoft, Event Schema, EventDataType).
func elements(event string) fields {
	f := fields{}
	d := xml.NewDecoder(strings.NewReader(event[strings.Index(event, "<Event "):]))
	name := ""
	for {
		token, err := d.Token()
		if err != nil {
			return f
		}
		switch token := token.(type) {
		case xml.StartElement:
			name = token.Name.Local
			for _, a := range token.Attr {
				if name == "Data" && a.Name.Local == "Name" {
					name = a.Value
					continue
				}
				f.put(name+"."+a.Name.Local, a.Value)
			}
		case xml.CharData:
			if name != "" {
				f.put(name, string(token))
			}
		case xml.EndElement:
			name = ""
		}
	}
}

// columns are values by their position behind a text.
func columns(behind, names string) func(string) fields {
	return func(event string) fields {
		f := fields{}
		text := event[strings.Index(event, behind)+len(behind):]
		row, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			return f
		}
		for i, name := range strings.Split(names, ",") {
			if i < len(row) && name != "" {
				f.put(name, row[i])
			}
		}
		f.put("columns", fmt.Sprint(len(row)))
		return f
	}
}

// tabbed are the tokens of Snare (Snare, Windows Event Output Format).
func tabbed(event string) fields {
	f := fields{}
	_, text, _ := strings.Cut(event, "MSWinEventLog\t")
	tokens := strings.Split(text, "\t")
	for i, name := range []string{
		"criticality", "log_name", "counter", "date_time", "event_id", "source_name", "user_name", "sid_type", "event_type", "computer", "category", "data", "message", "number",
	} {
		if i < len(tokens) {
			f.put(name, tokens[i])
		}
	}
	f.put("tokens", fmt.Sprint(len(tokens)))
	return f
}

// expressions are searched one after the other; their groups are the fields.
func expressions(all ...string) func(string) fields {
	var list []*regexp.Regexp
	for _, one := range all {
		list = append(list, regexp.MustCompile(one))
	}
	return func(event string) fields {
		f := fields{}
		for _, re := range list {
			if m := re.FindStringSubmatch(event); m != nil {
				for i, name := range re.SubexpNames() {
					if name != "" {
						f.put(name, m[i])
					}
				}
			}
		}
		return f
	}
}

// both puts two extractions together.
func both(a, b func(string) fields) func(string) fields {
	return func(event string) fields {
		f := a(event)
		for name, value := range b(event) {
			f.put(name, value)
		}
		return f
	}
}

// Of the messages guide of Cisco ASA: %ASA-Level-Message_number, 302013 to 302016, 106023, 113019
// and 111008.
var ciscoASA = expressions(
	`%ASA-(?P<level>[0-7])-(?P<message_id>\d{6}): (?P<body>.*)`,
	`Built (?P<direction>inbound|outbound) (?P<protocol>\w+) connection (?P<connection>\d+) for (?P<src_interface>[^:]+):(?P<src>[^/]+)/(?P<src_port>\d+) \((?P<src_mapped>[^)]+)\) to (?P<dest_interface>[^:]+):(?P<dest>[^/]+)/(?P<dest_port>\d+)`,
	`Teardown (?P<protocol>\w+) connection (?P<connection>\d+) for .* duration (?P<duration>[\d:]+) bytes (?P<bytes>\d+) (?P<reason>.+)`,
	`Deny (?P<protocol>\w+) src (?P<src_interface>[^:]+):(?P<src>[^/]+)/(?P<src_port>\d+) dst (?P<dest_interface>[^:]+):(?P<dest>[^/]+)/(?P<dest_port>\d+) by access-group "(?P<acl>[^"]+)"`,
	`Group = (?P<group>[^,]+), Username = (?P<user>[^,]+), IP = (?P<src>[^,]+), .*Duration: (?P<duration>\S+), Bytes xmt: (?P<bytes_out>\d+), Bytes rcv: (?P<bytes_in>\d+), Reason: (?P<reason>.*)`,
)

// Of the PAN-OS administrator's guide, Syslog Field Descriptions. Names are ours.
const (
	panTraffic = "receive_time,serial,type,subtype,,generated_time,src,dest,src_nat,dest_nat,rule,src_user,dest_user,app,vsys,src_zone,dest_zone,in_if,out_if,profile,,session,repeat,src_port,dest_port,src_nat_port,dest_nat_port,flags,proto,action,bytes,bytes_out,bytes_in,packets,start,elapsed,category"
	panThreat  = "receive_time,serial,type,subtype,,generated_time,src,dest,src_nat,dest_nat,rule,src_user,dest_user,app,vsys,src_zone,dest_zone,in_if,out_if,profile,,session,repeat,src_port,dest_port,src_nat_port,dest_nat_port,flags,proto,action,url,threat,category,severity,direction"
	panSystem  = "receive_time,serial,type,subtype,,generated_time,vsys,event,object,,,module,severity,description,sequence"
)

// trimmedProduct is a product whose events are trimmed, and how its fields are found.
type trimmedProduct struct {
	name    string
	lines   []string
	extract func(event string) fields
	named   []string // keys that are removed; none: it has none
}

var trimmedProducts = []trimmedProduct{
	{"FortiGate", []string{ // FortiOS Log Message Reference, "Log field format"
		`<189>date=2026-03-14 time=14:28:52 devname="fw-a" devid="FG100FTK00000001" eventtime=1773498532123456789 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.7 srcname="PC 24" srcport=33709 srcintf="lan" dstip=198.51.100.2 dstport=443 user="" group="" srcuuid="27dd503e-883c-51e7-ade1-7e015d46494f" poluuid="9e0fe24c-1808-51e8-1257-68ce4245572c" sessionid=5181 proto=6 action="accept" policyid=4 policytype="policy" service="HTTPS" trandisp="snat" app="Web, SSL" duration=5 sentbyte=450 rcvdbyte=2305 crscore=50 craction=2 mastersrcmac="00:00:5e:00:53:01"`,
		`<185>date=2026-03-14 time=14:28:52 devname="fw-a" devid="FG100FTK00000001" logid="0316013056" type="utm" subtype="webfilter" eventtype="ftgd_blk" level="warning" vd="root" policyid=1 url="https://shop.example/s?vd=1&poluuid=2" msg="URL belongs to a \"denied\" category, vd=other" eventtime=1773498532 crlevel="high"`,
	}, auto, []string{"eventtime", "tz", "vd", "srcuuid", "poluuid", "policytype", "crscore", "craction", "crlevel", "mastersrcmac"}},
	{"Check Point, splunk", []string{ // Logging and Monitoring Administration Guide, Log Exporter
		`time=1773498532|hostname=cp-a|severity=Low|confidence_level=Medium|product=Firewall|action=Accept|ifdir=inbound|ifname=eth0|loguid={0x5cd9a64e,0x0,0x5060a8c0,0xc0000001}|origin=192.0.2.80|originsicname=cn\=cp_mgmt,o\=cp..ymydp2|sequencenum=1|version=5|dst=198.51.100.80|inzone=Internal|outzone=|layer_uuid=c0264a80-1832-4fce-8a90-d0849dc4ba33|proto=6|s_port=63945|service=443|src=192.0.2.27|rule_name=Guests to web|user=|`,
	}, delimited("|", "time="), []string{"loguid", "sequencenum", "version", "layer_uuid"}},
	{"UniFi and others, CEF", []string{
		`<14>Mar 14 14:28:52 udm-a CEF:0|Ubiquiti|UniFi Network|10.0.162|544|Admin Accessed UniFi Network|1|src=192.0.2.101 UNIFIcategory=System UNIFIsubCategory=Admin UNIFIhost=Dream Router UNIFIadmin=alice b UNIFIutcTime=2026-03-14T14:28:52.123Z UNIFIempty= msg=alice b accessed UniFi Network. Source IP: 192.0.2.101`,
		`<134>Mar 14 14:28:52 relay1 CEF:0|Example Corp|Sensor|1.0|42|Something happened|5|rt=1773498530000 dvchost=sensor-7 src=192.0.2.1 cs1Label=Policy cs1=Guests \= all cs2Label=Zone cs2= cn1Label=Score cn1=7 UNIFIhost=x y request=https://shop.example/?a\=b fname=`,
	}, common, []string{"UNIFIhost", "UNIFIutcTime"}},
	{"UniFi and Linux, netfilter", []string{ // Linux, net/netfilter/nf_log_syslog.c; iptables-extensions(8), LOG
		`<4>Mar 14 14:28:52 gw-a kernel: [LAN_IN-4001-D]IN=eth1 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.99 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=2457 DF PROTO=TCP SPT=51000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0`,
	}, auto, []string{"MAC", "TOS", "PREC", "RES", "URGP"}},
	{"Linux, audit", []string{ // Red Hat Enterprise Linux, Security hardening, "Understanding Audit log files"
		`<13>Mar 14 14:28:52 web1 audispd: node=web1 type=USER_CMD msg=audit(1773498532.123:417): pid=812 uid=1000 auid=1000 ses=3 subj=unconfined msg='cwd="/home/alice" cmd="id" exe="/usr/bin/sudo" terminal=pts/0 res=success'`,
		`<13>Mar 14 14:28:52 web1 audispd: type=SYSCALL msg=audit(1773498532.123:418): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7ffd a2=0 a3=0 items=1 ppid=1 pid=99 auid=1000 uid=33 comm="cat" exe="/usr/bin/cat" key="shadow read"`,
	}, auto, []string{"a0", "a1", "a2", "a3", "ses", "subj"}},
	{"Linux, sshd, sudo and su", []string{ // OpenSSH, auth.c, auth_log; sudoers(5), "Event logging"
		`<38>Mar 14 14:28:52 web1 sshd[812]: Accepted publickey for alice from 192.0.2.7 port 51000 ssh2: ED25519 SHA256:vd=abc`,
		`<85>Mar 14 14:28:52 web1 sudo[99]:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id -u`,
	}, both(auto, expressions(
		`(?P<action>Accepted|Failed) (?P<method>\S+) for (?P<user>\S+) from (?P<src>\S+) port (?P<src_port>\d+)`,
		`sudo\S*:\s+(?P<by>\S+) : TTY=(?P<tty>\S+) ; `, `COMMAND=(?P<command>.*)`,
	)), []string{"PWD"}},
	{"Windows, JSON", []string{ // NXLog User Guide, xm_json; Microsoft, event 4624
		`<14>1 2026-03-14T14:28:52Z WIN1 Security 4 - - {"EventTime":"2026-03-14 14:28:52","Hostname":"WIN1","Keywords":-9214364837600034816,"EventType":"AUDIT_SUCCESS","SeverityValue":2,"EventID":4624,"SourceName":"Microsoft-Windows-Security-Auditing","ProviderGuid":"{54849625-5478-4994-A5BA-3E3B0328C30D}","Version":2,"Channel":"Security","Message":"An account was \"logged\" on.\r\nKeywords: none","SubjectUserName":"-","TargetUserName":"alice","IpAddress":"","LogonGuid":null,"Extra":{"Version":7,"Empty":""}}`,
	}, object, []string{"Keywords", "ProviderGuid", "Version"}},
	{"Windows, XML", []string{ // Microsoft, Event Schema; event 4624
		`<13>1 2026-03-14T14:28:52Z WIN1 Security 4 - - <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID>4624</EventID><Version>2</Version><Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='2026-03-14T14:28:52.123456789Z'/><EventRecordID>421</EventRecordID><Correlation ActivityID=""/><Execution ProcessID='668' ThreadID='712'/><Channel>Security</Channel><Computer>win1.example.com</Computer></System><EventData><Data Name='SubjectUserName'>-</Data><Data Name='TargetUserName'>alice  b</Data><Data Name='CommandLine'>x.exe Version=2 Keywords="" -a</Data><Data Name='IpAddress'></Data></EventData></Event>`,
	}, elements, nil},
	{"Windows, Snare", []string{
		"<14>Mar 14 14:28:52 win1.example.com MSWinEventLog\t1\tSecurity\t372\tSat Mar 14 14:28:52 2026\t4624\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\twin1.example.com\tLogon\t\tAn account was successfully logged on. Version=2 Logon Type: 3\t4711",
	}, tabbed, nil},
	{"Cisco ASA", []string{
		`<166>Mar 14 2026 14:28:52 fw-a : %ASA-6-302013: Built outbound TCP connection 9 for outside:198.51.100.1/22 (198.51.100.1/22) to inside:192.0.2.2/53496 (203.0.113.2/53496)`,
		`<166>Mar 14 2026 14:28:52 fw-a : %ASA-6-302014: Teardown TCP connection 9 for outside:198.51.100.1/22 to inside:192.0.2.2/53496 duration 0:00:30 bytes 2436 TCP FINs from inside`,
		`<164>Mar 14 2026 14:28:52 fw-a : %ASA-4-106023: Deny tcp src outside:203.0.113.9/41820 dst inside:192.0.2.2/22 by access-group "outside in" [0x0, 0x0]`,
		`<164>Mar 14 2026 14:28:52 fw-a : %ASA-4-113019: Group = staff, Username = alice, IP = 203.0.113.9, Session disconnected. Session Type: SSL, Duration: 0h:12m:04s, Bytes xmt: 1024, Bytes rcv: 2048, Reason: User Requested`,
	}, ciscoASA, nil},
	{"PAN-OS, traffic", []string{
		`<14>Mar 14 14:28:52 pa-a 1,2026/03/14 14:28:52,012801096514,TRAFFIC,end,2560,2026/03/14 14:28:51,192.0.2.7,198.51.100.2,203.0.113.1,198.51.100.2,"Staff, web",corp\alice,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,to-splunk,2026/03/14 14:28:51,33709,1,51000,443,20000,443,0x400053,tcp,allow,5000,1500,3500,22,2026/03/14 14:28:40,10,any,,7012,0x0`,
	}, columns(",", panTraffic), nil},
	{"PAN-OS, threat", []string{
		`<14>Mar 14 14:28:52 pa-a 1,2026/03/14 14:28:52,012801096514,THREAT,url,2560,2026/03/14 14:28:51,192.0.2.7,198.51.100.2,0.0.0.0,0.0.0.0,Staff,,,web-browsing,vsys1,trust,untrust,ethernet1/2,ethernet1/1,to-splunk,2026/03/14 14:28:51,33709,1,51000,80,0,0,0xb000,tcp,alert,"shop.example/s?q=&Version=2&x=",(9999),shopping,informational,client-to-server`,
	}, columns(",", panThreat), nil},
	{"PAN-OS, system", []string{
		`<14>Mar 14 14:28:52 pa-a 1,2026/03/14 14:28:52,012801096514,SYSTEM,general,0,2026/03/14 14:28:51,,general,,0,0,general,informational,"User admin logged in via Web from 192.0.2.7 using https, Version=2 reason= none",7012,0x0`,
	}, columns(",", panSystem), nil},
	{"pfSense, filterlog", []string{ // Netgate, "Raw Filter Log Format"
		`<134>Mar 14 14:28:52 fw-a filterlog[7]: 5,,,1000000103,em0,match,block,in,4,0x0,,64,2457,0,DF,6,tcp,60,203.0.113.9,198.51.100.1,41820,22,0,S,1027,,64240,,mss`,
	}, columns("filterlog[7]: ", "rule,,,tracker,interface,reason,action,direction,ip_version,tos,ecn,ttl,id,offset,flags,proto_id,proto,length,src,dest,src_port,dest_port,data_length,tcp_flags"), nil},
	{"Cisco ISE", []string{ // ISE, Syslogs and alarms, "Syslog message format"
		`<181>Mar 14 14:28:52 ise-a CISE_Passed_Authentications 0001939187 1 0 2026-03-14 14:28:51.123 +00:00 0088472694 5200 NOTICE Passed-Authentication: Authentication succeeded, ConfigVersionId=99, Device IP Address=192.0.2.3, UserName=alice, Protocol=Radius, NAS-Port=50103, Step=11001, Step=11017, StepData=, Response={Class=abc; }, CPMSessionID=0a0b,`,
	}, delimited(",", "ConfigVersionId="), []string{"StepData", "CPMSessionID", "Protocol"}},
	{"VMware ESXi", []string{ // Broadcom TechDocs, "ESXi syslog message format"
		`<166>2026-03-14T14:28:52.123Z esx-a.example.com Hostd: info hostd[2100123] [Originator@6876 sub=Vimsvc.TaskManager opID=5f3a-7 user=root] Task Created : haTask-ha-host`,
	}, both(auto, expressions(`^<\d+>\S+ (?P<host>\S+) (?P<program>[^:]+): (?P<level>\w+) \w+\[(?P<thread>\d+)\]`, `\[Originator@6876 .*\] (?P<text>.*)`)), []string{"opID"}},
}

// productSettings are those of a source for all products, with the trims of a site.
func productSettings(t *testing.T, site string, options ...string) ingest.Settings {
	t.Helper()
	all, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	if site != "" {
		packs, problems := pack.Load([]pack.File{{Name: "site.yaml", Data: []byte(site)}})
		if len(problems) != 0 {
			t.Fatal(problems)
		}
		all = append(all, packs...)
	}
	set, err := matcher.Compile(nil, all, matcher.Options{Profile: "default"})
	if err != nil {
		t.Fatal(err)
	}
	s := settings(t, "pack: nothing\nrules: [{name: x, when: {program: nothing}, drop: true}]\n")
	if s.Parser, err = dialect.New(dialect.Auto, set); err != nil {
		t.Fatal(err)
	}
	if s.Profile, err = splunk.NewProfile("default", splunk.Naming{}, s.Parser.Classes()); err != nil {
		t.Fatal(err)
	}
	s.Rules, err = rules.Compile(all, rules.Options{Profile: "default", Options: options, Classes: s.Parser.Classes(), Role: splunk.Role, Packs: set})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventOf returns the text of the one event of a line.
func eventOf(t *testing.T, s ingest.Settings, line string) string {
	t.Helper()
	r := newRig(s)
	d := r.datagrams()
	d.Write([]byte(line), received)
	d.Close(received)
	all := r.sink.Decode(t)
	if len(all) != 1 {
		t.Fatalf("%d events of %s", len(all), line)
	}
	return all[0].Event
}

// differences are the fields that are not as before, other than those that are removed and, if
// empty ones are, those without a value.
func differences(before, after fields, named []string, empty bool) (wrong []string) {
	gone := map[string]bool{}
	for _, name := range named {
		gone[name] = true
		if _, there := after[name]; there {
			wrong = append(wrong, name+" is still there")
		}
	}
	for name, value := range before {
		now, there := after[name]
		if gone[name] || empty && value == "" && !there {
			continue
		}
		if of, ok := strings.CutSuffix(name, "Label"); ok && empty && before[of] == "" && !there {
			continue
		}
		if !there || now != value {
			wrong = append(wrong, fmt.Sprintf("%s was %q and is %q", name, value, now))
		}
	}
	for name, value := range after {
		if _, there := before[name]; !there {
			wrong = append(wrong, fmt.Sprintf("%s is new: %q", name, value))
		}
	}
	return wrong
}

// others are keys that a rule without a condition removes from all products, although only one
// has them.
var others = []string{"vd", "poluuid", "sessionid"}

// Whatever a trim removes, an extraction finds the other fields with the same values.
func TestAddOnsReadTrimmedEvents(t *testing.T) {
	plain := productSettings(t, "")
	control := false
	for i := range trimmedProducts {
		p := &trimmedProducts[i]
		keys := p.named
		if keys == nil {
			keys = others
		}
		short := productSettings(t, fmt.Sprintf("format: 1\npack: site\nrules: [{name: short, trim: {keys: [%s], empty: true}}]\n", strings.Join(keys, ", ")))
		removed, found := false, 0
		for _, line := range p.lines {
			was, is := eventOf(t, plain, line), eventOf(t, short, line)
			before := p.extract(was)
			found += len(before)
			for _, wrong := range differences(before, p.extract(is), p.named, true) {
				t.Errorf("%s: %s\nof %s\nto %s", p.name, wrong, was, is)
			}
			removed = removed || was != is
			for _, name := range p.named { // what ends a value at the first blank is noticed
				naive := regexp.MustCompile(name+`=\S* ?`).ReplaceAllString(was, "")
				control = control || len(differences(before, p.extract(naive), p.named, true)) != 0
			}
		}
		if found < 4*len(p.lines) {
			t.Errorf("%s: %d fields are found in %d lines", p.name, found, len(p.lines))
		}
		if removed != (p.named != nil) {
			t.Errorf("%s: something was removed: %v", p.name, removed)
		}
		t.Logf("%s: %d fields in %d lines", p.name, found, len(p.lines))
	}
	if !control {
		t.Error("a trim that cuts values in two is not noticed")
	}
}

// XML stays as it is, whatever the keys, and where a relay took its first word for a program, too.
func TestTrimLeavesXML(t *testing.T) {
	s := productSettings(t, "format: 1\npack: site\nrules: [{name: short, trim: {keys: [Name, Version, xmlns, ActivityID], empty: true}}]\n")
	plain := productSettings(t, "")
	for i := range trimmedProducts {
		if p := &trimmedProducts[i]; p.name == "Windows, XML" {
			for _, line := range []string{p.lines[0], p.lines[0][:500], "<13>1 2026-03-14T14:28:52Z wec1 <Event - - -  " + strings.SplitN(p.lines[0], "<Event ", 2)[1]} {
				if was, is := eventOf(t, plain, line), eventOf(t, s, line); was != is {
					t.Errorf("%s\nbecomes %s", was, is)
				}
			}
		}
	}
}

// Blanks and tabs: values are the same but for runs of blanks, and columns keep their places.
// What rsyslog made of tabs is found again.
func TestAddOnsReadTrimmedBlanks(t *testing.T) {
	plain, short := productSettings(t, ""), productSettings(t, "format: 1\npack: site\nrules: [{name: short, trim: {spaces: true, tabs: true}}]\n")
	runs := regexp.MustCompile(` +`)
	single := func(f fields) fields {
		for name, value := range f {
			f[name] = strings.TrimSpace(runs.ReplaceAllString(value, " "))
		}
		return f
	}
	for i := range trimmedProducts {
		p := &trimmedProducts[i]
		for _, line := range p.lines {
			before := single(p.extract(eventOf(t, plain, line)))
			for _, how := range []string{line, strings.ReplaceAll(line, "\t", "#011")} {
				after := eventOf(t, short, how)
				for _, wrong := range differences(before, single(p.extract(after)), nil, false) {
					t.Errorf("%s: %s\nof %s\nto %s", p.name, wrong, how, after)
				}
			}
		}
	}
}

// The ready rules that trim, which are for two forms of these products.
func TestAddOnsReadReadyTrims(t *testing.T) {
	plain, ready := productSettings(t, ""), productSettings(t, "", "fortinet_fortigate.thin", "cef.no_empty")
	embedded, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]string{}
	for i := range embedded {
		for _, r := range embedded[i].Rules {
			if r.Trim != nil {
				named[embedded[i].Name] = r.Trim.Keys
			}
		}
	}
	testkit.Equal(t, "packs with trims", len(named), 2)
	shorter := 0
	for i := range trimmedProducts {
		p := &trimmedProducts[i]
		var keys []string
		if p.name == "FortiGate" {
			keys = named["fortinet_fortigate"]
		}
		for _, line := range p.lines {
			was, is := eventOf(t, plain, line), eventOf(t, ready, line)
			for _, wrong := range differences(p.extract(was), p.extract(is), keys, true) {
				t.Errorf("%s: %s\nof %s\nto %s", p.name, wrong, was, is)
			}
			if len(is) < len(was) {
				shorter++
			}
		}
	}
	if shorter < 3 {
		t.Errorf("%d lines became shorter", shorter)
	}
}
