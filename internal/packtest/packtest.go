// Package packtest runs the tests of packs: each line goes through the code that also reads
// the messages of devices, and its event is compared with what the test wants.
//
// What a test may say belongs in package pack.
package packtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
)

// Received returns when the lines of tests are received.
func Received() time.Time { return time.Date(2026, 3, 14, 14, 29, 0, 0, time.UTC) }

// sender is the address of tests that name none.
var sender = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// Sender returns the address from which a test's line comes.
func Sender(t *pack.Test) netip.Addr {
	if t.Sender.IsValid() {
		return t.Sender
	}
	return sender
}

// None is the name that a test writes for "no pack".
const None = "none"

// Runner runs tests against a set of packs. It is for one goroutine.
type Runner struct {
	sets    map[string]*matcher.Set // by profile
	packs   []pack.Pack             // in force
	sources map[port]*ingest.Source
	pool    *event.Pool
	sink    keeper
}

// port is what a test says of the port that receives its line.
type port struct{ profile, vendor, pinned, options string }

// New returns a Runner for the site's packs and the embedded ones.
func New(site, embedded []pack.Pack) (*Runner, error) {
	r := &Runner{sets: map[string]*matcher.Set{}, sources: map[port]*ingest.Source{}, pool: event.NewPool(1, 64<<10)}
	r.sink.pool = r.pool
	for _, profile := range []string{"default", "sc4s"} {
		set, err := matcher.Compile(site, embedded, matcher.Options{Profile: profile})
		if err != nil {
			return nil, err
		}
		r.sets[profile] = set
	}
	for i := range embedded {
		if !slices.ContainsFunc(site, func(p pack.Pack) bool { return p.Name == embedded[i].Name }) {
			r.packs = append(r.packs, embedded[i])
		}
	}
	r.packs = append(r.packs, site...)
	for profile := range r.sets {
		if _, err := r.rules(port{profile: profile}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// rules returns the rules of all packs, with the options of a port.
func (r *Runner) rules(p port) (*rules.Set, error) {
	set := r.sets[p.profile]
	return rules.Compile(r.packs, rules.Options{
		Profile: p.profile, Options: strings.Fields(p.options), Classes: dialect.Classes(set), Role: splunk.Role,
		Packs: set, Secret: []byte("the secret of the tests of packs"),
	})
}

// Failure is a test that fails.
type Failure struct {
	pack.Problem
	// Pack has the test, and Test is its number, from 1.
	Pack *pack.Pack
	Test int
	// Profile is the one in which the test failed first.
	Profile string
	// Want is the pack that should take the line, Took the one that did, or None.
	Want, Took string
}

// Test runs the tests of a pack. It returns those that fail.
func (r *Runner) Test(p *pack.Pack) []Failure {
	var wrong []Failure
	for i := range p.Tests {
		t := &p.Tests[i]
		for _, profile := range []string{"default", "sc4s"} {
			if t.Profile != "" && t.Profile != profile {
				continue
			}
			f := Failure{Problem: pack.Problem{Pos: t.Pos}, Pack: p, Test: i + 1, Profile: profile, Want: cmp.Or(t.Pack, p.Name)}
			got, err := r.run(p, t, profile)
			if err != nil {
				f.Text = fmt.Sprintf("%s test %d: %v", p.Name, i+1, err)
				wrong = append(wrong, f)
				break
			}
			if text := got.differs(p, t, profile); text != "" {
				f.Took = got.pack
				f.Text = fmt.Sprintf("%s test %d, profile %s: %s (%s)", p.Name, i+1, profile, text, got.why())
				wrong = append(wrong, f)
				break
			}
		}
	}
	return wrong
}

// outcome is what became of a line.
type outcome struct {
	Time                            json.Number
	Host, Source, Sourcetype, Index string
	Event                           string
	Fields                          map[string]string

	pack, class, rule string
	left              string // the rule that leaves the line out
	rules             []string
}

func (o *outcome) why() string {
	text := "class " + o.class
	if o.pack != None {
		text += " of pack " + o.pack + " by " + o.rule
	}
	if len(o.rules) != 0 {
		text += "; rules: " + strings.Join(o.rules, ", ")
	}
	return text
}

func (r *Runner) run(p *pack.Pack, t *pack.Test, profile string) (*outcome, error) {
	where := port{profile: profile, vendor: cmp.Or(t.Vendor, dialect.Auto)}
	if t.Pinned {
		where.pinned = p.Name
	}
	for _, option := range t.Options {
		where.options += p.Name + "." + option + " "
	}
	source, err := r.source(where)
	if err != nil {
		return nil, err
	}
	from := Sender(t)
	r.sink.data = r.sink.data[:0]
	replay := ingest.NewDatagramReplay(source, ingest.Options{
		MaxBytes: 1 << 20, MaxEvents: 100, MaxAge: time.Hour, Pool: r.pool, Sink: &r.sink,
	}, from)
	got := &outcome{pack: None}
	replay.Explain(func(e ingest.Explanation) {
		if e.Result != nil && e.Result.Pack != "" {
			got.pack, got.rule = e.Result.Pack, e.Result.Rule
		}
		got.class, got.left, got.rules = e.Class, e.Left, e.Rules
	})
	replay.Write([]byte(t.Line), Received())
	replay.Close(Received())
	if len(r.sink.data) == 0 && got.left != "" {
		return got, nil
	}
	if err := json.Unmarshal(r.sink.data, got); err != nil {
		return nil, fmt.Errorf("no event: %w", err)
	}
	return got, nil
}

// source returns the source of a port, made on first use.
func (r *Runner) source(p port) (*ingest.Source, error) {
	if s := r.sources[p]; s != nil {
		return s, nil
	}
	set := r.sets[p.profile]
	profile, err := splunk.NewProfile(p.profile, splunk.Naming{}, nil)
	if err != nil {
		return nil, err
	}
	var pinned []string
	if p.pinned != "" {
		pinned = append(pinned, p.pinned)
	}
	parser, err := dialect.New(p.vendor, set, pinned...)
	if err != nil {
		return nil, err
	}
	ruled, err := r.rules(p)
	if err != nil {
		return nil, err
	}
	s := ingest.NewSource("test", 514, ingest.Settings{
		Rules: ruled, Vendor: p.vendor, Parser: parser, Profile: profile, Packs: pinned, Location: time.UTC, MaxMessage: 64 << 10,
	}, ledger.New())
	r.sources[p] = s
	return s, nil
}

// keeper is a sink that keeps the events.
type keeper struct {
	data []byte
	pool *event.Pool
}

// Handle takes the batch.
func (k *keeper) Handle(b *event.Batch) error {
	k.data = append(k.data, b.Data...)
	k.pool.Put(b)
	return nil
}

// differs says what is not as the test wants it, or "".
func (o *outcome) differs(p *pack.Pack, t *pack.Test, profile string) string {
	if t.Not {
		if o.pack == p.Name {
			return "the pack takes the line, and must not"
		}
		return ""
	}
	want := cmp.Or(t.Pack, p.Name)
	var wrong []string
	compare := func(what, got, want string) {
		if want != "" && got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", what, got, want))
		}
	}
	if t.Pack != "" || !p.RulesOnly() {
		compare("pack", o.pack, want)
	}
	if t.Class != "" && o.class != t.Class { // the whole name in tests of rules
		compare("class", o.class, want+"_"+t.Class)
	}
	if left := cmp.Or(o.left, None); t.Dropped != "" {
		if t.Dropped != None && !strings.Contains(t.Dropped, ".") {
			left = strings.TrimPrefix(left, p.Name+".")
		}
		compare("dropped", left, t.Dropped)
	} else if o.left != "" {
		wrong = append(wrong, fmt.Sprintf("the rule %s leaves the line out", o.left))
	}
	if o.left != "" {
		return strings.Join(wrong, "; ") // there is no event
	}
	compare("sourcetype", o.Sourcetype, t.Sourcetype)
	compare("host", o.Host, hostIn(t.Host, profile))
	compare("event", o.Event, t.Event)
	if profile == "sc4s" || t.Profile != "" {
		compare("index", o.Index, t.Index)
		compare("source", o.Source, t.Source)
	}
	if t.Time != "" {
		at, err := time.Parse(time.RFC3339Nano, t.Time)
		if err == nil {
			compare("time", o.Time.String(), string(event.AppendTime(nil, at.UnixNano())))
		}
	}
	if !strings.HasPrefix(o.Event, t.EventBegins) {
		wrong = append(wrong, fmt.Sprintf("the event begins with %.40q, want %q", o.Event, t.EventBegins))
	}
	for _, text := range t.EventHasNot {
		if strings.Contains(o.Event, text) {
			wrong = append(wrong, fmt.Sprintf("the event contains %q", text))
		}
	}
	names := make([]string, 0, len(t.Fields))
	for name := range t.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		compare("field "+name, o.Fields[name], t.Fields[name])
	}
	return strings.Join(wrong, "; ")
}

// hostIn returns a host as the profile writes it.
func hostIn(host, profile string) string {
	if profile == "sc4s" {
		return strings.ToLower(host)
	}
	return host
}
