package packwhy_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/packwhy"
)

// load reads packs; those of embedded are part of the program.
func load(t *testing.T, site, embedded string) (ours, theirs []pack.Pack) {
	t.Helper()
	read := func(name, text string) []pack.Pack {
		packs, problems := pack.Load([]pack.File{{Name: name, Data: []byte(text)}})
		if len(problems) != 0 {
			t.Fatal(problems)
		}
		return packs
	}
	ours, theirs = read("own.yaml", site), read("catalog/a.yaml", embedded)
	for i := range theirs {
		theirs[i].Embedded = true
	}
	return ours, theirs
}

const embedded = `format: 1
pack: acme_fw
read: kv
match:
  - {text: 'date=', keys: {devid: '*'}}
  - {program: ['Host*'], profile: sc4s, ignore_case: true}
not: {contains: debug}
classes:
  - {name: traffic, when: {keys: {type: traffic}}, sourcetype: acme:traffic, role: netfw}
  - {name: other, sourcetype: acme:fw, role: netops}
tests:
  - {line: '<13>date=2026-03-14 devid=A1 type=traffic', class: traffic}
  - {line: '<13>Mar 14 14:28:52 w1 widgetd[1]: up', pack: none}
---
format: 1
pack: acme_cli
match: {program: [acmecli, 'acmeweb*']}
sourcetype: acme:cli
role: netops
tests:
  - {line: '<13>Mar 14 14:28:52 w1 acmecli[1]: up'}
  - {line: '<13>Mar 14 14:28:52 w1 acmeweb7[1]: up'}
`

func asker(t *testing.T, line, profile string, site, embedded []pack.Pack) *packwhy.Asker {
	t.Helper()
	set, err := matcher.Compile(site, embedded, matcher.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	parser, err := dialect.New(dialect.Auto, set)
	if err != nil {
		t.Fatal(err)
	}
	return &packwhy.Asker{Profile: profile, Views: parser.Views([]byte(line), netip.MustParseAddr("192.0.2.1"))}
}

func TestWhatCameNear(t *testing.T) {
	_, theirs := load(t, "", embedded)
	packs := []*pack.Pack{&theirs[0], &theirs[1]}
	for _, c := range []struct {
		line, profile, taken string
		want                 []string
	}{
		{"<13>date=2026-03-14 type=traffic", "default", "", []string{`acme_fw: text "date=", but not key devid`}},
		{"<13>Mar 14 14:28:52 relay <13>date=2026-03-14 type=traffic", "default", "", []string{`acme_fw: text "date=", but not key devid`}},
		{"<13>date=2026-03-14 devid=A1 debug", "default", "", []string{`acme_fw: text "date=", and key devid, but its not: has "debug" in the first 256 bytes`}},
		{"<13>Mar 14 14:28:52 ap1 hostapd: x", "default", "", []string{`acme_fw: program Host* in any case (profile sc4s only)`}},
		{"<13>Mar 14 14:28:52 ap1 hostapd: x", "sc4s", "acme_fw", nil},
		{"<13>Mar 14 14:28:52 w1 AcmeCLI[1]: x", "default", "", []string{`acme_cli: not program acmecli or acmeweb* in this case of letters`}},
		{"<13>Mar 14 14:28:52 w1 acmecli[1]: x", "default", "", []string{`acme_cli: program acmecli, but it is asked later, or not on such a port`}},
		{"<13>Mar 14 14:28:52 w1 other[1]: x", "default", "", nil},
	} {
		var got []string
		for _, n := range asker(t, c.line, c.profile, nil, theirs).Near(packs, c.taken) {
			got = append(got, n.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, profile %s:\n%q, want\n%q", c.line, c.profile, got, c.want)
		}
	}
}

func TestWhatDecided(t *testing.T) {
	_, theirs := load(t, "", embedded)
	a := asker(t, "<13>date=2026-03-14 devid=A1 type=traffic", "default", nil, theirs)
	by, class := a.By(&theirs[0], theirs[0].Finders()), a.Class(&theirs[0], "acme_fw_traffic")
	if by == nil || class == nil || by.String() != `text "date=", and key devid` || class.String() != "key type=traffic" || by.Line != 5 {
		t.Errorf("%v, %v", by, class)
	}
	if by := a.By(&theirs[1], theirs[1].Finders()); by != nil {
		t.Errorf("%v", by)
	}
}

func TestTheftIsTold(t *testing.T) {
	const own = "format: 1\npack: own\nmatch: {program: ['xx*', 'acmew*']}\nsourcetype: x\n"
	for _, c := range []struct {
		name, site     string
		thefts, failed []string
	}{
		{"nothing of its own", "", nil, nil},
		{"takes a line", own, []string{"`acmew*` of own.yaml:3 takes the line acme_cli test 2 (catalog/a.yaml:22)"}, nil},
		{"says that it is meant", own + "replaces: acme_cli\n", nil, nil},
		{"takes what is nobody's", "format: 1\npack: own\nmatch: {program: widgetd}\nsourcetype: x\n", nil, nil},
		{"takes the name", "format: 1\npack: acme_cli\nmatch: {program: zz}\nsourcetype: x\n", nil, nil},
		{
			"fails", "format: 1\npack: own\nmatch: {program: zz}\nsourcetype: x\ntests: [{line: '<13>Mar 14 14:28:52 w1 yy[1]: up'}]\n",
			nil, []string{`own.yaml:5: own test 1, profile default: pack is "none", want "own" (class linux_syslog)`},
		},
		{
			"takes a line of its neighbour", own + "replaces: acme_cli\n---\nformat: 1\npack: second\nmatch: {program: xx7}\nsourcetype: x\ntests: [{line: '<13>Mar 14 14:28:52 w1 xx8: up'}]\n",
			[]string{"`xx*` of own.yaml:3 takes the line second test 1 (own.yaml:11)"}, nil,
		},
	} {
		ours, theirs := load(t, c.site, embedded)
		report, err := packwhy.Test(ours, theirs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var thefts, failed []string
		for i := range report.Thefts {
			thefts = append(thefts, report.Thefts[i].String())
		}
		for _, f := range report.Failed {
			failed = append(failed, f.String())
		}
		if !slices.Equal(thefts, c.thefts) || !slices.Equal(failed, c.failed) {
			t.Errorf("%s:\nthefts %s\nfailed %s", c.name, strings.Join(thefts, "\n"), strings.Join(failed, "\n"))
		}
	}
}
