package matcher_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// load reads packs from YAML. They must have no problems.
func load(t testing.TB, text string) []pack.Pack {
	t.Helper()
	packs, problems := pack.Load([]pack.File{{Name: "packs.yaml", Data: []byte(text)}})
	for _, p := range problems {
		t.Fatal(p)
	}
	return packs
}

func compile(t testing.TB, site, embedded []pack.Pack, o matcher.Options) *matcher.Set {
	t.Helper()
	s, err := matcher.Compile(site, embedded, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const order = `
format: 1
products:
  - {product: by_sd, sd: ["dev@1*"], sourcetype: x, role: main, test: a, not: b}
  - {product: by_cef, cef: {vendor: Acme, product: Wall}, sourcetype: x, role: main, test: a, not: b}
  - {product: by_cef_vendor, cef: {vendor: Acme}, sourcetype: x, role: main, test: a, not: b}
  - {product: by_leef, leef: {vendor: "Acme*"}, sourcetype: x, role: main, test: a, not: b}
  - {product: by_id, message_id: ["ACME-*"], sourcetype: x, role: main, test: a, not: b}
  - {product: by_program, program: [acmed], sourcetype: x, role: main, test: a, not: b}
  - {product: by_prefix, program: ["acme*"], sourcetype: x, role: main, test: a, not: b}
  - {product: by_long_prefix, program: ["acmed-*"], sourcetype: x, role: main, test: a, not: b}
  - {product: by_folder, program: ["mail/smtp"], sourcetype: x, role: main, test: a, not: b}
  - {product: by_any_case, program: [Widget], ignore_case: true, sourcetype: x, role: main, test: a, not: b}
  - {product: by_text, text: ["date="], sourcetype: x, role: main, test: a, not: b}
  - {product: by_keys, text: ["date="], read: kv, keys: {devid: "*", type: [a, "b*"]}, sourcetype: x, role: main, test: a, not: b}
  - {product: by_header, header: [bsd], words: {2: ["*@flow"]}, sourcetype: x, role: main, test: a, not: b}
  - {product: by_generic, cef: {vendor: "*"}, sourcetype: x, role: main, test: a, not: b}
`

// TestOrder: the most certain part of a message decides.
func TestOrder(t *testing.T) {
	s := compile(t, nil, load(t, order), matcher.Options{Profile: "default"})
	for line, want := range map[string]string{
		`<13>1 2026-03-14T14:28:52Z h acmed - - [dev@12 a="1"] x`:      "by_sd",
		`<13>1 2026-03-14T14:28:52Z h acmed - - [x@1][dev@12 a="1"] x`: "by_sd",
		`<13>1 2026-03-14T14:28:52Z h acmed - - [x@1 a="[dev@12 ]"] x`: "by_program",
		`<13>Mar 14 14:28:52 h acmed: CEF:0|ACME|wall|1|7|n|3|a=b`:     "by_cef",
		`<13>Mar 14 14:28:52 h CEF:0|Acme|Other|1|7|n|3|a=b`:           "by_cef_vendor",
		`<13>Mar 14 14:28:52 h CEF:0|Acme Ltd|Wall|1|7|n|3|a=b`:        "by_generic",
		`<13>Mar 14 14:28:52 h LEEF:1.0|Acme Ltd|Wall|1|7|a=b`:         "by_leef",
		`<13>Mar 14 14:28:52 h LEEF:1.0|Other|Wall|1|7|a=b`:            "",
		`<13>Mar 14 14:28:52 h %ACME-5-UP: x`:                          "by_id",
		`<13>1 2026-03-14T14:28:52Z h other - ACME-UP - x`:             "by_id",
		`<13>Mar 14 14:28:52 h acmed[7]: date=1 devid=2 type=a`:        "by_program",
		`<13>Mar 14 14:28:52 h acmed-sub: x`:                           "by_long_prefix",
		`<13>Mar 14 14:28:52 h acmes: x`:                               "by_prefix",
		`<13>Mar 14 14:28:52 h Acmed: x`:                               "",
		`<13>Mar 14 14:28:52 h mail/smtp[7]: x`:                        "by_folder",
		`<13>Mar 14 14:28:52 h other/smtp[7]: x`:                       "",
		`<13>Mar 14 14:28:52 h /usr/sbin/acmed[7]: x`:                  "by_program",
		`<13>Mar 14 14:28:52 h WIDGET: x`:                              "by_any_case",
		`<13>Mar 14 14:28:52 h app: date=2026 x`:                       "by_text",
		`<13>date=2026 type="bc" devid=7`:                              "by_keys",
		`<13>date=2026 type="c" devid=7`:                               "by_text",
		`<13>Mar 14 14:28:52 h 4711 x@flow y`:                          "by_header",
		`<13>Mar 14 14:28:52 h app: 4711 x@flow y`:                     "", // a header alone is for messages without a program
		`<13>Mar 14 14:28:52 h sshd[3]: Accepted publickey for deploy`: "",
		`<13>`: "",
	} {
		sc, m := new(matcher.Scratch), matcher.Match{}
		if !find(s, sc, lineOf(line), &m) {
			s.Generic(sc, &m)
		}
		if m.Pack != want {
			t.Errorf("%s: pack %q, want %q (by %s)", line, m.Pack, want, m.By)
		}
	}
}

// TestSiteWins: against an embedded pack the site's own always wins, however little it says.
func TestSiteWins(t *testing.T) {
	site := load(t, "format: 1\nproducts:\n  - {product: mine, program: [\"ac*\"], sourcetype: x, role: main, test: a, not: b}\n"+
		"  - {product: cefs, cef: {vendor: \"*\"}, sourcetype: x, role: main, test: a, not: b}\n")
	s := compile(t, site, load(t, order), matcher.Options{Profile: "default"})
	var m matcher.Match
	if find(s, new(matcher.Scratch), lineOf("<13>Mar 14 14:28:52 h acmed: x"), &m); m.Pack != "mine" {
		t.Errorf("pack %q", m.Pack)
	}
	same := load(t, "format: 1\nproducts:\n  - {product: by_program, program: [other], sourcetype: y, role: main, test: a, not: b}\n")
	s = compile(t, same, load(t, order), matcher.Options{Profile: "default"})
	if find(s, new(matcher.Scratch), lineOf("<13>Mar 14 14:28:52 h acmed: x"), &m); m.Pack != "by_prefix" {
		t.Errorf("a pack of the same name: pack %q", m.Pack)
	}
	s = compile(t, nil, load(t, order), matcher.Options{Profile: "default", Disable: []string{"by_program"}})
	if find(s, new(matcher.Scratch), lineOf("<13>Mar 14 14:28:52 h acmed: x"), &m); m.Pack != "by_prefix" {
		t.Errorf("a disabled pack: pack %q", m.Pack)
	}
}

const whole = `
format: 1
pack: acme
vendor: acme
product: wall
match:
  - {program: [walld]}
  - {program: ["wa*"], profile: sc4s}
not: {contains: "is no wall", within: 64}
read: kv
host: [{key: dev, before: "."}, {program: true}]
time:
  - {keys: [date, time, tz], as: "%Y-%m-%d %H:%M:%S %z"}
  - {key: epoch, as: unix}
timezone: Europe/Berlin
event: message
classes:
  - {name: deny, when: {keys: {action: [deny, "drop*"]}}, sourcetype: "acme:{key:type|lower}", source: "p:{program}:{key:type}", role: netfw}
  - {name: high, when: [{level: [emerg, alert, crit]}, {facility: local7, sender: 192.0.2.0/24}], sourcetype: acme:high, role: netops}
  - {name: other, when: {any: [{words: {2: up}}, {contains: "is up"}], not: {host: "test*"}}, sourcetype: acme:other, role: netops, sc4s: {sourcetype: acme:sc4s}}
  - {name: log, sourcetype: acme:log, role: netops}
`

// TestRead: class, host, time, names and event of a pack.
func TestRead(t *testing.T) {
	s := compile(t, nil, load(t, whole), matcher.Options{Profile: "default"})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, class, host, sourcetype, source, event string }{
		{`<13>Mar 14 14:28:52 h walld: dev=fw-a.example action=dropped type="Traffic X" x`, "acme_deny", "fw-a", "traffic_x", "walld:Traffic_X", `dev=fw-a.example action=dropped type="Traffic X" x`},
		{`<10>Mar 14 14:28:52 h walld[3]: action=allow`, "acme_high", "walld", "", "", "action=allow"},
		{`<190>Mar 14 14:28:52 h walld: action=allow`, "acme_high", "walld", "", "", "action=allow"},
		{`<13>Mar 14 14:28:52 h walld: link up`, "acme_other", "walld", "", "", "link up"},
		{`<13>Mar 14 14:28:52 test1 walld: link up`, "acme_log", "walld", "", "", "link up"},
		{`<13>Mar 14 14:28:52 h walld: this is no wall`, "", "", "", "", ""},
		{`<13>Mar 14 14:28:52 h wallx: x`, "", "", "", "", ""},
	} {
		sc, m := new(matcher.Scratch), matcher.Match{}
		l := lineOf(c.line)
		l.From = netip.MustParseAddr("192.0.2.7")
		if !find(s, sc, l, &m) {
			if c.class != "" {
				t.Errorf("%s: no pack", c.line)
			}
			continue
		}
		class := s.Classes()[m.Class]
		if class.Name != c.class || string(m.Host) != c.host || string(m.Sourcetype) != c.sourcetype || string(m.Source) != c.source {
			t.Errorf("%s: class %s, host %s, sourcetype …%s, source …%s", c.line, class.Name, m.Host, m.Sourcetype, m.Source)
		}
		if got := string(sc.Event(m.Form)); got != c.event {
			t.Errorf("%s: event %q", c.line, got)
		}
		if m.Location == nil || m.Location.String() != berlin.String() {
			t.Errorf("%s: zone %v", c.line, m.Location)
		}
	}
	var m matcher.Match
	find(s, new(matcher.Scratch), lineOf(`<13>Mar 14 14:28:52 h walld: date=2026-03-14 time=14:28:50 tz=+0100`), &m)
	if m.Stamp.Hour != 14 || m.Stamp.Offset != 3600 {
		t.Errorf("time %+v", m.Stamp)
	}
	find(s, new(matcher.Scratch), lineOf(`<13>Mar 14 14:28:52 h walld: date=2026-03-14 epoch=1773498532123`), &m)
	if m.Stamp.Secs != 1773498532 || m.Stamp.Nanos != 123e6 {
		t.Errorf("time %+v", m.Stamp)
	}
	s = compile(t, nil, load(t, whole), matcher.Options{Profile: "sc4s"})
	if !find(s, new(matcher.Scratch), lineOf(`<13>Mar 14 14:28:52 h wallx: link up`), &m) || s.Classes()[m.Class].Names.Sourcetype != "acme:sc4s" {
		t.Errorf("profile sc4s: %+v", m)
	}
}

// TestPins: a pinned pack takes what it does not refuse, and of several the one that says so.
func TestPins(t *testing.T) {
	s := compile(t, nil, load(t, whole+"---"+order), matcher.Options{Profile: "default"})
	acme, ok := s.Pin("acme")
	other, ok2 := s.Pin("by_any_case")
	if _, found := s.Pin("nobody"); !ok || !ok2 || found {
		t.Fatal("the names of packs are not right")
	}
	if err := s.Unknown("acne"); !strings.Contains(err.Error(), "did you mean acme?") {
		t.Error(err)
	}
	for line, want := range map[string]string{
		"<13>Mar 14 14:28:52 h anything: x":                 "acme",
		"<13>Mar 14 14:28:52 h widget: x":                   "by_any_case",
		"<13>Mar 14 14:28:52 h anything: this is no wall x": "by_any_case",
	} {
		sc, m := new(matcher.Scratch), matcher.Match{}
		l := lineOf(line)
		sc.Begin(&l)
		if !s.Pinned([]matcher.Pin{acme, other}, sc, &m) || m.Pack != want {
			t.Errorf("%s: pack %q, want %q", line, m.Pack, want)
		}
	}
}

// TestDevices: the parts and keys of CEF and LEEF.
func TestDevices(t *testing.T) {
	s := compile(t, nil, load(t, `
format: 1
pack: dev
match: [{cef: {vendor: 'A\|B'}}, {leef: {vendor: Gate}}]
host: [{cef: dvchost}, {leef: devName}]
time: [{cef: rt, as: unix}, {leef: devTime, as: "%b %d %Y %H:%M:%S"}]
classes: [{name: only, sourcetype: x, role: main, fields_from: cef}]
`), matcher.Options{Profile: "default"})
	for _, c := range []struct {
		line, host, id string
		timed, broken  bool
	}{
		{`<13>Mar 14 14:28:52 h CEF:0|A\|B|P|1|id\|7|n|3|msg=a b dvchost=fw a rt=1773498532123 x=y`, "", `id\|7`, true, false},
		{`<13>Mar 14 14:28:52 h CEF:0|A\|B|P|1|7|n|3|msg=a dvchost=fw-a`, "fw-a", "7", false, false},
		{`<13>Mar 14 14:28:52 h CEF:0|A\|B|P|1|7`, "", "7", false, true},
		{"<13>Mar 14 14:28:52 h LEEF:1.0|Gate|P|1|login|devName=g-1\tx=y", "g-1", "login", false, false},
		{"<13>Mar 14 14:28:52 h LEEF:2.0|Gate|P|1|login|^|x=devName=no^devName=g-2^devTime=Mar 14 2026 14:28:50", "g-2", "login", true, false},
		{"<13>Mar 14 14:28:52 h LEEF:2.0|Gate|P|1|login|x5e|devName=g-3^x=y", "g-3", "login", false, false},
		{"<13>Mar 14 14:28:52 h LEEF:2.0|Gate|P", "", "", false, true},
	} {
		var m matcher.Match
		if !find(s, new(matcher.Scratch), lineOf(c.line), &m) {
			t.Errorf("%s: no pack", c.line)
			continue
		}
		if string(m.Host) != c.host || string(m.ID) != c.id || m.Stamp.Exists() != c.timed || m.Broken != c.broken {
			t.Errorf("%s: host %q, id %q, time %+v, broken %v", c.line, m.Host, m.ID, m.Stamp, m.Broken)
		}
	}
}

// TestRegexBomb: an expression takes linear time, and a pack with one says that it is slow.
func TestRegexBomb(t *testing.T) {
	s := compile(t, nil, load(t, `
format: 1
pack: slow
match: {program: [x1], regex: '^(a+)+$'}
sourcetype: x
role: main
`), matcher.Options{Profile: "default"})
	var m matcher.Match
	if find(s, new(matcher.Scratch), lineOf("<13>Mar 14 14:28:52 h x1: "+strings.Repeat("a", 60000)+"b"), &m) {
		t.Error("the expression does not match")
	}
	if !find(s, new(matcher.Scratch), lineOf("<13>Mar 14 14:28:52 h x1: aaa"), &m) || !m.Slow {
		t.Errorf("%+v", m)
	}
}

// TestRebuilt: the event as JSON.
func TestRebuilt(t *testing.T) {
	s := compile(t, nil, load(t, `
format: 1
pack: kv
match: {program: [x1]}
read: kv
event: json
sourcetype: x
role: main
`), matcher.Options{Profile: "default"})
	for line, want := range map[string]string{
		`<13>Mar 14 14:28:52 h x1: a=1 b="two words" c="q\"x" free d=`: `{"a":"1","b":"two words","c":"q\\\"x","d":""}`,
		`<13>Mar 14 14:28:52 h x1: {"a":1}`:                            `{"a":1}`,
		`<13>Mar 14 14:28:52 h x1: nothing`:                            ``,
	} {
		sc, m := new(matcher.Scratch), matcher.Match{}
		if !find(s, sc, lineOf(line), &m) || !m.Slow {
			t.Fatalf("%s: %+v", line, m)
		}
		if got := string(sc.Event(m.Form)); got != want {
			t.Errorf("%s: event %s, want %s", line, got, want)
		}
	}
}
