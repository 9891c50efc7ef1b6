package pack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/pack"
)

// load loads one file, a.yaml.
func load(text string) ([]pack.Pack, []string) {
	packs, problems := pack.Load([]pack.File{{Name: "a.yaml", Data: []byte(text)}})
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	return packs, all
}

// good loads text that must be right.
func good(t *testing.T, text string) []pack.Pack {
	t.Helper()
	packs, problems := load(text)
	if len(problems) != 0 {
		t.Fatalf("%s\n%s", text, strings.Join(problems, "\n"))
	}
	return packs
}

const whole = `
# A comment stands before the document.
format: 1
pack: acme_widget
about: widgets
source: "ACME guide, chapter 4"
vendor: acme
product: widget
match:
  - {program: [widgetd, "wdg*"], text: ["date=", "time=*"], contains: "[w ", keys: {type: [a, 1.10, yes], devid: "*"}, profile: sc4s, ignore_case: true}
  - {header: epoch, words: {2: [flows, urls]}, any: [{level: err}, {facility: local7, not: {host: "x*"}}], within: 300, contains: ab}
  - cef: {vendor: Acme, product: "W*", id: [1, 2]}
  - leef: {}
  - {sd: "*@6876", sender: [192.0.2.0/24, "2001:db8::/32"], role: netfw, class: acme_widget_a, message_id: "ACE-*", regex: '^a+$'}
not: {program: widgets}
headers: [epoch, no_pri]
replaces: acme_old
read: kv
separator: "|"
within: 1024
host: [{key: devname, after: "/"}, {header: true, before: .}, {text: etp.example.com}]
time:
  - {key: eventtime, as: unix}
  - {keys: [date, time, tz], as: "%Y-%m-%d %H:%M:%S %z"}
  - {words: [1, 2], as: iso, after: "[", before: "]"}
timezone: Europe/Berlin
event: message
linux_server: true
classes:
  - {name: a, when: {keys: {type: a}, profile: sc4s}, sourcetype: "acme:{key:type|lower}", source: "w:{program}", role: netfw, index: fw, event: raw}
  - name: a
    when: [{words: {1: x}, profile: default}]
    sourcetype: acme:a
    sc4s: {sourcetype: acme:b, source: "a {word:2}", role: netops, vendor: v, product: p, class: c}
  - {name: b, sourcetype: acme:rest, vendor: acme2, product: widget2, class: rest, fields: {tier: "1"}}
tests:
  - {line: '<13>x', class: a, sourcetype: acme:a, index: netfw, host: h, time: "2026-03-14T14:28:52.123456Z", source: w, fields: {tier: "1"}, event: x, event_begins: x, event_has_not: [y, z], profile: sc4s, pinned: true, sender: 192.0.2.1, vendor: linux}
  - {line: '<13>y', pack: none}
`

func TestWhole(t *testing.T) {
	p := good(t, whole)[0]
	check := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", what, got, want)
		}
	}
	check("position", p.Pos.String(), "a.yaml:4")
	check("documented", p.Documented, "ACME guide, chapter 4")
	check("position of the second condition", p.Match[1].Line, 11)
	check("text", p.Match[0].Text, []string{"date=", "time="})
	check("values", p.Match[0].Keys, map[string][]string{"type": {"a", "1.10", "yes"}, "devid": {"*"}})
	check("within by default", p.Match[0].Within, 256)
	check("within", p.Match[1].Within, 300)
	check("any", p.Match[1].Any[1].Not[0].Host, []string{"x*"})
	check("cef", *p.Match[2].CEF, pack.Device{Vendor: []string{"Acme"}, Product: []string{"W*"}, ID: []string{"1", "2"}})
	check("leef", *p.Match[3].LEEF, pack.Device{})
	check("sender", p.Match[4].Sender[1].String(), "2001:db8::/32")
	check("headers", p.Headers, []pack.Repair{pack.RepairEpoch, pack.RepairNoPRI})
	check("separator", p.Separator, byte('|'))
	check("host", p.Host[0].Value, pack.Value{Key: "devname", After: "/"})
	check("time", p.Time[1].Values, []pack.Value{{Key: "date"}, {Key: "time"}, {Key: "tz"}})
	check("cuts", p.Time[2].Values, []pack.Value{{Word: 1, After: "["}, {Word: 2, Before: "]"}})
	check("class", p.Classes[0].Names, pack.Names{Sourcetype: "acme:{key:type|lower}", Source: "w:{program}", Role: "netfw", Index: "fw"})
	check("sc4s", p.Classes[1].SC4S, pack.Names{Sourcetype: "acme:b", Source: "a {word:2}", Role: "netops", Vendor: "v", Product: "p", Class: "c"})
	check("fields", p.Classes[2].Fields, map[string]string{"tier": "1"})
	check("test", p.Tests[0].EventHasNot, []string{"y", "z"})
	check("event", p.Event, pack.Message)
}

// TestOneClass: the class of a pack without classes is at the top level.
func TestOneClass(t *testing.T) {
	p := good(t, `
format: 1
pack: acme_widget
match: {program: widgetd}
sourcetype: acme:widget
event_source: "program:{program}"
role: netops
class: c
fields: {a: b}
sc4s: {source: x}
event: message
`)[0]
	c := p.Classes[0]
	if c.Name != "" || c.Sourcetype != "acme:widget" || c.Source != "program:{program}" || c.Role != "netops" || c.Class != "c" ||
		c.SC4S.Source != "x" || c.Fields["a"] != "b" || p.Event != pack.Message || p.Vendor != "acme" || p.Product != "widget" {
		t.Errorf("%+v", p)
	}
	p = good(t, "format: 1\npack: a_b\nmatch: {program: ww}\nclasses: [{name: log, sourcetype: x}]\ntests: [{line: x, class: log}]")[0]
	if p.Classes[0].Name != "" || p.Tests[0].Class != "" {
		t.Errorf("the only class has a name: %+v", p)
	}
}

func TestRows(t *testing.T) {
	packs := good(t, `
format: 1
products:
  - {product: acme_gadget_x, about: gadgets, documented: guide, program: [gadgetd], ignore_case: true, sourcetype: acme:gadget, role: netops, event: message, linux_server: true, host: {text: h}, test: '<13>a', not: '<13>b'}
  - {product: acme_box, vendor: other, name: box2, sourcetype: acme:box, event_source: s, class: c, sc4s: {role: netfw}, test: '<13>c', not: '<13>d'}
  - {product: single, cef: {vendor: Single}, profile: sc4s, sourcetype: cef, test: e, not: f}
---
format: 1
pack: last
sourcetype: last
`)
	if len(packs) != 4 {
		t.Fatalf("%d packs", len(packs))
	}
	p := packs[0]
	if p.Name != "acme_gadget_x" || p.Vendor != "acme" || p.Product != "gadget_x" || p.Line != 4 || !p.Match[0].IgnoreCase || p.Match[0].Line != 4 ||
		p.Classes[0].Role != "netops" || p.Host[0].Text != "h" || !p.LinuxServer {
		t.Errorf("%+v", p)
	}
	tests := func(p pack.Pack) string {
		var b strings.Builder
		for _, t := range p.Tests {
			fmt.Fprintln(&b, t.Line, t.Pinned, t.Not, t.Profile)
		}
		return b.String()
	}
	if got := tests(p); got != "<13>a false false \n<13>b false true \n" {
		t.Errorf("tests of a row: %s", got)
	}
	p = packs[1]
	if p.Vendor != "other" || p.Product != "box2" || len(p.Match) != 0 || p.Classes[0].Source != "s" || p.Classes[0].Class != "c" || p.Classes[0].SC4S.Role != "netfw" {
		t.Errorf("%+v", p)
	}
	if got := tests(p); got != "<13>c true false \n<13>c false true \n<13>d false true \n" {
		t.Errorf("tests of a row by pin: %s", got)
	}
	if got := tests(packs[2]); got != "e false false sc4s\nf false true sc4s\n" {
		t.Errorf("tests of a row of one profile: %s", got)
	}
}

// TestFamily: a class of a family's pack always has a condition.
func TestFamily(t *testing.T) {
	p := good(t, "format: 1\npack: cisco_more\nfamily: cisco_asa\nclasses: [{name: ace, when: {message_id: ACE-*}, sourcetype: cisco:ace}]")[0]
	if p.Family != "cisco_asa" || p.Vendor != "" {
		t.Errorf("%+v", p)
	}
	families := make(map[string]bool)
	for _, c := range dialect.Classes(nil) {
		if c.Family != "" && !families[c.Family] {
			families[c.Family] = true
			good(t, "format: 1\npack: more\nfamily: "+c.Family+"\nclasses: [{name: a, when: {program: xx}, sourcetype: a}]")
		}
	}
	if len(families) != 5 {
		t.Errorf("%d families", len(families))
	}
}

// head is a pack that lacks nothing; lines of a case follow it from line 5.
const head = "format: 1\npack: p\nmatch: {program: xx}\nsourcetype: s\n"

// bare is a pack without match, for conditions from line 4.
const bare = "format: 1\npack: p\nsourcetype: s\n"

func TestMistakes(t *testing.T) {
	long := strings.Repeat("x", 129)
	list := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"# nothing\n", nil},
		{"a: [\n", []string{
			"a.yaml:1: not valid YAML: did not find expected node content; a bracket that opens here is never closed, or a comma is missing",
		}},
		{"- x\n", []string{
			"a.yaml:1: a document of packs has keys: begin with format: 1",
		}},
		{"pack: p\n", []string{
			"a.yaml:1: format: 1 is missing",
			"a.yaml:1: sourcetype: is missing",
		}},
		{"format: 2\nbananas: 1\n", []string{
			"a.yaml:1: format: this version reads format 1",
		}},
		{"format: 1\nsourcetype: s\n", []string{
			"a.yaml:1: pack: is missing; it is the name of the pack",
		}},
		{"format: 1\npack: p\nproducts: []\nsourcetype: s\n", []string{
			"a.yaml:3: pack: and products: are in one document; put a line --- between them",
		}},
		{"format: 1\npakc: p\n", []string{
			"a.yaml:1: pack: is missing; it is the name of the pack",
			"a.yaml:1: sourcetype: is missing",
			`a.yaml:2: "pakc" is not a key here: did you mean pack?`,
		}},
		{head + "pack: q\n", []string{
			"a.yaml:5: pack is there twice",
		}},
		{head + "sourcetpye: x\n", []string{
			`a.yaml:5: "sourcetpye" is not a key here: did you mean sourcetype?`,
		}},
		{head + "zzzzzzzz: x\n", []string{
			`a.yaml:5: "zzzzzzzz" is not a key here: did you mean timezone, format or pack?`,
		}},
		{head + "x: &a [1]\ny: *a\n", []string{
			"a.yaml:5: anchors (&) and aliases (*) of YAML are not used in packs; put text that begins with & or * in quotes",
			"a.yaml:6: anchors (&) and aliases (*) of YAML are not used in packs; put text that begins with & or * in quotes",
		}},
		{head + "about: *\n", []string{
			"a.yaml:5: not valid YAML: put text that begins with * or & in quotes",
		}},
		{head + "about: !!str x\n", []string{
			"a.yaml:5: tags (!) of YAML are not used in packs; put text that begins with ! in quotes",
		}},
		{head + "about:\n", []string{
			"a.yaml:5: about: has no value",
		}},
		{head + "about: [a, b]\n", []string{
			"a.yaml:5: about: is a list; write one value",
		}},
		{head + "about: ''\n", []string{
			"a.yaml:5: about: is empty",
		}},
		{head + "about: \"a\\nb\"\n", []string{
			"a.yaml:5: about: has a control character or is not UTF-8",
		}},
		{head + "vendor: '{program}'\n", []string{
			`a.yaml:5: vendor: "{program}": placeholders are for sourcetype and source only`,
		}},
		{"format: 1\npack: Acme-Widget\nsourcetype: s\n", []string{
			`a.yaml:2: pack: "Acme-Widget" is not a name: a-z, 0-9 and _, beginning with a letter or digit`,
		}},
		{head + "family: unify\n", []string{
			"a.yaml:2: a pack of a family has classes, each with when",
			`a.yaml:5: family: "unify" is not a family: did you mean unifi?`,
		}},
		{head + "role: netfv\n", []string{
			`a.yaml:5: role: "netfv" is not a role: did you mean netfw?`,
		}},
		{head + "event: mesage\n", []string{
			`a.yaml:5: event: "mesage" is not a form of event: did you mean message?`,
		}},
		{head + "headers: [epoc, x]\n", []string{
			`a.yaml:5: headers: "epoc" is not a repair of headers: did you mean epoch?`,
			`a.yaml:5: headers: "x" is not a repair of headers: there are epoch, no_time_z, netscaler, host_colon and no_pri`,
		}},
		{head + "read: csw\n", []string{
			`a.yaml:5: read: "csw" is not a reader: did you mean csv?`,
		}},
		{head + "separator: '||'\n", []string{
			`a.yaml:5: separator: "||" is not one byte`,
			"a.yaml:5: separator: needs read: kv",
		}},
		{head + "separator: '|'\n", []string{
			"a.yaml:5: separator: needs read: kv",
		}},
		{head + "within: 1025\n", []string{
			`a.yaml:5: within: "1025" is not a number from 1 to 1024`,
		}},
		{head + "within: many\n", []string{
			`a.yaml:5: within: "many" is not a number from 1 to 1024`,
		}},
		{head + "timezone: Europe/Berln\n", []string{
			`a.yaml:5: timezone: "Europe/Berln" is not a time zone such as UTC or Europe/Berlin`,
		}},
		{head + "timezone: Local\n", []string{
			`a.yaml:5: timezone: "Local" is not a time zone such as UTC or Europe/Berlin`,
		}},
		{head + "linux_server: yes\n", []string{
			`a.yaml:5: linux_server: "yes" is not true or false`,
		}},
		{head + "index: _x\n", []string{
			`a.yaml:5: index: "_x" is not a Splunk index: a-z, 0-9, _ and -, beginning with a letter or digit`,
		}},
		{head + "fields: {a b: c}\n", []string{
			`a.yaml:5: fields: "a b" is not the name of a field: letters, digits, _ . and -, beginning with a letter or digit`,
		}},
		{head + "fields: {}\n", []string{
			"a.yaml:5: fields: is empty",
		}},
		{head + "host: {kye: a}\n", []string{
			`a.yaml:5: "kye" is not a key here: did you mean key?`,
			"a.yaml:5: host: the rule does not say where the value is: add key, column, word, json, cef, leef or sd",
		}},
		{head + "host: {key: a}\n", []string{
			"a.yaml:5: host: key needs read: kv",
		}},
		{head + "read: kv\nhost: {key: a, word: 1}\n", []string{
			"a.yaml:6: host: key and word are in one rule; write a list of two rules",
		}},
		{head + "host: {after: x}\n", []string{
			"a.yaml:5: host: the rule does not say where the value is: add key, column, word, json, cef, leef or sd",
		}},
		{head + "host: {header: false}\n", []string{
			"a.yaml:5: header: can only be true",
		}},
		{head + "host: {column: 33}\nread: csv\n", []string{
			`a.yaml:5: column: "33" is not a number from 1 to 32`,
		}},
		{head + "host: {json: a.b}\nread: kv\n", []string{
			"a.yaml:5: host: json needs read: json, the pack has read: kv",
		}},
		{head + "host: [{column: 1}]\n", []string{
			"a.yaml:5: host: column needs read: csv or tab",
		}},
		{head + "time: {word: 1}\n", []string{
			"a.yaml:5: time: as is missing: iso, bsd, unix or a format of strftime",
		}},
		{head + "time: {word: 1, as: uinx}\n", []string{
			`a.yaml:5: as: "uinx" is neither a form of time nor a format of strftime such as "%Y-%m-%d %H:%M:%S": did you mean unix?`,
		}},
		{head + "time: {word: 1, as: seconds}\n", []string{
			`a.yaml:5: as: "seconds" is neither a form of time nor a format of strftime such as "%Y-%m-%d %H:%M:%S": there are iso, bsd and unix`,
		}},
		{head + "time: {word: 1, as: '%Y-%m-%d %H:%M:%S.%L'}\n", []string{
			`a.yaml:5: as: "%Y-%m-%d %H:%M:%S.%L": %L is not a directive here: write %f`,
		}},
		{head + "time: {word: 1, as: '%Y-%m-%d %q'}\n", []string{
			`a.yaml:5: as: "%Y-%m-%d %q": "%q" is not a directive; there are %Y %y %m %b %B %d %e %j %a %A %H %k %I %p %M %S %f %z %Z %s %% %T %F %D`,
		}},
		{head + "time: {sender: true, as: iso}\n", []string{
			`a.yaml:5: "sender" is not a key here: did you mean leef, sd or after?`,
			"a.yaml:5: time: the rule does not say where the value is: add key, column, word, json, cef, leef or sd",
		}},
		{head + "sc4s: {index: x}\n", []string{
			`a.yaml:5: "index" is not a key here: there are sourcetype, source, role, vendor, product and class`,
		}},
		{head + "classes: [{sourcetype: x}]\n", []string{
			"a.yaml:4: sourcetype: belongs into the classes, because the pack has classes",
		}},
		{bare + "match: {}\n", []string{
			"a.yaml:4: match: the condition says nothing",
		}},
		{bare + "match: []\n", []string{
			"a.yaml:4: match: is an empty list",
		}},
		{bare + "match: program\n", []string{
			`a.yaml:4: match: is "program"; write keys such as {program: …}`,
		}},
		{bare + "match: {contains: abc}\n", []string{
			"a.yaml:4: match: contains is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{bare + "match: {regex: abc}\n", []string{
			"a.yaml:4: match: regex is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{bare + "match: {words: {2: abc}}\n", []string{
			"a.yaml:4: match: words is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{bare + "match: {program: '*', contains: abc}\n", []string{
			`a.yaml:4: match: program "*", contains is no anchor: add program, text, sd, cef, leef or message_id, or header`,
		}},
		{bare + "match: {header: bsd}\n", []string{
			"a.yaml:4: match: header is no anchor: add program, text, sd, cef, leef or message_id, or words of the text",
		}},
		{bare + "match: {header: epohc, words: {1: a}}\n", []string{
			`a.yaml:4: header: "epohc" is not a form of header: did you mean epoch?`,
		}},
		{bare + "match: {program: xx, level: error, facility: local9, profile: sc5s}\n", []string{
			`a.yaml:4: level: "error" is not a severity: did you mean err?`,
			`a.yaml:4: facility: "local9" is not a facility: did you mean local0?`,
			`a.yaml:4: profile: "sc5s" is not a profile: did you mean sc4s?`,
		}},
		{bare + "match: {program: [w, 'a*b', '*ab*', '**', \"" + long + "\"]}\n", []string{
			`a.yaml:4: program: "w": 2 to 128 bytes are allowed`,
			`a.yaml:4: program: "a*b": one * is allowed, at the front or at the end`,
			`a.yaml:4: program: "*ab*": one * is allowed, at the front or at the end`,
			`a.yaml:4: program: "**": one * is allowed, at the front or at the end`,
			`a.yaml:4: program: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": 2 to 128 bytes are allowed`,
		}},
		{bare + "match: {text: ['*abc', 'x*']}\n", []string{
			`a.yaml:4: text: "x*": 2 to 128 bytes are allowed`,
			`a.yaml:4: text: "*abc": a text has its first bytes; contains finds what is behind them`,
		}},
		{bare + "match: {program: xx, within: 12}\n", []string{
			"a.yaml:4: within: stands beside contains only",
		}},
		{bare + "match: {program: xx, contains: yy, within: 513}\n", []string{
			`a.yaml:4: within: "513" is not a number from 1 to 512`,
		}},
		{bare + "match: {program: xx, sender: [192.0.2.1, 192.0.2.1/24, net, '::ffff:192.0.2.0/120']}\n", []string{
			`a.yaml:4: sender: "192.0.2.1" is an address; as a network it is 192.0.2.1/32`,
			`a.yaml:4: sender: "192.0.2.1/24" has host bits; the network is 192.0.2.0/24`,
			`a.yaml:4: sender: "net" is not a network such as 192.0.2.0/24`,
			`a.yaml:4: sender: "::ffff:192.0.2.0/120" is IPv4 in the form of IPv6; write the IPv4 network`,
		}},
		{bare + "match: {program: xx, regex: 'a(b'}\n", []string{
			"a.yaml:4: regex: is not an expression of RE2: missing closing ): `a(b`",
		}},
		{bare + "match: {program: xx, regex: '" + strings.Repeat("a", 1025) + "'}\n", []string{
			"a.yaml:4: regex: has 1025 bytes, 1 to 1024 are allowed",
		}},
		{bare + "match: {program: xx, columns: {0: a, x: b, 33: c}}\n", []string{
			`a.yaml:4: columns: "0" is not a number from 1 to 32`,
			`a.yaml:4: columns: "x" is not a number from 1 to 32`,
			`a.yaml:4: columns: "33" is not a number from 1 to 32`,
		}},
		{bare + "match: {program: xx, keys: {'a*': b}, json: {x: y}}\n", []string{
			`a.yaml:4: keys: "a*" is not the name of a key: 1 to 64 bytes without * and =`,
			"a.yaml:4: json: needs read: json",
		}},
		{bare + "match: {program: xx, keys: {a: null, b: ''}}\nread: kv\n", []string{
			`a.yaml:4: keys: has no value; put "null" in quotes if it is meant as text`,
			`a.yaml:4: keys: "": 1 to 128 bytes are allowed`,
		}},
		{bare + "match: {program: xx, keys: a}\n", []string{
			`a.yaml:4: keys: is "a"; write names with their values: {name: value}`,
		}},
		{bare + "match: {cef: {vender: Acme}}\n", []string{
			`a.yaml:4: "vender" is not a key here: did you mean vendor?`,
		}},
		{bare + "match: {program: xx, any: [{not: [{any: [{not: {program: yy}}]}]}]}\n", []string{
			"a.yaml:4: not: conditions are more than 4 deep",
		}},
		{bare + "match: {program: xx, any: {}}\n", []string{
			"a.yaml:4: any: the condition says nothing",
		}},
		{bare + "match: {program: xx, ignore_case: maybe}\n", []string{
			`a.yaml:4: ignore_case: "maybe" is not true or false`,
		}},
		{bare + "match: {program: xx, words: {1: a, 1: b}}\n", []string{
			"a.yaml:4: words: 1 is there twice",
		}},
		{"format: 1\npack: p\nmatch: {program: xx}\nclasses:\n  - {name: a, sourcetype: s}\n  - {name: b, when: {program: xy}, sourcetype: s}\n", []string{
			"a.yaml:5: only the last class is without when: this one takes everything, and those behind it nothing",
			"a.yaml:6: the last class has no when: it takes what the others leave",
		}},
		{"format: 1\npack: p\nmatch: {program: xx}\nclasses:\n  - {name: a, when: {level: err}, sourcetype: s}\n  - {name: a, when: {level: info}}\n  - {sourcetype: s}\nrole: netfw\n", []string{
			"a.yaml:6: the class a is there twice",
			"a.yaml:6: sourcetype: is missing",
			"a.yaml:7: name: is missing in the class",
			"a.yaml:8: role: belongs into the classes, because the pack has classes",
		}},
		{"format: 1\npack: p\nmatch: {program: xx}\nclasses:\n" + list(257, "  - {name: c%d, when: {level: err}, sourcetype: s}\n") + "  - {name: last, sourcetype: s}\n", []string{
			"a.yaml:2: the pack has 258 classes, at most 256 are allowed",
		}},
		{"format: 1\npack: p\nfamily: linux\nsourcetype: s\n", []string{
			"a.yaml:2: a pack of a family has classes, each with when",
		}},
		{"format: 1\npack: p\nfamily: linux\nclasses: [{name: a, sourcetype: s}]\n", []string{
			"a.yaml:4: a class of a family's pack needs when: the family has the class for the rest",
		}},
		{"format: 1\npack: p\nsourcetype: '{key:a}:{json:b}:{column:1}'\nsc4s: {source: '{key:c}'}\nread: json\n", []string{
			"a.yaml:2: sourcetype: {key:a} needs read: kv, the pack has read: json",
			"a.yaml:2: sourcetype: {column:1} needs read: csv or tab, the pack has read: json",
			"a.yaml:2: source: {key:c} needs read: kv, the pack has read: json",
		}},
		{"format: 1\npack: p\nsourcetype: '{prog}'\nevent_source: 'a{b'\n", []string{
			"a.yaml:3: sourcetype: {prog} is not a placeholder: there are {program}, {key:NAME}, {column:N}, {word:N}, {json:NAME}, {sd:NAME}, {cef:vendor}, {cef:product}, {cef:id}",
			"a.yaml:4: event_source: a { without a }",
		}},
		{"format: 1\npack: p\nsourcetype: '{program|upper}'\nevent_source: 'ab}'\n", []string{
			"a.yaml:3: sourcetype: {program|upper}: behind | there is only lower",
			"a.yaml:4: event_source: a } without a {",
		}},
		{"format: 1\npack: p\nsourcetype: '{program:x}'\nevent_source: '{word:40}'\n", []string{
			"a.yaml:3: sourcetype: {program:x}: write {program}",
			`a.yaml:4: event_source: {word:40}: "40" is not a number from 1 to 32`,
		}},
		{"format: 1\npack: p\nsourcetype: '{cef:name}'\nevent_source: '{key:}'\n", []string{
			"a.yaml:3: sourcetype: {cef:name}: of cef there are vendor, product and id",
			`a.yaml:4: event_source: {key:}: "" is not the name of a key: 1 to 64 bytes without * and =`,
		}},
		{"format: 1\npack: p\nsourcetype: 'a b'\n", []string{
			`a.yaml:3: sourcetype: "a b" is not a sourcetype: letters, digits and : . _ -, beginning with a letter or digit`,
		}},
		{"format: 1\npack: p\nsourcetype: ':{program}'\n", []string{
			`a.yaml:3: sourcetype: ":{program}" is not a sourcetype: letters, digits and : . _ -, beginning with a letter or digit`,
		}},
		{head + "tests: [{sender: 192.0.2.1}]\n", []string{
			"a.yaml:5: tests: line is missing",
		}},
		{head + "tests: [{line: x, sender: host, time: yesterday, vendor: cisco, pack: None, class: a, profile: all, pinned: 1}]\n", []string{
			`a.yaml:5: sender: "host" is not an IP address`,
			`a.yaml:5: time: "yesterday" is not a time of RFC 3339 such as 2026-03-14T14:28:52Z`,
			`a.yaml:5: vendor: "cisco" is not a family: there are auto, unifi, palo_alto, cisco_asa, linux and windows`,
			`a.yaml:5: pack: "None" is not a name: a-z, 0-9 and _, beginning with a letter or digit`,
			`a.yaml:5: profile: "all" is not a profile: there are default and sc4s`,
			`a.yaml:5: pinned: "1" is not true or false`,
		}},
		{"format: 1\npack: p\nmatch: {program: xx}\nclasses: [{name: a, when: {level: err}, sourcetype: s}, {name: b, sourcetype: s}]\ntests: [{line: x, class: c}]\n", []string{
			`a.yaml:5: class: "c" is not a class of the pack: did you mean a?`,
		}},
		{bare + "read: kv\nmatch:\n" + list(17, "  - {program: xx, keys: {k%d: a}}\n"), []string{
			"a.yaml:2: the pack uses 17 keys, at most 16 are allowed",
		}},
		{bare + "match:\n" + list(33, "  - {program: xx%d, regex: a}\n"), []string{
			"a.yaml:37: regex: more than 32 expressions in all packs",
		}},
		{bare + "match: {program: [" + list(20001, "w%05d,") + "]}\n", []string{
			"a.yaml:4: program: more than 20000 words in all packs",
		}},
		{list(1001, "---\nformat: 1\npack: p%d\nsourcetype: s\n"), []string{
			"a.yaml:4003: more than 1000 packs",
		}},
		{"format: 1\nproducts:\n  - {product: a_b, programm: xx, sourcetype: s, test: a, not: b}\n  - {product: a_c, program: xx}\n  - x\n", []string{
			`a.yaml:3: "programm" is not a key here: did you mean program?`,
			"a.yaml:4: test: is missing in the row",
			"a.yaml:4: not: is missing in the row",
			"a.yaml:4: sourcetype: is missing",
			`a.yaml:5: products: is "x"; write keys such as {product: …}`,
		}},
		{"format: 1\nproducts:\n  - {product: a_b, regex: xx, sourcetype: s, test: a, not: [b]}\n", []string{
			"a.yaml:3: not: is a list; write one value",
			"a.yaml:3: match: regex is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{head + "about: " + strings.Repeat("x", 1<<20) + "\n", []string{
			"a.yaml: the file has more than 1 MiB",
		}},
		{"format: 1\npack: none\nsourcetype: s\n", []string{
			"a.yaml:2: none cannot be the name of a pack: in tests it means no pack",
		}},
		{bare + "match: {ignore_case: true}\n", []string{
			"a.yaml:4: match: the condition says nothing",
		}},
		{bare + "match: [{program: xx}, {any: [{program: yy}]}]\n", []string{
			"a.yaml:4: match: any is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{"format: 1\nproducts:\n  - {product: acme_box, sourcetype: s, profile: sc4s, test: a, not: b}\n", []string{
			"a.yaml:3: match: profile is no anchor: add program, text, sd, cef, leef or message_id, or header",
		}},
		{head + "---\nformat: 1\npack: q\nrole: x\nsourcetype: s\n--- x\n", []string{
			`a.yaml:8: role: "x" is not a role: did you mean osnix, epav or main?`,
			"a.yaml:10: a document of packs has keys: begin with format: 1",
		}},
		{"format: 1\npack: [p]\nsourcetype: s\n", []string{
			"a.yaml:2: pack: is a list; write one value",
		}},
		{"format: 1\n? [a]\n: b\npack: p\nsourcetype: s\n", []string{
			`a.yaml:2: "" is not a key here: did you mean not, pack or read?`,
		}},
		{head + "about: \xff\n", []string{"a.yaml:5: not valid YAML: invalid leading UTF-8 octet"}},
	} {
		packs, got := load(c.text)
		if !slices.Equal(got, c.want) {
			t.Errorf("%.400s\ngot:\n\t%s\nwant:\n\t%s", c.text, strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
		}
		if len(packs) != 0 && len(c.want) == 1 && !strings.Contains(c.text, "---") {
			t.Errorf("%.200s\nthe pack is in the set in spite of its problem", c.text)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if files, err := pack.Folder(filepath.Join(dir, "none")); files != nil || err != nil {
		t.Errorf("a folder that is not there: %v, %v", files, err)
	}
	write := func(name string, size int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"b.yml", "a.yaml", "c.txt", ".hidden.yaml", "d.yaml~"} {
		write(name, 3)
	}
	files, err := pack.Folder(dir)
	if err != nil || len(files) != 2 || filepath.Base(files[0].Name) != "a.yaml" || filepath.Base(files[1].Name) != "b.yml" || len(files[0].Data) != 3 {
		t.Errorf("%v, %v", files, err)
	}
	write("e.yaml", 1<<20+5)
	if files, err = pack.Folder(dir); err != nil || len(files[2].Data) != 1<<20+1 {
		t.Errorf("a file that is too large: %v", err)
	}
	for i := range 16 {
		write(fmt.Sprintf("f%d.yaml", i), 1<<20)
	}
	if _, err = pack.Folder(dir); err == nil || !strings.Contains(err.Error(), "more than 16 MiB in all") {
		t.Errorf("a folder that is too large: %v", err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "x.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err = pack.Folder(dir); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a folder in place of a file: %v", err)
	}
}

// TestHostileFiles: a file of the greatest size costs a bounded time, whatever is in it.
func TestHostileFiles(t *testing.T) {
	fill := func(before, again string) string {
		return before + strings.Repeat(again, (1<<20-len(before))/len(again))
	}
	var laughs strings.Builder // a billion of them
	laughs.WriteString("format: 1\nl0: &l0 [lol]\n")
	for i := range 30 {
		fmt.Fprintf(&laughs, "l%d: &l%d [*l%d, *l%d]\n", i+1, i+1, i, i)
	}
	for name, text := range map[string]string{
		"aliases":         laughs.String(),
		"unknown keys":    fill("format: 1\n", "bananas: 1\n"),
		"unknown words":   fill(head+"headers: [", "bananas,"),
		"brackets":        fill("a: ", "["),
		"braces":          fill("a: ", "{a: "),
		"dashes":          fill("", "- "),
		"documents":       fill("", "---\nx\n"),
		"bad packs":       fill("", "---\nformat: 1\n"),
		"rows":            fill("format: 1\nproducts:\n", "- {}\n"),
		"conditions":      fill("format: 1\nmatch:\n", "- {}\n"),
		"duplicate words": fill(head+"not: {words: {", "1: a, "),
		"text":            fill("", "x"),
		"questions":       fill("", "? "),
	} {
		began := time.Now()
		_, problems := load(text)
		if took := time.Since(began); len(problems) == 0 || len(problems) > 1001 || took > 10*time.Second {
			t.Errorf("%s: %d problems in %v", name, len(problems), took)
		} else if testing.Verbose() {
			t.Log(name, len(problems), took, problems[0])
		}
	}
}
