package dialect_test

import (
	"net/netip"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/syslog"
)

const packs = `
format: 1
pack: cisco_test
family: cisco_asa
classes:
  - {name: ace, when: {message_id: ["ACE-*"]}, sourcetype: "cisco:ace", role: netops}
---
format: 1
pack: switch
match: {message_id: "*", program: [Ebra]}
sourcetype: x
role: netops
---
format: 1
pack: netscaler
headers: [netscaler]
match: {header: bsd, words: {2: ":"}}
sourcetype: x
role: netfw
---
format: 1
products:
  - {product: dev, program: [devd], sourcetype: x, role: main, test: a, not: b}
  - {product: firewall, text: ["id=firewall "], sourcetype: x, role: main, test: a, not: b}
  - {product: defender, cef: {vendor: Microsoft, product: ATA}, sourcetype: x, role: main, test: a, not: b}
  - {product: gate, cef: {vendor: Gate}, sourcetype: x, role: main, test: a, not: b}
  - {product: pinned, sourcetype: x, role: main, test: a}
  - {product: generic, cef: {vendor: "*"}, sourcetype: x, role: main, test: a, not: b}
`

// TestPacks: a pack decides less surely than a marker of a family, more surely than the port.
func TestPacks(t *testing.T) {
	declared, problems := pack.Load([]pack.File{{Name: "packs.yaml", Data: []byte(packs)}})
	for _, p := range problems {
		t.Fatal(p)
	}
	set, err := matcher.Compile(nil, declared, matcher.Options{Profile: "default"})
	if err != nil {
		t.Fatal(err)
	}
	pinned, _ := set.Pin("pinned")
	for _, c := range []struct {
		port, line, class, host string
		pins                    []string     // of the port
		from                    dialect.From // of the sender
	}{
		{port: "auto", line: "<13>Mar 14 14:28:52 h devd: x", class: "dev", host: "h"},
		{port: "linux", line: "<13>Mar 14 14:28:52 h devd: x", class: "dev"},
		{port: "unifi", line: "<13>Mar 14 14:28:52 h devd: x", class: "unifi_device"}, // its own programs are not known
		{port: "unifi", line: "<13>Mar 14 14:28:52 h id=firewall x", class: "firewall"},
		{port: "unifi", line: "<13>Mar 14 14:28:52 h CEF:0|Gate|x|1|2|3|4|a=b", class: "gate"},
		{port: "auto", line: "<13>Mar 14 14:28:52 h CEF:0|Nobody|x|1|2|3|4|a=b", class: "generic"},
		{port: "auto", line: "<13>h CEF:0|Nobody|x|1|2|3|4|a=b", class: "generic", host: "h"},
		{port: "auto", line: "<13>Mar 14 14:28:52 h CEF:0|Microsoft|ATA|1|2|3|4|a=b", class: "defender"},
		{port: "auto", line: "<13>Mar 14 14:28:52 h CEF:0|Microsoft|Microsoft Windows|1|2|3|4|a=b", class: "windows_cef"},
		{port: "auto", line: "<13>Mar 14 14:28:52 relay Mar 14 14:28:50 dev1 devd: x", class: "dev", host: "dev1"},
		{port: "auto", line: "<189>Mar 14 14:28:52 h : %ACE-4-412001: x", class: "cisco_test", host: "h"},
		{port: "cisco_asa", line: "<189>Mar 14 14:28:52 h : %ACE-4-412001: x", class: "cisco_test", host: "h"},
		{port: "auto", line: "<189>Mar 14 14:28:52 h : %SYS-5-CONFIG_I: x", class: "cisco_ios"},
		{port: "auto", line: "<189>Mar 14 14:28:52 h Ebra: %SYS-5-CONFIG_I: x", class: "switch", host: "h"},
		{port: "auto", line: "<189>Mar 14 14:28:52 h Ebra: 1234: %SYS-5-CONFIG_I: x", class: "switch", host: "h"},
		{port: "auto", line: "<189>Mar 14 14:28:52 h1 RP/0/RSP0/CPU0:Mar 14 14:28:52.1 : config[65]: %MGBL-CONFIG-6-DB : x", class: "cisco_ios", host: "h1"},
		{port: "auto", line: "<13> 03/14/2026:14:28:52 GMT ns1 0-PPE-0 : x", class: "netscaler", host: "ns1"},
		{port: "auto", line: "<13> 03/14/2026:14:28:52 GMT ns1 nothing", class: "fallback"},
		{port: "auto", line: "<13>Mar 14 14:28:52 h anything: x", class: "pinned", pins: []string{"pinned"}},
		{port: "auto", line: "<13>Mar 14 14:28:52 h devd: x", class: "pinned", pins: []string{"pinned"}},
		{port: "auto", line: "<13>Mar 14 14:28:52 h %ASA-6-302013: x", class: "cisco_asa", pins: []string{"pinned"}},
		{port: "auto", line: "<13>Mar 14 14:28:52 h %ASA-6-302013: x", class: "pinned", from: dialect.From{Pins: []matcher.Pin{pinned}}},
		{port: "auto", line: "<13>Mar 14 14:28:52 h fw1: dropped", class: "unifi_device", from: dialect.From{Family: "unifi"}},
	} {
		p, err := dialect.New(c.port, set, c.pins...)
		if err != nil {
			t.Fatal(err)
		}
		c.from.Address = netip.MustParseAddr("192.0.2.1")
		var h syslog.Header
		var r dialect.Result
		syslog.Scan([]byte(c.line), &h)
		p.Parse([]byte(c.line), &h, &c.from, &r)
		if got := p.Classes()[r.Class].Name; got != c.class || c.host != "" && string(r.Host) != c.host {
			t.Errorf("port %s, pins %v, %s: class %s of host %q by %s %s, want %s of %q", c.port, c.pins, c.line, got, r.Host, r.ClassBy, r.Rule, c.class, c.host)
		}
	}
	if _, err := dialect.New("auto", set, "pined"); err == nil || err.Error() != `packs: "pined" is not a pack; did you mean pinned?` {
		t.Errorf("an unknown pin: %v", err)
	}
}
