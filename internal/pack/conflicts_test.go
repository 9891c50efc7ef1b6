package pack_test

import (
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/pack"
)

// set loads a set of packs, of which each line is the rest of one with the name p1, p2 ….
func set(t *testing.T, file string, lines []string) []pack.Pack {
	t.Helper()
	var files []pack.File
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, " ")
		text := "format: 1\npack: " + name + "\n" + rest
		if !strings.Contains(rest, "classes:") {
			text += "\nsourcetype: s"
		}
		files = append(files, pack.File{Name: file + "/" + name + ".yaml", Data: []byte(text)})
	}
	packs, problems := pack.Load(files)
	for _, p := range problems {
		t.Fatal(p)
	}
	return packs
}

func texts(problems []pack.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	return all
}

func TestConflictsOfTheSite(t *testing.T) {
	const also = " is also in site/a.yaml:3 (pack a): add to one of them a word that only its product has"
	for _, c := range []struct{ a, b, want string }{
		{"match: {program: [xx, widgetd]}", "match: {program: [widgetd, yy]}", `program "widgetd"` + also},
		{"match: {program: 'wid*'}", "match: {program: 'wid*'}", `program "wid*"` + also},
		{"match: {program: 'wid*'}", "match: {program: widgetd}", ""}, // the exact word decides
		{"match: {program: Widgetd}", "match: {program: widgetd}", ""},
		{"match: {program: Widgetd, ignore_case: true}", "match: {program: widgetd}", `program "widgetd"` + also},
		{"match: {program: widgetd}", "match: {program: widgetd, text: a=}", ""},
		{"match: {program: widgetd, text: a=}", "match: {program: widgetd, text: [b=, a=]}", `program "widgetd"` + also},
		{"match: {program: widgetd, text: a=}", "match: {program: widgetd, text: b=}", ""},
		{"match: {text: a=}", "match: {text: a=}", `text "a=*"` + also},
		{"match: {sd: '*@6876'}", "match: {sd: '*@6876'}", `sd "*@6876"` + also},
		{"match: {message_id: ACE-*}", "match: {message_id: ACE-*}", `message_id "ACE-*"` + also},
		{"match: {message_id: ACE-*}", "family: cisco_asa\nclasses: [{name: x, when: {message_id: ACE-*}, sourcetype: s}]", `message_id "ACE-*" is also in site/a.yaml:3`},
		{"match: {cef: {vendor: Acme, product: [W, X]}}", "match: {cef: {vendor: acme, product: x}}", `cef "acme"` + also},
		{"match: {cef: {vendor: Acme, product: W}}", "match: {cef: {vendor: Acme, product: X}}", ""},
		{"match: {cef: {vendor: Acme}}", "match: {cef: {vendor: Acme, product: X}}", ""},
		{"match: {cef: {vendor: Acme}}", "match: {leef: {vendor: Acme}}", ""},
		{"match: {leef: {}}", "match: {leef: {}}", `leef "*"` + also},
		{"match: {program: ww, profile: sc4s}", "match: {program: ww, profile: default}", ""},
		{"read: kv\nmatch: {text: a=, keys: {type: [x, y]}}", "read: kv\nmatch: {text: a=, keys: {type: y}}", `text "a=*" is also in site/a.yaml:4`},
		{"read: kv\nmatch: {text: a=, keys: {type: x}}", "read: kv\nmatch: {text: a=, keys: {kind: x}}", ""},
		{"match: {header: epoch, words: {2: flows}}", "match: {header: epoch, words: {2: flows}}", `header "epoch"` + also},
		{"match: {program: ww, sender: 192.0.2.0/24}", "match: {program: ww, sender: 198.51.100.0/24}", ""},
		{"match: {program: ww, not: {level: err}}", "match: {program: ww, not: {level: err}}", `program "ww"` + also},
		{"match: {program: ww, not: {level: err}}", "match: {program: ww, not: {level: info}}", ""},
		{"match: {program: ww, regex: a}", "match: {program: ww, regex: b}", ""},
		{"", "", ""},
	} {
		conflicts, warnings := pack.Conflicts(set(t, "site", []string{"a " + c.a, "b " + c.b}), nil)
		got := strings.Join(texts(conflicts), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) || len(warnings) != 0 {
			t.Errorf("%s\n%s\ngot: %s %v\nwant: %s", c.a, c.b, got, warnings, c.want)
		}
	}
	twice := append(set(t, "one", []string{"a match: {program: xx}"}), set(t, "two", []string{"a match: {program: yy}"})...)
	conflicts, _ := pack.Conflicts(twice, nil)
	if got := texts(conflicts); !slices.Equal(got, []string{"two/a.yaml:2: the pack a is also in one/a.yaml:2"}) {
		t.Errorf("a name twice: %q", got)
	}
	own := set(t, "site", []string{"a match: [{program: xx}, {program: xx}]"})
	if conflicts, _ := pack.Conflicts(own, nil); conflicts != nil {
		t.Errorf("a pack is no conflict with itself: %v", conflicts)
	}
}

func TestWarningsOfEmbeddedPacks(t *testing.T) {
	embedded := set(t, "catalog", []string{
		"vmware_vsphere match: [{program: [vimtop, 'vpx*'], text: a=}, {sd: '*@6876'}, {program: vws, profile: sc4s}]",
		"fortinet match: {text: date=, keys: {devid: FG*}}\nread: kv",
		"imperva match: {cef: {vendor: Imperva, product: WAF}}",
		"cef match: {cef: {vendor: '*'}}",
		"cisco_more family: cisco_asa\nclasses: [{name: x, when: {message_id: ACE-*}, sourcetype: s}]",
	})
	const takes = " takes messages of the embedded pack "
	for _, c := range []struct {
		site string
		want []string
	}{
		{"match: {program: 'vim*'}", []string{`program "vim*"` + takes + "vmware_vsphere"}},
		{"match: {program: vimtop}", []string{`program "vimtop"` + takes + "vmware_vsphere"}},
		{"match: {program: vpxd}", []string{`program "vpxd"` + takes + "vmware_vsphere"}},
		{"match: {program: 'VIM*'}", nil},
		{"match: {program: 'VIM*', ignore_case: true}", []string{`program "VIM*"` + takes + "vmware_vsphere"}},
		{"match: {program: vim}", nil},
		{"match: {program: 'vim*'}\nreplaces: vmware_vsphere", nil},
		{"match: {program: 'vim*', text: b=}", nil}, // not together with a=
		{"match: {program: vws, profile: default}", nil},
		{"match: {program: vws}", []string{`program "vws"` + takes + "vmware_vsphere"}},
		{"match: {sd: 'x@6876'}", []string{`sd "x@6876"` + takes + "vmware_vsphere"}},
		{"match: {sd: 'x@*'}", nil},
		{"match: {text: date=2026}", []string{`text "date=2026"` + takes + "fortinet"}},
		{"match: {text: da}", []string{`text "da"` + takes + "fortinet"}},
		{"match: {text: date=, keys: {devid: 'FAC*'}}\nread: kv", nil},
		{"match: {cef: {vendor: IMPERVA}}", []string{`cef "IMPERVA"` + takes + "imperva"}},
		{"match: {cef: {vendor: Imperva, product: DAM}}", nil},
		{"match: {cef: {vendor: Other}}", nil},
		{"match: {message_id: ACE-4-400000}", []string{`message_id "ACE-4-400000"` + takes + "cisco_more"}},
		{"match: {program: ww}\nreplaces: [vmware_vspere]", []string{`replaces: there is no embedded pack "vmware_vspere": did you mean vmware_vsphere?`}},
		{"", nil},
	} {
		conflicts, warnings := pack.Conflicts(set(t, "packs", []string{"own " + c.site}), embedded)
		var got []string
		for _, w := range warnings {
			got = append(got, w.Text)
		}
		if !slices.Equal(got, c.want) || len(conflicts) != 0 {
			t.Errorf("%s\ngot:  %q %v\nwant: %q", c.site, got, conflicts, c.want)
		}
	}
	same := set(t, "packs", []string{"fortinet match: {text: date=}"})
	_, warnings := pack.Conflicts(same, embedded)
	if got := texts(warnings); !slices.Equal(got, []string{"packs/fortinet.yaml:2: the pack takes the place of the embedded pack fortinet; replaces: fortinet says that this is meant"}) {
		t.Errorf("the name of an embedded pack: %q", got)
	}
	same[0].Replaces = []string{"fortinet"}
	if _, warnings = pack.Conflicts(same, embedded); warnings != nil {
		t.Errorf("on purpose: %v", warnings)
	}
	if _, warnings = pack.Conflicts(same, nil); len(warnings) != 1 || !strings.Contains(warnings[0].Text, "there is none") {
		t.Errorf("nothing is embedded: %v", warnings)
	}
}
