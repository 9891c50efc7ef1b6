package packtest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/pack"
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

// TestSuppressInDocument: a rule of docs/rules.md that suppresses lets the line of its test
// through once.
func TestSuppressInDocument(t *testing.T) {
	embedded := testkit.Try(catalog.Load())(t)
	text := testkit.Try(os.ReadFile("../../docs/rules.md"))(t)
	found := 0
	for _, m := range regexp.MustCompile("(?s)```yaml\n(format: .*?)```").FindAllSubmatch(text, -1) {
		if !strings.Contains(string(m[1]), "suppress: {") {
			continue
		}
		site, problems := pack.Load([]pack.File{{Name: "rules.md", Data: m[1]}})
		if len(problems) != 0 {
			t.Fatal(problems)
		}
		runner := testkit.Try(New(site, embedded))(t)
		for i := range site[0].Tests {
			found++
			twice := site[0].Tests[i]
			twice.Line, twice.Dropped = twice.Line+"\n"+twice.Line, ""
			if got := testkit.Try(runner.twice(&twice))(t); len(got) != 2 || got[0] != "" || got[1] != "rule" {
				t.Errorf("%s: the line twice is dropped for %q", twice.Pos, got)
			}
		}
	}
	if found == 0 {
		t.Error("the document suppresses nothing")
	}
}

// twice puts the lines of a test through one receive loop. It returns why each is dropped.
func (r *Runner) twice(test *pack.Test) (dropped []string, err error) {
	source, err := r.source(port{profile: "default", vendor: dialect.Auto})
	if err != nil {
		return nil, err
	}
	r.sink.data = r.sink.data[:0]
	replay := ingest.NewDatagramReplay(source, ingest.Options{
		MaxBytes: 1 << 20, MaxEvents: 100, MaxAge: time.Hour, Pool: r.pool, Sink: &r.sink,
	}, Sender(test))
	replay.Explain(func(e ingest.Explanation) { dropped = append(dropped, e.Dropped) })
	for line := range strings.Lines(test.Line) {
		replay.Write([]byte(strings.TrimSuffix(line, "\n")), Received())
	}
	replay.Close(Received())
	return dropped, nil
}
