package packnew

import (
	"strings"
	"testing"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
)

func embedded(t *testing.T) []pack.Pack {
	t.Helper()
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return packs
}

func TestWhatIsMade(t *testing.T) {
	for _, c := range []struct {
		name, lines  string
		known, found int
		wants, lacks []string
	}{
		{
			"programs that begin alike", `<13>Mar 14 14:28:52 fw-muc acmed[31]: link up for user alice
<13>Mar 14 14:28:53 fw-muc acmed[31]: mail to bob.miller@corp.example.org
<13>Mar 14 14:28:53 fw-muc acme-cli[31]: alice ran show on fw-muc
<13>Mar 14 14:28:53 fw-muc sshd[31]: Accepted password for root
<166>Mar 14 14:28:54 fw %ASA-6-302013: Built`, 2, 3,
			[]string{"match: {program: 'acme*'}", "sourcetype: acme:widget", "role: main", "ran show on host-a'", "host: host-a", "pack: none", "not acme but"},
			[]string{"alice", "bob", "muc", "sshd", "ASA"},
		},
		{
			"one program", "<13>Mar 14 14:28:52 w1 /usr/bin/widgetd[31]: up\n<13>Mar 14 14:28:52 w1 widgetd[31]: down", 0, 2,
			[]string{"match: {program: widgetd}"}, nil,
		},
		{
			"a program of every system", "<13>Mar 14 14:28:52 w1 kernel: ACME-FW dropped 1\n<13>Mar 14 14:28:52 w1 kernel: ACME-FW passed 2", 0, 2,
			[]string{"match: {program: kernel, text: 'ACME-FW '}"}, nil,
		},
		{
			"key=value with a kind", `<189>date=2026-03-14 time=14:28:52 acme_serial=AC12345678 type=traffic src=10.0.0.1 user="carol" hostname=wg7
<189>date=2026-03-14 time=14:28:53 acme_serial=AC12345678 type=event src=10.0.0.1 user="dave" hostname=wg7`, 0, 2,
			[]string{"read: kv", "keys: {acme_serial: '*'}", "host: {key: hostname}", "{name: traffic, when: {keys: {type: traffic}}, sourcetype: acme:widget:traffic, role: main}", "class: event"},
			[]string{"carol", "12345678", "10.0.0.1"},
		},
		{
			"JSON", `{"product":"Widget","timestamp":"2026-03-14T14:28:52Z","hostname":"nas7","event_type":"login","user":"frank"}
{"product":"Widget","timestamp":"2026-03-14T14:28:53Z","hostname":"nas7","event_type":"logout","user":"frank"}`, 0, 2,
			[]string{`match: {text: '{"', json: {product: Widget}}`, "read: json", "host: {json: hostname}", "time: {json: timestamp, as: iso}", "when: {json: {event_type: login}}"},
			[]string{"frank", "nas7"},
		},
		{
			"columns", `<14>Mar 14 14:28:52 h1 WIDGET,1,TRAFFIC,allow,10.0.0.1,10.0.0.2,80
<14>Mar 14 14:28:52 h1 WIDGET,1,SYSTEM,x,10.0.0.1,10.0.0.2,80
<14>Mar 14 14:28:52 h1 WIDGET,1,TRAFFIC,deny,10.0.0.1,10.0.0.3,81
<14>Mar 14 14:28:52 h1 WIDGET,1,SYSTEM,y,10.0.0.1,10.0.0.2,80`, 0, 4,
			[]string{"match: {text: 'WIDGET,1,'}", "read: csv", "{name: system, when: {columns: {3: SYSTEM}}"}, []string{"10.0.0"},
		},
		{
			"CEF", "<14>Mar 14 14:28:52 h1 CEF:0|Acme Inc|Gate|1.0|42|Deny|5|src=10.0.0.1 suser=eve\n<14>Mar 14 14:28:52 h1 CEF:0|Acme Inc|Gate|1.0|43|Allow|5|dhost=srv1.corp.local", 0, 2,
			[]string{"match: {cef: {vendor: Acme Inc}}", "suser=user-a", "dhost=host-b.example.com"}, []string{"eve", "srv1"},
		},
		{
			"LEEF", "<14>Mar 14 14:28:52 h1 LEEF:1.0|Acme|Gate|1.0|42|usrName=eve\tsrc=10.0.0.1", 0, 1,
			[]string{"match: {leef: {vendor: Acme}}", `LEEF:1.0|Acme|Gate|1.0|42|usrName=user-a\tsrc=192.0.2.1"`}, []string{"eve"},
		},
		{
			"structured data", "<14>1 2026-03-14T14:28:52Z srv.corp.local - - - [acme@32473 ip=\"10.0.0.1\"] started\n<14>1 2026-03-14T14:28:53Z srv.corp.local - - - [acme@32473] stopped", 0, 2,
			[]string{"match: {sd: acme@32473}", "host: host-a.example.com"}, []string{"corp"},
		},
		{
			"nothing that tells", "<14>Mar 14 14:28:52 h1 User logged in\n<14>Mar 14 14:28:52 h1 Door opened", 0, 0,
			[]string{"# Nothing in the lines tells the product", "pinned: true"}, []string{"match:"},
		},
		{
			"behind a relay", "<14>Mar 14 14:28:52 relay7 <14>Mar 14 14:28:51 dev-77 gizmod[1]: up", 0, 1,
			[]string{"match: {program: gizmod}", "host: host-b"}, []string{"relay7", "dev-77"},
		},
	} {
		made, err := New("acme_widget", strings.Split(c.lines, "\n"), nil, embedded(t))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(made.Known) != c.known || made.Found != c.found {
			t.Errorf("%s: %d known, %d found\n%s", c.name, len(made.Known), made.Found, made.YAML)
		}
		for _, want := range c.wants {
			if !strings.Contains(made.YAML, want) {
				t.Errorf("%s: lacks %s\n%s", c.name, want, made.YAML)
			}
		}
		for _, lack := range c.lacks {
			if strings.Contains(made.YAML, lack) {
				t.Errorf("%s: has %s\n%s", c.name, lack, made.YAML)
			}
		}
		if positive := strings.Count(made.YAML, "line: ") - 1; positive < min(2, made.Lines) || !strings.Contains(made.YAML, "pack: none") {
			t.Errorf("%s: %d tests\n%s", c.name, positive, made.YAML)
		}
	}
}

// The lines of each embedded pack make a pack that loads and passes its tests, where the
// embedded one is not there.
func TestLinesOfEveryProductMakeAPack(t *testing.T) {
	packs := embedded(t)
	made, lines, found := 0, 0, 0
	for i := range packs {
		var own []string
		for _, test := range packs[i].Tests {
			if test.Pack == "" && !test.Not {
				own = append(own, test.Line)
			}
		}
		m, err := New("new_pack", own, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", packs[i].Name, err)
			continue
		}
		if m.Lines != 0 {
			made, lines, found = made+1, lines+m.Lines, found+m.Found
		}
		if m.Lines > 1 && m.Tests < 2 {
			t.Errorf("%s: %d tests of %d lines\n%s", packs[i].Name, m.Tests, m.Lines, m.YAML)
		}
	}
	if made < 100 || found*2 < lines {
		t.Errorf("%d packs, %d of %d lines found", made, found, lines)
	}
}

func TestNamesAreTakenOrWrong(t *testing.T) {
	line := []string{"<13>Mar 14 14:28:52 w1 widgetd[31]: up"}
	for name, want := range map[string]string{"fortinet": "", "mikrotik_routeros": "there is a pack", "Acme": "is not a name", "none": "cannot be the name", "": "is empty"} {
		_, err := New(name, line, nil, embedded(t))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnonymise(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"from 10.1.2.3 to 10.9.9.9, again 10.1.2.3", "from 192.0.2.1 to 192.0.2.2, again 192.0.2.1"},
		{"lo 127.0.0.1 any 0.0.0.0 mask 255.255.255.0 bad 300.1.1.1", "lo 127.0.0.1 any 0.0.0.0 mask 255.255.255.0 bad 300.1.1.1"},
		{"v6 fe80::a1 and [2a02:810d::1]:443 at 14:28:52", "v6 2001:db8::1 and [2001:db8::2]:443 at 14:28:52"},
		{"mac 0C:11:22:33:44:55, 0c11.2233.4455, ff:ff:ff:ff:ff:ff", "mac 00:00:5e:00:53:00, 0000.5e00.5300, ff:ff:ff:ff:ff:ff"},
		{"mail <alice@corp.de> user=alice", "mail <user-a@example.com> user=user-a"},
		{`user="bob smith" srcuser='carol' user= x`, `user="user-a" srcuser='user-b' user= user-c`},
		{`"user":"dave","password":"s3cret" dave left`, `"user":"user-a","password":"secret" user-a left`},
		{"Failed login for invalid user eve from CORP\\eve", "Failed login for invalid user user-a from CORP\\user-a"},
		{"/home/frank/x C:\\Users\\frank\\y", "/home/user-a/x C:\\Users\\user-a\\y"},
		{"hostname=nas7.corp.local and nas7 said", "hostname=host-a.example.com and host-a said"},
		{"sn FG100FTK12345678 id 4711471147 at 1773498532 and 20260314T142852Z", "sn FG000FTK00000001 id 0000000002 at 1773498532 and 20260314T142852Z"},
		{"port 443 pid 12345 v1.2", "port 443 pid 12345 v1.2"},
		{"token=abcdef pwd:xyz api_key=\"q\"", "token=secret pwd:xyz api_key=\"secret\""},
	} {
		a := newAnonymiser()
		a.learn(c.in)
		if got := a.line(c.in, 0, nil); got != c.want {
			t.Errorf("%s\n%s, want\n%s", c.in, got, c.want)
		}
	}
	a := newAnonymiser()
	if got := a.line("10.0.0.1 tag7777777: 10.0.0.1", 8, []string{"tag7777777"}); got != "10.0.0.1 tag7777777: 192.0.2.1" {
		t.Errorf("the head and the words to keep: %s", got)
	}
}

func TestYAMLText(t *testing.T) {
	for _, text := range []string{"a", "acme:widget", "yes", "null", "it's", "a: b", "#x", " x", "x ", "tab\there", "1.10", "é", "a\u2028b", "{key:x}", "'", "*x", "~"} {
		data := "format: 1\npack: a\nsourcetype: x\nmatch: {program: ab}\ntests: [{line: " + yamlText(text) + ", pack: none}]\n"
		packs, problems := pack.Load([]pack.File{{Name: "a.yaml", Data: []byte(data)}})
		if len(problems) != 0 || packs[0].Tests[0].Line != text {
			t.Errorf("%q as %s: %v", text, yamlText(text), problems)
		}
	}
}
