package pack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/pack"
)

const allRules = `
format: 1
pack: site
about: rules of a site
lookups:
  sites: {file: sites.csv, key: network, columns: {site: field, index: index, sourcetype: sourcetype, timezone: timezone, host: host}}
rules:
  - {name: no_dns, option: true, about: "Traffic to DNS and NTP", when: {class: traffic, keys: {dstport: ["53", "123"]}, words: {1: x}}, drop: true}
  - {name: tenth, when: [{class: pan_traffic, sender: [10.20.0.0/16]}], sample: 10}
  - {name: calm, when: {class: cisco_asa}, suppress: {one_in: 30s, by: [host, class, message_id, {key: user}], at_most: 100}}
  - {name: usual, suppress: {one_in: 1m, by: sender}}
  - {lookup: sites, by: sender}
  - {when: {role: netfw, host: ["pci-*"]}, index: netfw_pci, sourcetype: x:y, fields: {compliance: pci}}
  - {name: names, mask: [{key: user, with: hash}, {between: ["token=", "&"]}, {find: card}, {find: email}, {find: address}, {regex: 'a+', with: "IBAN"}]}
  - {name: thin, trim: {keys: [logid, vd], spaces: true, tabs: true}}
tests:
  - {line: x, pack: none, dropped: no_dns, options: [no_dns]}
`

func TestRules(t *testing.T) {
	p := good(t, allRules)[0]
	if !p.RulesOnly() || len(p.Rules) != 8 || len(p.Lookups) != 1 || len(p.Match) != 0 {
		t.Fatalf("%+v", p)
	}
	calm, masks := p.Rules[2].Suppress, p.Rules[6].Masks
	switch {
	case calm.OneIn != 30*time.Second || calm.AtMost != 100 || len(calm.By) != 4 || calm.By[0].Word != "host" || calm.By[3].Key != "user":
		t.Errorf("%+v", calm)
	case p.Rules[3].Suppress.AtMost != 65536:
		t.Errorf("%+v", p.Rules[3].Suppress)
	case masks[0].With != pack.Hash || masks[1].Between != [2]string{"token=", "&"} || masks[1].With != "***" || masks[5].With != "IBAN":
		t.Errorf("%+v", masks)
	case p.Lookups[0].Columns["site"] != "field" || p.Tests[0].Dropped != "no_dns" || !slices.Equal(p.Tests[0].Options, []string{"no_dns"}):
		t.Errorf("%+v", p)
	}
}

func TestMistakesInRules(t *testing.T) {
	for _, c := range []struct{ rule, want string }{
		{"{}", "the rule does nothing"},
		{"{name: a}", "the rule does nothing"},
		{"{drop: true}", "name: is missing"},
		{"{sample: 2}", "name: is missing"},
		{"{mask: {key: a}}", "name: is missing"},
		{"{trim: {keys: a}}", "name: is missing"},
		{"{option: true, index: a}", "name: is missing"},
		{"{name: a, drop: false}", "can only be true"},
		{"{name: a, drop: true, sample: 2}", "drop and sample are in one rule"},
		{"{name: a, drop: true, mask: {key: a}}", "drop and mask are in one rule"},
		{"{name: a, sample: 1}", "1 keeps all"},
		{"{name: a, sample: 0}", "is not a number from 1 to 1000000"},
		{"{name: a, suppress: {one_in: 30s}}", "one_in and by are needed"},
		{"{name: a, suppress: {one_in: 30, by: host}}", "is not a time from 1s to 24h"},
		{"{name: a, suppress: {one_in: 30s, by: hots}}", "did you mean host?"},
		{"{name: a, suppress: {one_in: 30s, by: {header: true}}}", "write a word"},
		{"{name: a, suppress: {one_in: 30s, by: host, at_most: 2000000}}", "is not a number from 1 to 1048576"},
		{"{lookup: sites}", "lookup and by belong together"},
		{"{by: sender, index: a}", "lookup and by belong together"},
		{"{lookup: sitse, by: sender}", "did you mean sites?"},
		{"{lookup: sites, by: host}", "has networks"},
		{"{index: A}", "is not a Splunk index"},
		{"{sourcetype: \"{program}\"}", "is not a sourcetype"},
		{"{fields: {sample_rate: a}}", "is a field of the gateway's or Splunk's own"},
		{"{name: a, mask: {}}", "does not say what is hidden"},
		{"{name: a, mask: {key: a, find: card}}", "key and find are in one mask"},
		{"{name: a, mask: {find: cards}}", "did you mean card?"},
		{"{name: a, mask: {between: [a]}}", "is not two texts"},
		{"{name: a, mask: {regex: 'a*'}}", "matches the empty text"},
		{"{name: a, mask: {regex: '('}}", "is not an expression of RE2"},
		{"{name: a, mask: {key: a, with: 'x \"'}}", "sign that ends values"},
		{"{name: a, trim: {}}", "says nothing"},
		{"{name: a, trim: {spaces: false}}", "can only be true"},
		{"{name: A, drop: true}", "is not a name"},
		{"{name: a, option: maybe, drop: true}", "is not true or false"},
		{"{name: a, when: {}, drop: true}", "the condition says nothing"},
		{"{name: on_linux, option: true, drop: true}", "is an option of packs for Linux servers"},
		{"{name: a, drops: true}", "did you mean drop?"},
		{"{name: same, index: a}\n  - {name: same, index: b}", "the rule same is there twice"},
	} {
		text := "format: 1\npack: site\nlookups: {sites: {file: a, key: network, columns: {a: field}}}\nrules:\n  - " + c.rule + "\n"
		if _, problems := load(text); len(problems) == 0 || !strings.Contains(strings.Join(problems, "\n"), c.want) || !strings.HasPrefix(problems[0], "a.yaml:") {
			t.Errorf("%s: %q, want %s", c.rule, problems, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"lookups: {a: {file: x, key: nets, columns: {a: field}}}", "there are network, host and value"},
		{"lookups: {a: {file: x, key: host}}", "columns is missing"},
		{"lookups: {a: {file: x, key: host, columns: {class: field}}}", "is a field of the gateway's"},
		{"lookups: {a: {file: x, key: host, columns: {a: fields}}}", "did you mean field?"},
		{"rules: [{index: a}]\ntests: [{line: x}]", "pack: is missing in the test"},
		{"rules: [{index: a}]\ntests: [{line: x, pack: none, dropped: a}]", "is not a rule of the pack"},
		{"rules: [{name: a, index: a}]\ntests: [{line: x, pack: none, options: a}]", "is not an option of the pack"},
		{"match: {program: ab}\nrules: [{index: a}]", "sourcetype: is missing"},
		{"rules: [" + strings.Repeat("{index: a}, ", 65) + "]", "the pack has 65 rules, at most 64"},
		{"rules: [{name: a, mask: [" + strings.Repeat("{key: a}, ", 33) + "]}]", "the pack has 33 masks, at most 32"},
		{"rules: [{index: a, when: {keys: {" + keys(17) + "}}}]", "the rules of the pack use 17 keys"},
	} {
		if _, problems := load("format: 1\npack: site\n" + c.text + "\n"); !strings.Contains(strings.Join(problems, "\n"), c.want) {
			t.Errorf("%s: %q, want %s", c.text, problems, c.want)
		}
	}
}

func keys(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("k%d: a", i))
	}
	return strings.Join(all, ", ")
}
