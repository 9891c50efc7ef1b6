package pack

import (
	"strings"
	"testing"
)

func TestConditionsInWords(t *testing.T) {
	for match, want := range map[string]string{
		`{program: widgetd}`: `program widgetd`,
		`{program: ["tmm*", mcpd, apmd], contains: "SSL error"}`:       `program tmm*, mcpd or apmd, and "SSL error" in the first 256 bytes`,
		`{text: ["date=", "time="], keys: {devid: "*", type: [a, b]}}`: `text "date=" or "time=", and key devid, and key type=a or b`,
		`{cef: {vendor: Acme Inc, product: Gate}}`:                     `CEF vendor "Acme Inc", and CEF product Gate`,
		`{leef: {}}`:                                                   `LEEF *`,
		`{sd: "*@6876", profile: sc4s}`:                                `SD-ID *@6876 (profile sc4s only)`,
		`{message_id: "ACE-*", level: [err, warning]}`:                 `message id ACE-*, and level err or warning`,
		`{header: epoch, words: {2: [flows, urls]}}`:                   `header epoch, and word 2=flows or urls`,
		`{program: "Host*", ignore_case: true, host: "esx*"}`:          `program Host* in any case, and host esx* in any case`,
		`{program: x1, sender: [192.0.2.0/24, 198.51.100.0/24]}`:       `program x1, and sender 192.0.2.0/24 or 198.51.100.0/24`,
		`{program: x1, not: {text: ab}, any: [{text: cd}, {host: h}]}`: `program x1, and (text "cd"; or host h), and not (text "ab")`,
		`{text: ab, regex: 'a+'}`:                                      `text "ab", and regex "a+"`,
		`{text: '{"', json: {a.b: c}, facility: local7}`:               `text "{\"", and JSON key a.b=c, and facility local7`,
	} {
		read := map[bool]string{true: "read: kv\n"}[strings.Contains(match, "keys")] + map[bool]string{true: "read: json\n"}[strings.Contains(match, "json")]
		packs, problems := Load([]File{{Name: "a.yaml", Data: []byte("format: 1\npack: acme\nsourcetype: x\n" + read + "match: " + match + "\n")}})
		if len(problems) != 0 {
			t.Errorf("%s: %v", match, problems)
			continue
		}
		if got := packs[0].Match[0].String(); got != want {
			t.Errorf("%s: %s, want %s", match, got, want)
		}
	}
}

func TestWhatFindsMessages(t *testing.T) {
	load := func(text string) *Pack {
		packs, problems := Load([]File{{Name: "a.yaml", Data: []byte("format: 1\npack: acme\nread: kv\n" + text)}})
		if len(problems) != 0 {
			t.Fatal(problems)
		}
		return &packs[0]
	}
	for text, want := range map[string]struct {
		by      string
		generic bool
	}{
		"sourcetype: x\n": {"", false},
		"sourcetype: x\nmatch: [{program: ab, keys: {k: v}}, {text: cd}]\n":                               {"program, key, text", false},
		"sourcetype: x\nmatch: {cef: {vendor: '*'}}\n":                                                    {"CEF vendor", true},
		"sourcetype: x\nmatch: {leef: {vendor: Acme, product: Gate}}\n":                                   {"LEEF vendor, LEEF product", false},
		"family: cisco_asa\nclasses: [{name: ace, when: {message_id: 'ACE-*'}, sourcetype: cisco:ace}]\n": {"message id", false},
	} {
		p := load(text)
		if got := p.MatchedBy(); got != want.by || p.Generic() != want.generic {
			t.Errorf("%s: %q, generic %t", text, got, p.Generic())
		}
	}
	each := load("sourcetype: x\nmatch: {program: [ab, 'cd*']}\n").Match[0].Pieces()[0]
	all := each.Each()
	if len(all) != 2 || all[1].String() != "program cd*" || all[1].Condition.String() != "program cd*" || !each.Finds() {
		t.Errorf("%v", all)
	}
}

func TestRulesInWords(t *testing.T) {
	packs, problems := Load([]File{{Name: "a.yaml", Data: []byte(`format: 1
pack: acme
sourcetype: x
read: kv
host: [{key: dev, after: "/", before: "."}, {sender: true}, {text: here}]
time: [{keys: [date, time], as: "%Y-%m-%d %H:%M:%S"}, {sd: t, as: unix}]
`)}})
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	p := packs[0]
	for i, want := range []string{`key dev behind "/" up to "."`, `sender's address`, `"here"`} {
		if got := p.Host[i].Value.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for i, want := range []string{"key date and key time as %Y-%m-%d %H:%M:%S", "structured data t as unix"} {
		if got := p.Time[i].String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
