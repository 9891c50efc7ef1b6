package ingest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

// packed are settings of a source auto with packs of a site.
func packed(t *testing.T, yaml string) Settings {
	t.Helper()
	packs, problems := pack.Load([]pack.File{{Name: "site.yaml", Data: []byte(yaml)}})
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	set, err := matcher.Compile(packs, nil, matcher.Options{Profile: "default"})
	if err != nil {
		t.Fatal(err)
	}
	s := settings(t, dialect.Auto)
	if s.Parser, err = dialect.New(dialect.Auto, set); err != nil {
		t.Fatal(err)
	}
	if s.Profile, err = splunk.NewProfile("default", splunk.Naming{}, s.Parser.Classes()); err != nil {
		t.Fatal(err)
	}
	return s
}

// row is a pack whose program is its name.
func row(name string) string {
	return fmt.Sprintf("  - {product: %s, program: [%[1]s], sourcetype: x, role: netops, test: '<13>%[1]s: up', not: '<13>x: up'}\n", name)
}

const products = "format: 1\nproducts:\n"

// totals are the totals of a source by class.
func totals(s *Source) map[string]ClassTotal {
	all := make(map[string]ClassTotal)
	for _, c := range s.Classes() {
		all[c.Class] = c
	}
	return all
}

// The sum over the classes is what was put into batches, event for event and byte for byte,
// although reloads give the classes other numbers: between reads, and within one of
// datagrams.
func TestClassesAreCounted(t *testing.T) {
	first, second := packed(t, products+row("acme_alpha")+row("acme_beta")), packed(t, products+row("acme_beta")+row("acme_gamma"))
	first.Keep = map[string]int{"linux_secure": 0, "acme_beta": 2}
	accounts := ledger.New()
	source := NewSource("x", 1514, first, accounts)
	pool := event.NewPool(1, 64<<10)
	sink := ingesttest.NewSink(pool)
	b := NewBatcher(source, ledger.UDP, Options{MaxBytes: 4096, MaxEvents: 7, MaxAge: time.Hour, Pool: pool, Sink: sink})
	d := NewDatagrams(source, b)
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	take := func(lines ...string) {
		for _, line := range lines {
			d.Take([]byte(line), netip.MustParseAddr("192.0.2.7"))
		}
	}
	const alpha, beta, gamma = "<13>Nov 22 17:00:00 h acme_alpha: 1", "<13>Nov 22 17:00:00 h acme_beta: \"äöü\"\t", "<13>Nov 22 17:00:00 h acme_gamma: 3"
	all := []string{alpha, beta, beta, gamma, sshdLine, asaLine, namelessly, "  "}
	d.Begin(now)
	take(all...)
	d.End()
	d.Begin(now)
	take(all...)
	source.Apply(second)
	take(all...)
	d.End()
	d.Begin(now)
	take(all...)
	d.End()
	b.Close()

	got, events, bytes := totals(source), uint64(0), 0
	for _, c := range got {
		events += c.Events
		bytes += int(c.Bytes)
	}
	texts := 0
	for _, e := range sink.Decode(t) {
		texts += len(e.Event)
	}
	balance := accounts.Account("x").Balance()
	if events != uint64(sink.Count()) || events != balance.Received-balance.Dropped || bytes != texts {
		t.Errorf("%d events and %d bytes by class, %d and %d in batches, balance %+v", events, bytes, sink.Count(), texts, balance)
	}
	// linux_secure was left out and acme_beta halved before the reload; then no more.
	for class, want := range map[string]uint64{
		"acme_alpha": 2, "acme_beta": 2*1 + 2*2, "acme_gamma": 2, "linux_secure": 2, "cisco_asa": 4, "fallback": 4,
	} {
		if got[class].Events != want {
			t.Errorf("%s: %d events, want %d", class, got[class].Events, want)
		}
	}
	if got["acme_beta"].Pack != "acme_beta" || got["cisco_asa"].Pack != "" {
		t.Errorf("packs: %+v", got)
	}
}

// A message costs no allocation.
func TestCountingAllocatesNothing(t *testing.T) {
	f := newFormat(1514, packed(t, products+row("acme_alpha")))
	c := classCounts{totals: new(classTotals)}
	count := func() {
		for i := range 100 {
			n := c.of(f, dialect.ClassID(i%len(f.classes)))
			n.events++
			n.bytes += 10
		}
		c.flush()
	}
	count()
	if n := testing.AllocsPerRun(100, count); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a pack does slowly is counted by pack, whether or not its events are kept.
func TestSlowPacksAreCounted(t *testing.T) {
	s := packed(t, `format: 1
pack: acme_slow
source: x
match: {program: slowd, regex: "up"}
sourcetype: x
role: netops
tests: [{line: "<13>slowd: up"}, {line: "<13>x: up", pack: none}]
`)
	s.Keep = map[string]int{"acme_slow": 2}
	source := NewSource("x", 1514, s, ledger.New())
	pool := event.NewPool(1, 64<<10)
	r := NewStreamReplay(source, Options{MaxBytes: 4096, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: ingesttest.NewSink(pool)}, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	r.Write([]byte(strings.Repeat("<13>Nov 22 17:00:00 h slowd: up\n continued\n", 4)+sshdLine+"\n"), time.Now())
	r.Close(time.Now())
	got := totals(source)
	if c := got["acme_slow"]; c.Slow != 4 || c.Events != 4 || c.Pack != "acme_slow" {
		t.Errorf("%+v", c)
	}
	if c := got["linux_secure"]; c.Slow != 0 || c.Events != 1 {
		t.Errorf("%+v", c)
	}
}

// Ever new names, of many reloads, are counted together in the end.
func TestClassNamesAreBounded(t *testing.T) {
	var all classTotals
	for round := range 2 {
		for i := range maxClassNames * 2 {
			all.of(fmt.Sprint("class_", i), "pack").events.Add(1)
		}
		list := all.read()
		var events uint64
		for _, c := range list {
			events += c.Events
		}
		if len(list) != maxClassNames || events != uint64((round+1)*maxClassNames*2) {
			t.Errorf("%d names with %d events", len(list), events)
		}
	}
}
