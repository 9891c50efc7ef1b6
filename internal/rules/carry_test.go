package rules_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

const remembers = `
pack: site
rules:
  - {name: calm, when: {program: calm, not: {words: {3: never}}}, suppress: {one_in: 30s, by: [host, class, {word: 2}]}, fields: {a: b}}
  - {name: tenth, when: {program: tenth}, sample: 10}
`

// reloaded is a source of datagrams whose rules change.
type reloaded struct {
	*rig
	t       *testing.T
	log     *testkit.Log
	batcher *ingest.Batcher
	from    *ingest.Datagrams
}

func newReloaded(t *testing.T, yaml string) *reloaded {
	r := &reloaded{rig: newRig(settings(t, yaml)), t: t, log: new(testkit.Log)}
	r.options.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	r.batcher = ingest.NewBatcher(r.source, ledger.UDP, r.options)
	r.from = ingest.NewDatagrams(r.source, r.batcher)
	return r
}

// take takes a message, so many seconds after the begin.
func (r *reloaded) take(second int, text string) {
	r.from.Begin(received.Add(time.Duration(second) * time.Second))
	r.from.Take([]byte("<14>Mar 14 14:28:52 w1 "+text), from)
	r.from.End()
}

// told is what the events tell that was left out, in their order.
func (r *reloaded) told() (list []int) {
	r.batcher.Close()
	for _, e := range r.sink.Decode(r.t) {
		n := 0
		fmt.Sscan(e.Fields["suppressed"], &n)
		list = append(list, n)
	}
	return list
}

// logged adds up what the log tells that was left out.
func (r *reloaded) logged() (messages int) {
	for line := range strings.Lines(r.log.String()) {
		_, n, ok := strings.Cut(line, " messages=")
		if !ok || !strings.Contains(line, "a suppress rule was changed or removed") {
			r.t.Errorf("the log has %s", line)
		}
		one := 0
		fmt.Sscan(n, &one)
		messages += one
	}
	return messages
}

// What a rule remembers goes on over a reload if it is the same: elsewhere in the file, beside
// other rules, with other numbers of classes, and with other names to set. Its time goes on
// too.
func TestRulesRememberOverAReload(t *testing.T) {
	r := newReloaded(t, remembers)
	second := 0
	for range 5 {
		r.take(second, "calm: a b")
		r.take(second, "tenth: x")
		second++
	}
	moved := strings.Replace(strings.Replace(remembers, "rules:", "\n\nrules:\n  - {name: first, when: {program: other}, drop: true}", 1), "a: b", "c: d", 1)
	for _, text := range []string{
		moved,
		moved + "---\nformat: 1\npack: aaa\nmatch: {program: aaa}\nsourcetype: x\nrole: netops\n", // a class
		remembers,
	} {
		r.source.Apply(settings(t, text))
		for range 5 {
			r.take(second, "calm: a b")
			r.take(second, "tenth: x")
			second++
		}
	}
	r.take(31, "calm: a b")
	testkit.Equal(t, "told", fmt.Sprint(r.told()), "[0 0 0 19]") // two of the sample between them
	testkit.Equal(t, "log", r.log.String(), "")
}

// What a rule had to tell is logged once, if the rule is another one or none.
func TestRulesThatChangeTellWhatTheyLeftOut(t *testing.T) {
	for name, text := range map[string]string{
		"another condition":    strings.Replace(remembers, "3: never", "4: never", 1),
		"another word":         strings.Replace(remembers, "{word: 2}", "{word: 3}", 1),
		"another time":         strings.Replace(remembers, "30s", "31s", 1),
		"another bound":        strings.Replace(remembers, "{word: 2}]", "{word: 2}], at_most: 7", 1),
		"another name":         strings.Replace(remembers, "calm,", "quiet,", 1),
		"another pack":         strings.Replace(remembers, "pack: site", "pack: other", 1),
		"a text that is CSV":   strings.Replace(remembers, "rules:", "read: csv\nrules:", 1),
		"another kind of rule": strings.Replace(remembers, "suppress: {one_in: 30s, by: [host, class, {word: 2}]}", "sample: 4", 1),
		"no rules":             "pack: site\nmatch: {program: siteapp}\nsourcetype: x\nrole: netops\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloaded(t, remembers)
			for i := range 10 {
				r.take(i, fmt.Sprint("calm: a ", i%2))
			}
			r.source.Apply(settings(t, text))
			r.take(11, "x: y")
			r.take(12, "x: y")
			r.source.Apply(settings(t, remembers))
			r.take(13, "calm: a 0")
			testkit.Equal(t, "let through", fmt.Sprint(r.told()), "[0 0 0 0 0]")
			testkit.Equal(t, "lines of the log", strings.Count(r.log.String(), "\n"), 1)
			testkit.Holds(t, "the log", r.log.String(), "level=INFO", "source=x rule=site.calm kinds=2 messages=8")
		})
	}
}

// Whatever a reload changes, and however often, each message that was left out is told once:
// by an event, or by the log.
func TestEachSuppressedMessageIsToldOnce(t *testing.T) {
	texts := []string{
		remembers, strings.Replace(remembers, "a: b", "c: d", 1), strings.Replace(remembers, "30s", "7s", 1),
		"pack: site\nmatch: {program: siteapp}\nsourcetype: x\nrole: netops\n",
	}
	var sets []ingest.Settings
	for _, text := range texts {
		sets = append(sets, settings(t, text))
	}
	random := rand.New(rand.NewPCG(1, 2))
	r := newReloaded(t, remembers)
	var streams []*ingest.Stream // read by the rules of before for a while
	for range 3 {
		s := ingest.NewStream(r.source, ledger.UDP, from, ingest.NewPartialMemory(nil), nil)
		s.Attach(r.batcher)
		streams = append(streams, s)
	}
	at := received
	for range 20000 {
		at = at.Add(time.Duration(random.IntN(300)) * time.Millisecond)
		if random.IntN(20) == 0 {
			r.source.Apply(sets[random.IntN(len(sets))])
		}
		text := fmt.Appendf(nil, "<14>Mar 14 14:28:52 w1 calm: a %d", random.IntN(5))
		if n := random.IntN(6); n < len(streams) {
			streams[n].Feed(append(text, '\n'), at)
			continue
		}
		r.from.Begin(at)
		r.from.Take(text, from)
		r.from.End()
	}
	for _, s := range streams {
		s.Finish(at)
	}
	at = at.Add(time.Minute)
	r.source.Apply(sets[3])
	r.from.Begin(at)
	r.from.Take([]byte("<14>Mar 14 14:28:52 w1 x: y"), from)
	r.from.End()
	told := 0
	for _, n := range r.told() {
		told += n
	}
	logged := r.logged()
	left := 0
	for _, total := range r.counters.Read() {
		left += int(total.Events["suppress"])
	}
	t.Logf("%d left out, %d told by events, %d by the log", left, told, logged)
	if told+logged != left || told == 0 || logged == 0 {
		t.Errorf("%d left out, %d told by events, %d by the log", left, told, logged)
	}
}

// A table keeps its bound over any number of reloads.
func TestWhatIsRememberedHasABound(t *testing.T) {
	text := strings.Replace(remembers, "{word: 2}]", "{word: 2}], at_most: 100", 1)
	r := newReloaded(t, text)
	kept := 0
	for i := range 50 {
		r.source.Apply(settings(t, text))
		for kind := range 200 {
			r.take(0, fmt.Sprintf("calm: a k%d-%d", i, kind))
			kept++
		}
	}
	for kind := 199; kind >= 100; kind-- { // the last hundred, and no more, are remembered
		r.take(1, fmt.Sprintf("calm: a k49-%d", kind))
	}
	r.take(1, "calm: a k49-99")
	testkit.Equal(t, "let through", len(r.told()), kept+1)
}

// Messages that a rule searches with a regular expression are counted once for its pack.
func TestSlowRulesAreCounted(t *testing.T) {
	const text = `
pack: site
rules:
  - {name: gone, when: [{program: slow, regex: 'x+y'}], drop: true}
  - {name: again, when: {program: slow, not: {regex: 'a+b'}}, fields: {a: b}}
  - {name: hide, when: {program: [slow, masked]}, mask: {regex: 'se+cret'}}
  - {name: fast, when: {program: fast}, fields: {c: d}}
---
format: 1
pack: own
match: {program: own, regex: 'o+'}
sourcetype: x
role: netops
rules:
  - {name: own, when: {class: own, regex: 'q+'}, drop: true}
  - {name: other, when: {program: fast, any: [{regex: 'q+'}, {level: debug}]}, drop: true}
`
	r := newReloaded(t, text)
	for _, line := range []string{
		"slow: xxy", "slow: seecret", "slow: aab", // of site: all
		"masked: z", "masked: seecret", // by its mask
		"fast: z", "fast: y", // of own, by a rule
		"own: oo", "own: ooqq", // of own, by the pack itself
		"none: z",
	} {
		r.take(0, line)
	}
	r.told()
	slow := map[string]uint64{}
	for _, total := range r.counters.Read() {
		slow[total.Pack] += total.Slow
	}
	for _, class := range r.source.Classes() {
		slow[class.Pack] += class.Slow
	}
	delete(slow, "")
	testkit.Equal(t, "slow", fmt.Sprint(slow), "map[own:4 site:5]")
}
