package stats

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"
)

// ruled gives the gateway rules, one of which is not in force any more.
func ruled(s *stages) {
	s.snap.Rules = []status.Rule{
		{Name: "site.names", Pack: "site", InForce: true, Does: []string{"lookup"}, Slow: 3},
		{Name: "site.no_debug", Pack: "site", InForce: true, Does: []string{"drop"}, Events: map[string]uint64{"drop": 1200}, Saved: 240000},
		{Name: "web.some", Pack: "web", InForce: true, Does: []string{"sample", "mask"}, Events: map[string]uint64{"sample": 90, "mask": 4}, Saved: 9000, Slow: 7},
		{Name: "site.gone", Pack: "site", Events: map[string]uint64{"drop": 5}, Saved: 1 << 40, Slow: 2},
	}
}

func TestRules(t *testing.T) {
	p := open(t)
	testkit.Lacks(t, "the page without rules", p.get("/stats"), `id="rules"`)
	p.stages.set(ruled)
	p.stages.set(volumes)
	page := p.get("/stats")
	for _, want := range [][]string{
		{"site.no_debug", "site", "drop", "1,200", "1,200", "240.0 kB", "240.0 kB"},
		{"web.some", "web", "sample, mask", "4 mask 90 sample", "4 mask 90 sample", "9.0 kB", "9.0 kB"},
		{"site.names", "site", "lookup", "–", "–", "0 B", "0 B"},
	} {
		if got := row(t, page, "rules", want[0]); !slices.Equal(got, want) {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
	testkit.Holds(t, "the page", page, "249.0 kB saved in the last hour, 249.0 kB since the start")
	_, table, _ := strings.Cut(page, `id="rules"`)
	testkit.Lacks(t, "the table of rules in force", table, "site.gone")
	wellFormed(t, page)

	var got struct {
		Rules []struct {
			Rule, Pack string
			Does       []string
			Events     map[string]int
		}
		Others     int
		SavedBytes int `json:"saved_bytes"`
	}
	testkit.Must(t, json.Unmarshal([]byte(p.get("/api/v1/rules?limit=2")), &got))
	testkit.Equal(t, "the API", fmt.Sprint(got), "{[{site.no_debug site [drop] map[drop:1200]} {web.some web [sample mask] map[mask:4 sample:90]}] 1 249000}")
	testkit.Equal(t, "limit 0", p.do("GET", "/api/v1/rules?limit=0").code, http.StatusBadRequest)
	// The searches of a pack, those of its rules, and those of rules that were removed.
	testkit.Equal(t, "slow", fmt.Sprint(series(scrape(t, p)["gateway_pack_slow_total"])), "map[pack=acme_widget:11 pack=site:5 pack=web:7]")
}

// The page shows 50 rules.
func TestManyRules(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) {
		for i := range 60 {
			s.snap.Rules = append(s.snap.Rules, status.Rule{Name: fmt.Sprintf("site.r%02d", i), Pack: "site", InForce: true, Does: []string{"drop"}, Saved: uint64(i)})
		}
	})
	page := p.get("/stats")
	testkit.Holds(t, "the page", page, ">site.r59<", ">site.r10<", "10 more")
	testkit.Lacks(t, "the page", page, ">site.r09<")
}

// Rules are shown to those who may see the page, as classes are.
func TestWhoSeesRules(t *testing.T) {
	for _, readers := range []bool{false, true} {
		p := open(t, func(o *Options) {
			o.Users, o.Readers = []auth.User{{Name: "ops", Password: "s3cret"}}, readers
		})
		p.stages.set(ruled)
		want := map[bool]int{false: http.StatusUnauthorized, true: http.StatusOK}[readers]
		for _, path := range []string{"/api/v1/classes", "/api/v1/rules"} {
			a := p.do("GET", path)
			testkit.Equal(t, path+" without a user", a.code, want)
			testkit.Equal(t, path+" shows rules", strings.Contains(a.body, "site.no_debug"), readers && path == "/api/v1/rules")
		}
		a := p.do("GET", "/api/v1/rules", func(r *http.Request) { r.SetBasicAuth("ops", "s3cret") })
		testkit.Holds(t, "with a user", a.body, "site.no_debug")
	}
}
