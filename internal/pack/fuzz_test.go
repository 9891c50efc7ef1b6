package pack_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/strftime"
)

// FuzzLoad: Load never panics, and what it accepts keeps the rules of the format.
func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add("format: 1\nproducts: [{product: a_b, program: xx, sourcetype: s, test: a, not: b}]\n---\n" + head)
	f.Add("format: 1\npack: p\nfamily: linux\nclasses: [{name: a, when: {program: xx}, sourcetype: s}]")
	f.Add("a: &a [*a, !!str x]\n<<: *a\n? [x]\n: y\n")
	files, _ := filepath.Glob("catalog/*.yaml") // a good pattern
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		packs, problems := pack.Load([]pack.File{{Name: "a.yaml", Data: []byte(text)}})
		for _, p := range problems {
			if p.File != "a.yaml" || p.Line < 0 || p.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r")+strings.Count(text, "\u0085")+strings.Count(text, "\u2028")+strings.Count(text, "\u2029") || p.Text == "" {
				t.Errorf("problem %+v", p)
			}
		}
		for i := range packs {
			rules(t, &packs[i])
		}
		if len(problems) == 0 {
			pack.Conflicts(packs, packs)
		}
	})
}

var (
	aName       = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,63}$`)
	aSourcetype = regexp.MustCompile(`^([A-Za-z0-9_.:-]|\{[^{}]+\})+$`)
)

// rules checks the rules of a pack that Load accepted.
func rules(t *testing.T, p *pack.Pack) {
	check := func(ok bool, what string) {
		if !ok {
			t.Errorf("%s: %+v", what, *p)
		}
	}
	check(aName.MatchString(p.Name) && p.Name != "none" && p.Line > 0, "name")
	check(p.Within >= 1 && p.Within <= 1024, "within")
	check(p.Separator == 0 || p.Read == pack.KV, "separator")
	_, err := time.LoadLocation(p.Timezone)
	check(err == nil, "time zone")
	check((len(p.Classes) >= 1 || len(p.Rules)+len(p.Lookups) != 0) && len(p.Classes) <= 256, "classes")
	for i, c := range p.Classes {
		check((len(c.When) == 0) == (p.Family == "" && i == len(p.Classes)-1), "the last class has no condition")
		check((c.Name == "") == (len(p.Classes) == 1), "name of a class")
		check(aSourcetype.MatchString(c.Sourcetype), "sourcetype")
		for _, text := range []string{c.Sourcetype, c.Source, c.SC4S.Sourcetype, c.SC4S.Source} {
			_, err := pack.ParseTemplate(text)
			check(err == nil, "template")
		}
		for i := range c.When {
			condition(check, p, &c.When[i])
		}
	}
	for i := range p.Match {
		c := &p.Match[i]
		check(len(c.Program)+len(c.Text)+len(c.SD)+len(c.MessageID)+len(c.Header) != 0 || c.CEF != nil || c.LEEF != nil, "anchor")
		condition(check, p, c)
	}
	for i := range p.Not {
		condition(check, p, &p.Not[i])
	}
	for _, h := range p.Host {
		value(check, p, &h.Value)
	}
	for _, r := range p.Time {
		check(len(r.Values) > 0, "values of the time")
		if r.As != "iso" && r.As != "bsd" && r.As != "unix" {
			_, err := strftime.Compile(r.As)
			check(err == nil, "form of the time")
		}
		for i := range r.Values {
			value(check, p, &r.Values[i])
		}
	}
	for _, test := range p.Tests {
		_, err := time.Parse(time.RFC3339Nano, test.Time)
		check(test.Line != "" && (test.Time == "" || err == nil), "test")
	}
}

// value checks where a value is.
func value(check func(bool, string), p *pack.Pack, v *pack.Value) {
	places := 0
	for _, has := range []bool{
		v.Key != "", v.Column != 0, v.Word != 0, v.JSON != "", v.CEF != "", v.LEEF != "", v.SD != "", v.Program, v.Header, v.Sender, v.Text != "",
	} {
		if has {
			places++
		}
	}
	check(places == 1, "one place of a value")
	check(v.Key == "" || p.Read == pack.KV, "key without read: kv")
	check(v.JSON == "" || p.Read == pack.JSON, "json without read: json")
	check(v.Column == 0 || p.Read == pack.CSV || p.Read == pack.Tab, "column without read: csv")
	check(v.Column <= 32 && v.Word <= 32, "place")
}

// condition checks a condition.
func condition(check func(bool, string), p *pack.Pack, c *pack.Condition) {
	words := func(least int, lists ...[]string) {
		for _, list := range lists {
			for _, w := range list {
				bare := strings.TrimPrefix(w, "*")
				if bare == w {
					bare = strings.TrimSuffix(w, "*")
				}
				check(w == "*" || !strings.Contains(bare, "*") && len(bare) >= least && len(bare) <= 128, "word")
			}
		}
	}
	words(2, c.Program, c.Text, c.Contains, c.SD, c.MessageID)
	words(1, c.Host)
	for _, d := range []*pack.Device{c.CEF, c.LEEF} {
		if d != nil {
			words(1, d.Vendor, d.Product, d.ID)
		}
	}
	for _, m := range []map[string][]string{c.Keys, c.JSON} {
		for name, list := range m {
			check(name != "", "key")
			words(1, list)
		}
	}
	for _, m := range []map[int][]string{c.Columns, c.Words} {
		for place, list := range m {
			check(place >= 1 && place <= 32, "place")
			words(1, list)
		}
	}
	check((len(c.Contains) == 0) == (c.Within == 0) && c.Within <= 512, "within")
	check(len(c.Keys) == 0 || p.Read == pack.KV, "keys without read: kv")
	check(len(c.JSON) == 0 || p.Read == pack.JSON, "json without read: json")
	check(len(c.Columns) == 0 || p.Read == pack.CSV || p.Read == pack.Tab, "columns without read: csv")
	_, err := regexp.Compile(c.Regex)
	check(err == nil && len(c.Regex) <= 1024, "regex")
	for _, network := range c.Sender {
		check(network.IsValid() && network == network.Masked() && network != netip.Prefix{}, "network")
	}
	for i := range c.Any {
		condition(check, p, &c.Any[i])
	}
	for i := range c.Not {
		condition(check, p, &c.Not[i])
	}
}
