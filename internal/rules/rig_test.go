package rules_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

var received = time.Date(2026, 3, 14, 14, 29, 0, 0, time.UTC)

const header = "<14>Mar 14 14:28:52 w1 app: "

// settings are those of a source for all products with rules.
func settings(t testing.TB, yaml string, options ...string) ingest.Settings {
	t.Helper()
	packs, problems := pack.Load([]pack.File{{Name: "testdata/test.yaml", Data: []byte("format: 1\n" + yaml)}})
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	set, err := matcher.Compile(packs, nil, matcher.Options{Profile: "default"})
	if err != nil {
		t.Fatal(err)
	}
	parser, err := dialect.New(dialect.Auto, set)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := splunk.NewProfile("default", splunk.Naming{}, parser.Classes())
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := rules.Compile(packs, rules.Options{
		Profile: "default", Options: options, Classes: parser.Classes(), Role: splunk.Role, Packs: set, Secret: []byte("0123456789abcdef"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Settings{
		Vendor: dialect.Auto, Parser: parser, Profile: profile, Index: "os", Location: time.UTC, Rules: compiled, MaxMessage: 64 << 10,
	}
}

// rig is a source with a sink.
type rig struct {
	accounts *ledger.Ledger
	counters *rules.Counters
	sink     *ingesttest.Sink
	source   *ingest.Source
	options  ingest.Options
}

func newRig(s ingest.Settings) *rig {
	pool := event.NewPool(8, 64<<10)
	r := &rig{accounts: ledger.New(), counters: new(rules.Counters), sink: ingesttest.NewSink(pool)}
	r.source = ingest.NewSource("x", 1514, s, r.accounts)
	r.options = ingest.Options{MaxBytes: 1 << 20, MaxEvents: 1 << 20, MaxAge: time.Hour, Pool: pool, Sink: r.sink, Rules: r.counters}
	return r
}

var from = netip.MustParseAddr("192.0.2.7")

func (r *rig) stream() *ingest.Replay {
	return ingest.NewStreamReplay(r.source, r.options, syslog.LF, from)
}

func (r *rig) datagrams() *ingest.Replay { return ingest.NewDatagramReplay(r.source, r.options, from) }

// events puts lines through a stream.
func events(t *testing.T, yaml string, lines ...string) []ingesttest.Event {
	t.Helper()
	r := newRig(settings(t, yaml))
	s := r.stream()
	s.Write(bytes.Join(byteLines(lines), nil), received)
	s.Close(received)
	if b := r.accounts.Account("x").Balance(); b.Difference() != 0 || b.InMemory != 0 {
		t.Errorf("balance %+v", b)
	}
	return r.sink.Decode(t)
}

func byteLines(lines []string) (all [][]byte) {
	for _, l := range lines {
		all = append(all, []byte(l+"\n"))
	}
	return all
}

// discard is a sink that gives the batches straight back.
type discard struct{ rig *rig }

func (d discard) Handle(b *event.Batch) error {
	b.Account.Accept(b.Events)
	d.rig.options.Pool.Put(b)
	return nil
}
