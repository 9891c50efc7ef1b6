package packtest

import (
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

// TestReadyRules: every rule of an embedded pack is off, says what it does, and has a test with a
// line that it acts on and one with a line that it leaves alone.
func TestReadyRules(t *testing.T) {
	packs := testkit.Try(catalog.Load())(t)
	runner := testkit.Try(New(nil, packs))(t)
	for i := range packs {
		p := &packs[i]
		for _, r := range p.Rules {
			if !r.Option || r.About == "" {
				t.Errorf("%s: the rule %s.%s is not an option, or has no about", r.Pos, p.Name, r.Name)
			}
			acts, spares := 0, 0
			for j := range p.Tests {
				test := &p.Tests[j]
				if !slices.Contains(test.Options, r.Name) {
					continue
				}
				profile := test.Profile
				if profile == "" {
					profile = "default"
				}
				got := testkit.Try(runner.run(p, test, profile))(t)
				if slices.ContainsFunc(got.rules, func(did string) bool { return strings.HasPrefix(did, p.Name+"."+r.Name+" ") }) {
					acts++
				} else {
					spares++
				}
			}
			if acts == 0 || spares == 0 {
				t.Errorf("%s: %s.%s acts on the lines of %d tests, and leaves those of %d alone", r.Pos, p.Name, r.Name, acts, spares)
			}
		}
	}
}
