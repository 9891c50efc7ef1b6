package rules_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
)

// Every message is in the books: those that rules leave out under the reason rule, and by rule
// in the counters, also when the rules change all the time.
func TestBooksBalance(t *testing.T) {
	const text = `
pack: site
rules:
  - {name: gone, when: {program: gone}, drop: true}
  - {name: tenth, when: {program: tenth}, sample: 10}
  - {name: calm, when: {program: calm}, suppress: {one_in: 30s, by: [host, {key: user}], at_most: 4}}
  - {name: hide, mask: [{key: password}]}
  - {name: thin, when: {program: kept}, trim: {keys: [vd]}}
`
	first, second := settings(t, text), settings(t, strings.Replace(text, "sample: 10", "sample: 5", 1))
	r := newRig(first)
	b := ingest.NewBatcher(r.source, ledger.UDP, r.options)
	d := ingest.NewDatagrams(r.source, b)
	const rounds = 1000
	for i := range rounds {
		d.Begin(received.Add(time.Duration(i) * time.Second))
		for _, line := range []string{
			"gone: 1", "tenth: 1", "kept: vd=x password=hunter2", "calm: user=a password=hunter2", "calm: user=b", "calm: user=a",
		} {
			d.Take([]byte("<14>Mar 14 14:28:52 w1 "+line), from)
		}
		if i == rounds/2 {
			r.source.Apply(second)
		}
		d.End()
	}
	b.Close()
	balance := r.accounts.Account("x").Balance()
	totals := map[string]rules.Total{}
	left := uint64(0)
	for _, total := range r.counters.Read() {
		totals[total.Rule] = total
		left += total.Events["drop"] + total.Events["sample"] + total.Events["suppress"]
	}
	if balance.Difference() != 0 || balance.Received != 6*rounds || balance.DropReasons["rule"] != left || int(balance.Received-left) != r.sink.Count() {
		t.Errorf("balance %+v, %d left out by rules, %d events", balance, left, r.sink.Count())
	}
	if n := totals["site.gone"]; n.Events["drop"] != rounds || n.Saved != rounds*uint64(len("<14>Mar 14 14:28:52 w1 gone: 1")) {
		t.Errorf("%+v", n)
	}
	if n := totals["site.hide"].Events["mask"]; n < rounds {
		t.Errorf("%d masked", n)
	}
	if n := totals["site.thin"]; n.Saved != rounds*uint64(len("vd=x ")) || len(n.Events) != 0 {
		t.Errorf("%+v", n)
	}
	suppressed, kept := 0, 0
	for _, e := range r.sink.Decode(t) {
		if strings.Contains(e.Event, "hunter2") {
			t.Fatal(e)
		}
		if strings.Contains(e.Event, "calm") {
			kept++
		}
		n := 0
		fmt.Sscan(e.Fields["suppressed"], &n)
		suppressed += n
	}
	left = totals["site.calm"].Events["suppress"]
	if kept+int(left) != 3*rounds || suppressed > int(left) || suppressed < int(left)*8/10 {
		t.Errorf("%d kept, %d suppressed, of which events tell %d", kept, left, suppressed)
	}
}

// A value that goes on in the next line is hidden there too, up to its end.
func TestMasksGoOn(t *testing.T) {
	const text = "pack: site\nrules: [{name: hide, mask: [{key: password}, {between: [\"<<\", \">>\"]}]}]\n"
	for _, c := range []struct{ lines, want string }{
		{"password=\"ab\n cd\" e", "password=\"***|***\" e"},
		{"password=\"ab\n cd\n ef\" g\n h", "password=\"***|***|***\" g| h"},
		{"a <<b\n c\n d>> e", "a <<***|***|***>> e"},
		{"password=\n ab c", "password=| *** c"},
		{"password=ab\n c", "password=***| c"},
		{"x\n password=ab\n c", "x| password=***| c"},
	} {
		var got []string
		for _, e := range events(t, text, header+c.lines) {
			got = append(got, strings.TrimPrefix(e.Event, header))
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%q: %q, want %q", c.lines, got, c.want)
		}
	}
}

// A message that is left out leaves out what continues it.
func TestContinuationIsLeftOut(t *testing.T) {
	const text = "pack: site\nrules: [{name: gone, when: {program: app}, drop: true}, {name: set, index: other, fields: {a: b}}]\n"
	if got := events(t, text, header+"x", " y", "<14>Mar 14 14:28:52 w1 other: x", " y"); len(got) != 2 || got[1].Index != "other" || got[1].Fields["a"] != "b" {
		t.Errorf("%+v", got)
	}
}

// What people are shown of a message that a rule or the configuration leaves out is masked.
func TestTapIsMasked(t *testing.T) {
	s := settings(t, "pack: site\nrules: [{name: gone, when: {class: linux_syslog}, drop: true}, {name: hide, mask: [{key: password}]}]\n")
	s.Keep = map[string]int{"cisco_asa": 0}
	s.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	var hub tap.Hub
	listener, err := hub.Listen(tap.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(s)
	r.options.Tap = &hub
	replay := r.stream()
	replay.Write([]byte(header+"password=hunter2\n password=hunter2\n"+asa+" password=hunter2\nnobody password=hunter2\n password=hunter2\n"), received)
	replay.Close(received)
	stranger := ingest.NewStreamReplay(r.source, r.options, syslog.LF, netip.MustParseAddr("203.0.113.9"))
	stranger.Write([]byte(header+"password=hunter2\n"), received)
	stranger.Close(received)
	var out bytes.Buffer
	for len(listener.Messages()) != 0 {
		m := <-listener.Messages()
		fmt.Fprintf(&out, "%s %s %s\n", m.Dropped, m.Raw, m.Event)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Count(out.String(), "\n") != 6 || !strings.Contains(out.String(), "not_allowed "+header+"password=***") {
		t.Error(out.String())
	}
}

// The names of an event have nothing that is hidden in its text.
func TestNamesAreMasked(t *testing.T) {
	const text = `
pack: acme
match: {program: acmed}
read: kv
host: {key: dev}
sourcetype: "acme:{key:user|lower}"
event_source: "acme:{key:dom}:{key:user}"
role: netops
rules:
  - {name: hide, mask: [{key: user}, {key: dev, with: hash}]}
`
	got := events(t, text, "<14>Mar 14 14:28:52 w1 acmed: dom=corp user=Al%ice dev=secret-host")[0]
	if got.Sourcetype != "acme:___" || got.Source != "acme:corp:___" || len(got.Host) != 16 || got.Event != "<14>Mar 14 14:28:52 w1 acmed: dom=corp user=*** dev="+got.Host {
		t.Errorf("%+v", got)
	}
}

// A text that grows is cut like any other.
func TestMaskedTextIsCut(t *testing.T) {
	s := settings(t, "pack: site\nrules: [{name: hide, mask: [{key: a, with: "+strings.Repeat("x", 60)+"}]}]\n")
	s.MaxMessage = 480
	r := newRig(s)
	replay := r.datagrams()
	replay.Write([]byte(header+strings.Repeat("a=b ", 100)), received)
	replay.Close(received)
	got := r.sink.Decode(t)[0]
	if len(got.Event) != 480 || got.Fields["truncated"] != "true" {
		t.Errorf("%d bytes, %v", len(got.Event), got.Fields)
	}
}

// Nothing allocates but regular expressions.
func TestAllocations(t *testing.T) {
	s := settings(t, `
pack: site
lookups: {sites: {file: sites.csv, key: network, columns: {site: field, timezone: timezone}}}
rules:
  - {name: gone, when: {program: gone, keys: {a: b}}, drop: true}
  - {name: tenth, when: {program: app}, sample: 2}
  - {name: calm, when: {program: calm}, suppress: {one_in: 30s, by: [host, sender, {key: user}]}}
  - {lookup: sites, by: sender}
  - {index: x, sourcetype: y, fields: {a: b}}
  - {name: hide, mask: [{key: password}, {key: user, with: hash}, {between: ["<<", ">>"]}, {find: card}, {find: email}, {find: address}]}
  - {name: thin, trim: {keys: [vd], spaces: true, tabs: true}}
`)
	r := newRig(s)
	r.options.Sink = discard{r}
	b := ingest.NewBatcher(r.source, ledger.UDP, r.options)
	d := ingest.NewDatagrams(r.source, b)
	lines := [][]byte{
		[]byte(header + `user=alice password="x" <<a>> 4111 1111 1111 1111 a@example.com 192.0.2.8 fe80::1   vd=root`),
		[]byte("<14>Mar 14 14:28:52 w1 calm: user=alice"), []byte("<14>Mar 14 14:28:52 w1 gone: a=b"), []byte(fortigate), []byte(asa),
		[]byte(header + `{"user":"alice","vd":{"a":1},"password":1}`),
	}
	sender := netip.MustParseAddr("10.9.1.1")
	now := received
	read := func() {
		now = now.Add(time.Second)
		d.Begin(now)
		for _, l := range lines {
			d.Take(l, sender)
		}
		d.End()
	}
	read()
	if n := testing.AllocsPerRun(200, read); n != 0 {
		t.Errorf("%v allocations for %d messages", n, len(lines))
	}
}

// A message that is delivered before it has ended may end within a value, a key or a number.
// What comes later does not show the rest of it.
func TestMasksGoOnBehindSilence(t *testing.T) {
	const line = header + `a password="two words" card 4111-1111-1111-1111 <<b c>> user=alice,x mail bob@example.com end`
	const text = "pack: site\nrules: [{name: hide, mask: [{key: password}, {key: user}, {find: card}, {find: email}, {between: [\"<<\", \">>\"]}]}]\n"
	s := settings(t, text)
	secrets := []string{"words", "1111-1111", "c>>", "lice", "example"}
	for at := len(header) + 1; at < len(line); at++ {
		if c := line[at]; c == '<' || c >= '0' && c <= '9' {
			continue // for the framer the begin of a message
		}
		r := newRig(s)
		b := ingest.NewBatcher(r.source, ledger.TCP, r.options)
		stream := ingest.NewStream(r.source, ledger.TCP, from, ingest.NewPartialMemory(nil), nil)
		stream.Attach(b)
		stream.Feed([]byte(line[:at]), received)
		stream.DeliverOverdue(time.Now().Add(time.Hour))
		stream.Feed([]byte(line[at:]+"\n"), received)
		stream.Finish(received)
		b.Close()
		all := ""
		for _, e := range r.sink.Decode(t) {
			all += e.Event + "|"
		}
		for _, secret := range secrets {
			if strings.Contains(all, secret) {
				t.Errorf("%q|%q: %q is in %q", line[:at], line[at:], secret, all)
			}
		}
	}
}

// A value that goes on behind a reload is not shown either.
func TestMasksGoOnBehindReload(t *testing.T) {
	r := newRig(settings(t, "pack: site\nrules: [{name: hide, mask: {key: password}}]\n"))
	replay := r.stream()
	replay.Write([]byte(header+"password=\"two\n"), received)
	r.source.Apply(settings(t, "pack: site\nrules: [{name: other, mask: {key: x}}]\n"))
	replay.Write([]byte(" words\n more\n"), received)
	replay.Write([]byte(" words\n"+header+"next\n"), received)
	replay.Close(received)
	var all []string
	for _, e := range r.sink.Decode(t) {
		all = append(all, strings.TrimPrefix(e.Event, header))
	}
	if got := strings.Join(all, "|"); got != "password=\"***|***|***|***|next" {
		t.Error(got)
	}
}

// The ring of unknown lines has them masked, those too that a rule leaves out.
func TestUnknownLinesAreMasked(t *testing.T) {
	for _, text := range []string{
		"pack: site\nrules: [{name: hide, mask: {key: password}}]\n",
		"pack: site\nrules: [{name: gone, when: {class: fallback}, drop: true}, {name: hide, mask: {key: password}}]\n",
	} {
		r := newRig(settings(t, text))
		ring := new(tap.Ring)
		r.options.Unknown = ring
		replay := r.stream()
		replay.Write([]byte("a line of nobody password=hunter2\n"), received)
		replay.Close(received)
		follower, err := ring.Follow(tap.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if got := follower.Next(); len(got) != 1 || string(got[0].Raw) != "a line of nobody password=***" {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// Rules of another pack read a text as the pack of its class divides it.
func TestRulesReadAsTheClassDoes(t *testing.T) {
	const text = `
pack: acme
match: {text: "acme="}
read: kv
separator: "|"
sourcetype: acme
role: netops
---
format: 1
pack: tabbed
match: {text: "TAB"}
read: tab
sourcetype: tabbed
role: netops
---
format: 1
pack: site
rules:
  - {when: {class: acme, keys: {action: "Two words"}}, index: kv}
  - {when: {class: tabbed, columns: {2: "Two words"}}, index: tab}
  - {when: {keys: {action: "Two words"}, cef: {vendor: Acme}}, index: cef}
  - {when: {keys: {"a.action": "Two words"}}, index: json}
  - {name: hide, mask: {key: user}}
  - {name: thin, trim: {keys: vd}}
`
	for _, c := range []struct{ line, index, event string }{
		{"acme=1|action=Two words|user=a b|vd=c d|e=f", "kv", "acme=1|action=Two words|user=***|e=f"},
		{"TAB\tTwo words\tuser=x", "tab", "TAB\tTwo words\tuser=***"},
		{"CEF:0|Acme|W|1|2|x|3|action=Two words user=a b vd=c d e=f", "cef", "CEF:0|Acme|W|1|2|x|3|action=Two words user=*** e=f"},
		{`{"a":{"action":"Two words"},"user":"a b","vd":1}`, "json", `{"a":{"action":"Two words"},"user":"***"}`},
	} {
		e := events(t, text, "<14>Mar 14 14:28:52 w1 "+c.line)[0]
		if e.Index != c.index || !strings.HasSuffix(e.Event, c.event) {
			t.Errorf("%+v, want %s %s", e, c.index, c.event)
		}
	}
}

// While rules change all the time, every receive loop goes on, the books balance to the
// message, and nothing that all of the rules hide gets out.
func TestRulesChangeWhileReading(t *testing.T) {
	const text = `
pack: site
rules:
  - {name: gone, when: {program: gone}, drop: true}
  - {name: tenth, when: {program: tenth}, sample: 10}
  - {name: calm, when: {program: calm}, suppress: {one_in: 30s, by: [host, {key: user}], at_most: 4}}
  - {name: hide, mask: [{key: password}, {find: card}]}
`
	sets := []ingest.Settings{
		settings(t, text),
		settings(t, strings.Replace(text, "  - {name: gone, when: {program: gone}, drop: true}\n", "", 1)),
		settings(t, strings.Replace(text, "rules:\n", "rules:\n  - {index: other}\n  - {name: more, when: {program: kept}, trim: {keys: vd}}\n", 1)),
	}
	r := newRig(sets[0])
	var loops, reload sync.WaitGroup
	stop := make(chan struct{})
	reload.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.source.Apply(sets[i%len(sets)])
				runtime.Gosched()
			}
		}
	})
	const rounds = 300
	for loop := range 4 {
		loops.Go(func() {
			b := ingest.NewBatcher(r.source, ledger.TCP, r.options)
			stream := ingest.NewStream(r.source, ledger.TCP, from, ingest.NewPartialMemory(nil), nil)
			stream.Attach(b)
			for i := range rounds {
				at := received.Add(time.Duration(i) * time.Second)
				for _, line := range []string{
					"gone: password=hunter2", "tenth: password=hunter2 4111111111111111", "kept: vd=x password=\"hunter2\n hunter2\n hunter2\" x",
					"calm: user=a password=hunter2\n password=hunter2", "calm: user=b password=hunter2",
				} {
					message := "<14>Mar 14 14:28:52 w1 " + line + "\n"
					cut := (i*7 + loop) % len(message)
					stream.Feed([]byte(message[:cut]), at)
					stream.Feed([]byte(message[cut:]), at)
				}
			}
			stream.Finish(received)
			b.Close()
		})
	}
	loops.Wait()
	close(stop)
	reload.Wait()
	balance := r.accounts.Account("x").Balance()
	left := uint64(0)
	for _, total := range r.counters.Read() {
		left += total.Events["drop"] + total.Events["sample"] + total.Events["suppress"]
	}
	if balance.Difference() != 0 || balance.InMemory != 0 || balance.Received != 4*rounds*8 || balance.DropReasons["rule"] != left || int(balance.Received-left) != r.sink.Count() {
		t.Errorf("balance %+v, %d left out by rules, %d events", balance, left, r.sink.Count())
	}
	for _, line := range r.sink.Lines() {
		if bytes.Contains(line, []byte("hunter2")) || bytes.Contains(line, []byte("41111")) {
			t.Fatalf("%s", line)
		}
	}
}

// Keys are removed from an object of JSON that stands behind words, too; what only looks like
// one is read as pairs.
func TestTrimsObjectBehindWords(t *testing.T) {
	const text = "pack: site\nrules: [{name: thin, trim: {keys: [vd]}}]\n"
	for in, want := range map[string]string{
		`@cee:{"a":1,"vd":"root","b":"{}"}`:  `@cee:{"a":1,"b":"{}"}`,
		`audit {"vd":"root"}`:                `audit {}`,
		`audit { "a":1, "vd":{"x":"}"} }`:    `audit { "a":1}`,
		`from { IP } vd=root b=c {"vd":"x"}`: `from { IP } b=c {"vd":"x"}`,
		`a=b vd=root {"vd":"x"}`:             `a=b {"vd":"x"}`,
		`audit {"vd":"root`:                  `audit {"vd":"root`,
		`audit {"vd" "root"}`:                `audit {"vd" "root"}`,
	} {
		if got := strings.TrimPrefix(events(t, text, header+in)[0].Event, header); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// Lines that continue a message have its names and its rules behind a reload too, for
// five seconds: they do not say themselves what they are.
func TestLinesGoOnBehindReload(t *testing.T) {
	set := func(name string) ingest.Settings {
		return settings(t, "pack: site\nrules: [{index: "+name+", fields: {set: "+name+"}}, {name: hide, mask: {key: password, with: "+name+"}}, {name: gone, when: {program: gone}, drop: true}]\n")
	}
	r := newRig(set("a"))
	replay := r.stream()
	replay.Write([]byte(header+"x\n"), received)
	r.source.Apply(set("b"))
	replay.Write([]byte(" password=x 1\n"), received)
	replay.Write([]byte("\tpassword=x 2\n"+header+"y password=x\n password=x 3\n<14>Mar 14 14:28:52 w1 gone: z\n"), received.Add(time.Second/2))
	r.source.Apply(set("c"))
	replay.Write([]byte(" of what is gone\n"+header+"z\n"), received.Add(time.Second))
	r.source.Apply(set("d"))
	replay.Write([]byte(" password=x 4\n"), received.Add(2*time.Second))
	replay.Write([]byte(" password=x 5\n"), received.Add(7*time.Second))
	replay.Close(received.Add(7 * time.Second))
	var got []string
	for _, e := range r.sink.Decode(t) {
		got = append(got, fmt.Sprintf("%s %s %s %s", e.Host, e.Index, e.Fields["set"], strings.TrimPrefix(e.Event, header)))
	}
	want := []string{
		"w1 a a x", "w1 a a  password=a 1", "w1 a a \tpassword=a 2", "w1 b b y password=b", "w1 b b  password=b 3",
		"w1 c c z", "w1 c c  password=c 4", "192.0.2.7 d d  password=d 5",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if b := r.accounts.Account("x").Balance(); b.Difference() != 0 || b.DropReasons["rule"] != 2 {
		t.Errorf("balance %+v", b)
	}
}
