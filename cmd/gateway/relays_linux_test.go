package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// relayedLine is a line as a device sends it.
type relayedLine struct {
	family string
	header string
	// text is what follows the header; the last word is the line's mark.
	text string
	// bare says that the event is the text alone.
	bare bool
	// bracketed says that the relay may take the first word for a process number.
	bracketed bool
	// cut and slash are what is left of the text by relays that cut tags at 32
	// characters, and by those that end a program at its first slash; "" for all of it.
	cut, slash string
}

// relayedLines has the forms that have no program tag, or one that a relay must not
// change, of all families. TIME is the wall clock.
func relayedLines(now time.Time) []relayedLine {
	bsd, iso, slash := now.Format("Jan _2 15:04:05"), now.Format("2006-01-02T15:04:05Z"), now.Format("2006/01/02 15:04:05")
	clock, asctime := now.Format("15:04:05"), now.Format("Mon Jan _2 15:04:05 2006")
	csv := "0072,SYSTEM,general,0," + slash + `,,general,,0,0,general,informational,"User a, logged in",1,0x0 mark=pan`
	event := "xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='X'/><EventID>4624</EventID><TimeCreated SystemTime='" +
		iso + "'/><Channel>Security</Channel><Computer>dc1.example.com</Computer></System><EventData>mark=xml</EventData></Event>"
	snare := "\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc1.example.com\tLogoff\t\tAn account was logged off.\tmark=snare"
	return []relayedLine{
		{family: "unifi", header: "<14>" + bsd + " Dream ",
			text: "CEF:0|Ubiquiti|UniFi Network|10.4.57|400|Client Connected|1|UNIFIutcTime=" + iso + " msg=x mark=cef"},
		{family: "unifi", header: bsd + " Dream ",
			text: "CEF:0|Ubiquiti|UniFi OS|5.1.31|1005|Changed|2|UNIFIhost=Dream msg=x mark=cefos"},
		{family: "unifi", header: "<30>" + bsd + " AP-1 ",
			text: "e063daccbd48,U6-Lite-6.7.41+15623: mcad: mcad[21498]: stats mark=ap",
			cut:  "e063daccbd48,U6-Lite-6.7.41+1562 mcad: mcad[21498]: stats mark=ap"},
		{family: "unifi", header: "<13>" + bsd + " Dream ",
			bracketed: true,
			text:      `[LAN_IN-RET-2147483647] DESCR="x" IN=br0 OUT= MAC=9c:05 SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP mark=fw`},
		{family: "palo_alto", header: "<14>" + bsd + " fw1 ", bare: true,
			text: "1," + slash + "," + csv, slash: "1," + now.Format("2006") + " " + clock + "," + csv},
		{family: "palo_alto", header: "<14>" + bsd + " fw1 ",
			text: "CEF:0|Palo Alto Networks|PAN-OS|11.0.1|end|TRAFFIC|1|rt=" + now.Format("Jan 02 2006 15:04:05") + " GMT src=192.0.2.1 mark=pancef"},
		{family: "palo_alto", header: "<14>" + bsd + " fw1 ",
			text: "LEEF:2.0|Palo Alto Networks|PAN-OS Syslog Integration|11.0|end|cat=TRAFFIC|devTime=" + now.Format("Jan 02 2006 15:04:05") + " GMT|x=1 mark=leef"},
		{family: "cisco_asa", header: "<166>" + now.Format("Jan _2 2006 15:04:05") + " fw1 : ",
			text: "%ASA-6-302013: Built outbound TCP connection 1 mark=asa"},
		{family: "cisco_asa", header: "<166>" + iso + " ftd1 : ",
			text: "%FTD-6-430003: DeviceUUID: 1, AccessControlRuleAction: Allow, mark=ftd"},
		{family: "cisco_asa", header: "<189>94: sw1: 000090: *" + now.Format("Jan _2 2006 15:04:05.141") + ": ",
			text: "%SYS-5-CONFIG_I: Configured from console mark=ios"},
		{family: "linux", header: "<86>" + bsd + " web1 sshd[7]: ", text: "Accepted publickey for x mark=sshd"},
		{family: "linux", header: "<13>" + bsd + " web1 ",
			text: fmt.Sprintf("type=USER_START msg=audit(%d.123:17948): pid=1 uid=0 mark=audit", now.Unix())},
		{family: "windows", header: "<13>" + bsd + " wec1 ", bare: true, text: "<Event " + event},
		{family: "windows", header: "<14>" + bsd + " dc1 ",
			text: "MSWinEventLog\t1\tSecurity\t7\t" + asctime + snare,
			cut:  "MSWinEventLog#0111#011Security#0" + asctime[3:] + snare},
		{family: "windows", header: "<14>" + bsd + " dc1 ",
			text: `{"EventTime":"` + now.Format("2006-01-02 15:04:05") + `","Hostname":"dc1","EventID":4624,"SourceName":"X","Channel":"Security","Message":"x y mark=json"}`},
		{family: "windows", header: "<14>" + bsd + " c1 ",
			text: fmt.Sprintf("CEF:0|Microsoft|Microsoft Windows||X:4634|Logged off|Low| eventId=1 rt=%d000 mark=wincef", now.Unix())},
	}
}

// mark finds a line in what becomes of it.
func mark(text string) string {
	_, after, _ := strings.Cut(text, "mark=")
	return strings.TrimRight(strings.SplitN(strings.SplitN(after, "<", 2)[0], `"`, 2)[0], " \n")
}

// arrived is what of an event the relays must not change.
type arrived struct {
	Time       float64
	Host       string
	Sourcetype string
	Event      string
	Fields     map[string]string
}

// arrivals maps "port mark" to the event.
func (s *site) arrivals() map[string]arrived {
	all := make(map[string]arrived)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, line := range s.sink.lines {
		var e arrived
		if err := json.Unmarshal([]byte(line), &e); err == nil {
			all[e.Fields["via"]+" "+mark(e.Event)] = e
		}
	}
	return all
}

// relaySite is a gateway whose events say which port they came by.
func relaySite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, "batch: {max_age: 20ms}\n")
	yaml := s.read()
	for port := range s.ports {
		yaml = strings.Replace(yaml, "vendor: "+port+",", "vendor: "+port+", fields: {via: "+port+"},", 1)
	}
	s.write(yaml)
	return s
}

// relay is a real relay with an input for each family, whose lines it sends to the
// family's port and to the Linux port.
type relay struct {
	name    string
	cuts    bool // tags at 32 characters
	slashes bool // a program ends at a slash
	escapes bool // tabs
	loses   bool // a process number without a program, and so the chain of a firewall line
	command func(dir string, inputs, ports map[string]int) *exec.Cmd
}

func rsyslogRelay(t *testing.T, template string) relay {
	program := need(t, "rsyslogd", "rsyslog")
	return relay{
		name: "rsyslog " + template, cuts: strings.HasSuffix(template, "ForwardFormat"),
		slashes: strings.HasPrefix(template, "RSYSLOG_Syslog"), escapes: true,
		command: func(dir string, inputs, ports map[string]int) *exec.Cmd {
			var conf strings.Builder
			conf.WriteString("template(name=\"asReceived\" type=\"string\" string=\"%rawmsg%\")\nmodule(load=\"imudp\")\n")
			for _, family := range slices.Sorted(maps.Keys(inputs)) {
				fmt.Fprintf(&conf, "input(type=\"imudp\" address=\"127.0.0.1\" port=\"%d\" ruleset=\"%s\")\nruleset(name=\"%[2]s\") {\n", inputs[family], family)
				for _, port := range targets(family) {
					fmt.Fprintf(&conf, "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"%d\" protocol=\"udp\" template=\"%s\")\n", ports[port], template)
				}
				conf.WriteString("}\n")
			}
			file := filepath.Join(dir, "rsyslog.conf")
			testkit.Must(t, os.WriteFile(file, []byte(conf.String()), 0o600))
			cmd := exec.Command(program, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
			cmd.Env = append(os.Environ(), "TZ=UTC")
			return cmd
		},
	}
}

// targets are the ports that the lines of a family are relayed to.
func targets(family string) []string {
	if family == "linux" {
		return []string{"linux"}
	}
	return []string{family, "linux"}
}

// syslogNGRelay has a source driver with its flags, and a destination driver with its
// options.
func syslogNGRelay(t *testing.T, source, flags, destination, options string) relay {
	program := need(t, "syslog-ng", "syslog-ng-core")
	root := filepath.Dir(filepath.Dir(program))
	modules, err := filepath.Glob(filepath.Join(root, "lib", "syslog-ng", "[0-9]*"))
	if err != nil || len(modules) != 1 {
		t.Fatalf("the modules of syslog-ng: %q, %v", modules, err)
	}
	return relay{
		name:  fmt.Sprintf("syslog-ng %s(%s) to %s(%s)", source, flags, destination, options),
		loses: strings.Contains(flags, "dont-store") && destination == "network",
		command: func(dir string, inputs, ports map[string]int) *exec.Cmd {
			conf := "@version: " + filepath.Base(modules[0]) + "\noptions { keep-hostname(yes); };\n"
			for _, family := range slices.Sorted(maps.Keys(inputs)) {
				conf += fmt.Sprintf("destination d_%s { %s(\"127.0.0.1\" port(%d) transport(\"udp\") %s); };\n", family, destination, ports[family], options)
			}
			for family, port := range inputs {
				conf += fmt.Sprintf("log { source { %s(ip(\"127.0.0.1\") port(%d) transport(\"udp\") %s); };", source, port, flags)
				for _, target := range targets(family) {
					conf += " destination(d_" + target + ");"
				}
				conf += " };\n"
			}
			file := filepath.Join(dir, "syslog-ng.conf")
			testkit.Must(t, os.WriteFile(file, []byte(conf), 0o600))
			cmd := exec.Command(program, "-F", "--module-path", modules[0], "-f", file, "-R", filepath.Join(dir, "persist"),
				"-c", filepath.Join(dir, "control"), "-p", filepath.Join(dir, "pid"))
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries(root), "TZ=UTC")
			return cmd
		},
	}
}

// TestRelays sends lines of all families through rsyslog with each of its built-in
// templates for lines, and through syslog-ng with its drivers and flags, to the
// family's port and to the Linux port. Class, sourcetype, host, time and the device's
// text are those of the line that no relay changed.
func TestRelays(t *testing.T) {
	t.Parallel()
	var relays []relay
	for _, template := range []string{
		"RSYSLOG_TraditionalForwardFormat", "RSYSLOG_ForwardFormat", "RSYSLOG_SyslogProtocol23Format", "RSYSLOG_SyslogRFC5424Format",
		"RSYSLOG_TraditionalFileFormat", "RSYSLOG_FileFormat", "RSYSLOG_SysklogdFileFormat", "asReceived",
	} {
		relays = append(relays, rsyslogRelay(t, template))
	}
	for _, r := range [][4]string{
		{"network", "", "network", ""},
		{"network", "", "syslog", ""},
		{"syslog", "", "syslog", ""},
		{"syslog", "", "network", ""},
		{"network", "flags(no-parse)", "network", ""},
		{"network", "flags(no-parse)", "syslog", ""},
		{"network", "flags(no-parse)", "network", `template("$MSG\n")`},
		{"network", "flags(store-raw-message)", "network", `template("$RAWMSG\n")`},
		{"network", "flags(dont-store-legacy-msghdr)", "network", ""},
		{"network", "flags(dont-store-legacy-msghdr)", "syslog", ""},
	} {
		relays = append(relays, syslogNGRelay(t, r[0], r[1], r[2], r[3]))
	}
	lines := relayedLines(time.Now().UTC())
	direct := relaySite(t)
	direct.start()
	for _, l := range lines {
		for _, port := range targets(l.family) {
			_, _ = direct.dial("udp", port).Write([]byte(l.header + l.text))
		}
	}
	testkit.Eventually(t, "the lines have come without a relay", func() bool { return len(direct.arrivals()) == len(keys(lines)) })
	want := direct.arrivals()
	for _, r := range relays {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			testRelay(t, r, lines, want)
		})
	}
}

// keys are the keys of the arrivals of lines.
func keys(lines []relayedLine) (all []string) {
	for _, l := range lines {
		for _, port := range targets(l.family) {
			all = append(all, port+" "+mark(l.text))
		}
	}
	return all
}

func testRelay(t *testing.T, r relay, lines []relayedLine, direct map[string]arrived) {
	s := relaySite(t)
	p := s.start()
	inputs := make(map[string]int)
	for i, port := range freePorts(t, len(s.ports)) {
		inputs[slices.Sorted(maps.Keys(s.ports))[i]] = port
	}
	relay := s.spawn(r.command(t.TempDir(), inputs, s.ports))
	for family, port := range inputs { // a relay that does not listen yet loses what is sent
		c := s.dialPort("udp", port)
		testkit.Eventually(t, "the relay listens", func() bool {
			select {
			case <-relay.exited:
				t.Fatalf("the relay ended: %v\n%s", relay.err, relay.log)
			default:
			}
			fmt.Fprintf(c, "<13>%s relay app: mark=warm-%s", stampBSD(), family)
			_, ok := s.arrivals()["linux warm-"+family]
			return ok
		})
	}
	for _, l := range lines {
		_, _ = s.dialPort("udp", inputs[l.family]).Write([]byte(l.header + l.text))
	}
	for _, l := range lines {
		for _, port := range targets(l.family) {
			key := port + " " + mark(l.text)
			testkit.Eventually(t, key+" has come", func() bool {
				_, relayed := s.arrivals()[key]
				return relayed
			})
			if !l.bracketed || !r.loses {
				compareRelayed(t, r, l, key, s.arrivals()[key], direct[key])
			}
		}
	}
	relay.kill()
	s.assertBalance()
	p.stop()
}

func compareRelayed(t *testing.T, r relay, l relayedLine, key string, got, want arrived) {
	t.Helper()
	if got.Fields["class"] != want.Fields["class"] || got.Sourcetype != want.Sourcetype || got.Host != want.Host {
		t.Errorf("%s: class %s, sourcetype %s, host %s; without the relay %s, %s, %s\n%q", key, got.Fields["class"], got.Sourcetype, got.Host,
			want.Fields["class"], want.Sourcetype, want.Host, got.Event)
	}
	// A second: some headers have fractions, and some agents' times only stand in where
	// the header has no zone.
	if math.Abs(got.Time-want.Time) > 1 {
		t.Errorf("%s: time %f, without the relay %f\n%q", key, got.Time, want.Time, got.Event)
	}
	text := l.text
	if r.cuts && l.cut != "" {
		text = l.cut
	}
	if r.slashes && l.slash != "" {
		text = l.slash
	}
	if r.escapes {
		text = strings.ReplaceAll(text, "\t", "#011")
	}
	event := got.Event
	if strings.HasPrefix(text, "{") { // a blank behind the first key is JSON, too
		event = strings.Replace(event, `": "`, `":"`, 1)
	}
	if l.bare && event != text || !strings.HasSuffix(event, text) {
		t.Errorf("%s: the event is\n%q\nand should be or end with\n%q", key, got.Event, text)
	}
}
