package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// shownRules is what the page says of rules: their names in its order, and what each saved.
func (s *site) shownRules() (list []string) {
	s.t.Helper()
	var got struct {
		Rules []struct {
			Rule, Pack string
			Does       []string
			Events     map[string]int
			Hour       map[string]int `json:"events_last_hour"`
			Saved      int            `json:"saved_bytes"`
			SavedHour  int            `json:"saved_bytes_last_hour"`
		}
	}
	s.api("/api/v1/rules", &got)
	for _, r := range got.Rules {
		if r.Pack != "site" || fmt.Sprint(r.Hour) != fmt.Sprint(r.Events) || r.SavedHour != r.Saved {
			s.t.Errorf("%+v", r)
		}
		list = append(list, fmt.Sprintf("%s %v %v %d", r.Rule, r.Does, r.Events, r.Saved))
	}
	testkit.Eventually(s.t, "the page has a table of rules if there are some", func() bool { // its lists are made every fifth second
		r := s.asks("/stats")
		defer r.Body.Close()
		return strings.Contains(string(testkit.Try(io.ReadAll(r.Body))(s.t)), `id="rules"`) == (len(list) != 0)
	})
	return list
}

// The page and the API show the rules in force, and nothing without rules. A rule that is
// turned off is not shown; its counts go on when it is back.
func TestRulesAreShown(t *testing.T) {
	t.Parallel()
	s := newSite(t, "packs: {folder: DIR/packs}\n")
	p := s.start()
	testkit.Equal(t, "rules without rules", len(s.shownRules()), 0)
	const names = "  - {when: {program: named}, index: main, fields: {zone: lan}}\n"
	const rules = "format: 1\npack: site\nrules:\n" + names +
		"  - {name: gone, when: {program: gone}, drop: true}\n" +
		"  - {name: calm, when: {program: calm}, suppress: {one_in: 1h, by: host}, mask: {key: password}}\n" +
		"  - {name: slow, when: {program: gone, regex: 'x+y'}, fields: {a: b}}\n"
	s.pack("site.yaml", rules)
	s.reload(p, "success", 1)
	s.say("linux", "<13>Nov 22 17:00:00 w1 gone: 1", "<13>Nov 22 17:00:00 w1 gone: 2", "<13>Nov 22 17:00:00 w1 named: 1",
		"<13>Nov 22 17:00:00 w1 calm: password=x", "<13>Nov 22 17:00:00 w1 calm: password=y")
	s.waitEvents(2)
	want := fmt.Sprint([]string{"site.gone [drop] map[drop:2] 60", "site.calm [suppress mask] map[mask:1 suppress:1] 39", "site.1 [index fields] map[] 0", "site.slow [fields] map[] 0"})
	testkit.Eventually(t, "the rules are shown", func() bool { return fmt.Sprint(s.shownRules()) == want })
	if n := s.metrics().Sum("gateway_pack_slow_total", `pack="site"`); n != 0 { // gone is dropped before it is searched
		t.Errorf("%v are slow", n)
	}

	s.pack("site.yaml", "format: 1\npack: site\nrules:\n"+names+"  - {name: slow, when: {program: gone, regex: 'x+y'}, fields: {a: b}}\n")
	s.reload(p, "success", 2)
	testkit.Equal(t, "rules that are left", fmt.Sprint(s.shownRules()), "[site.1 [index fields] map[] 0 site.slow [fields] map[] 0]")
	s.say("linux", "<13>Nov 22 17:00:00 w1 gone: xy", "<13>Nov 22 17:00:00 w1 gone: z")
	s.waitEvents(4)
	testkit.Eventually(t, "searches are counted", func() bool { return s.metrics().Sum("gateway_pack_slow_total", `pack="site"`) == 2 })
	testkit.Holds(t, "the log", p.log.String(), `msg="a suppress rule was changed or removed; no event will tell of the last messages that it left out" source=linux rule=site.calm kinds=1 messages=1`)

	s.pack("site.yaml", rules)
	s.reload(p, "success", 3)
	s.say("linux", "<13>Nov 22 17:00:00 w1 gone: 3")
	testkit.Eventually(t, "the count goes on", func() bool { return strings.HasPrefix(s.shownRules()[0], "site.gone [drop] map[drop:3] 90") })

	s.pack("site.yaml", "format: 1\npack: site\nmatch: {program: siteapp}\nsourcetype: x\nrole: netops\n")
	s.reload(p, "success", 4)
	testkit.Equal(t, "rules without rules", len(s.shownRules()), 0)
	s.assertBalance()
	testkit.Equal(t, "exit code", p.stop(), 0)
}
