package matcher_test

import (
	"fmt"
	"runtime"
	"testing"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/syslog"
)

// set compiles the embedded packs, with user literals of the site's own in front.
func set(t testing.TB, literals int) *matcher.Set {
	t.Helper()
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	var site []pack.Pack
	for i := range literals / 4 {
		p := pack.Pack{Name: fmt.Sprintf("site%d", i), Classes: []pack.Class{{Names: pack.Names{Sourcetype: "x:y", Role: "main"}}}}
		p.Match = []pack.Condition{
			{Program: []string{fmt.Sprintf("s%dd", i), fmt.Sprintf("%cprog%d*", 'a'+i%26, i)}},
			{Text: []string{fmt.Sprintf("%c text %d", 'A'+i%26, i), fmt.Sprintf("key%d=", i)}},
		}
		site = append(site, p)
	}
	s, err := matcher.Compile(site, packs, matcher.Options{Profile: "sc4s"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lineOf returns a message as the parser shows it to the matcher.
func lineOf(msg string) matcher.Line {
	var h syslog.Header
	syslog.Scan([]byte(msg), &h)
	return matcher.Line{
		Text: h.Content, Tagged: h.Tagged, Program: h.AppName, ProcID: h.ProcID, MsgID: h.MsgID,
		Data: h.StructuredData, Host: h.Hostname, Shape: h.Shape, Priority: h.Priority,
	}
}

// find asks as the parser does for a message without a mark of a built-in family.
func find(s *matcher.Set, sc *matcher.Scratch, l matcher.Line, m *matcher.Match) bool {
	return ask(s, sc, &l, m)
}

func ask(s *matcher.Set, sc *matcher.Scratch, l *matcher.Line, m *matcher.Match) bool {
	sc.Begin(l)
	return s.Mark(sc, m) || s.Match(sc, m)
}

// linux are lines that no pack takes.
func linux() []matcher.Line {
	var all []matcher.Line
	for _, msg := range []string{
		"<86>Mar 14 14:28:52 web1 sshd[4321]: Accepted publickey for deploy from 192.0.2.7 port 51000 ssh2: ED25519 SHA256:abc",
		"<30>Mar 14 14:28:52 web1 systemd[1]: Started Session 42 of User deploy.",
		"<78>Mar 14 14:28:52 web1 CRON[999]: (root) CMD (/usr/local/bin/backup --all)",
		"<6>Mar 14 14:28:52 web1 kernel: [12345.678901] eth0: link up, 1000 Mbps, full duplex",
		"<13>1 2026-03-14T14:28:52.123456Z web1 app 4321 - - request served in 12 ms, status 200",
	} {
		all = append(all, lineOf(msg))
	}
	return all
}

// products are the first test lines of the packs that are found, one of each.
func products(t testing.TB, s *matcher.Set) []matcher.Line {
	t.Helper()
	packs, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []matcher.Line
	var m matcher.Match
	sc := new(matcher.Scratch)
	for i := range packs {
		if len(packs[i].Tests) == 0 || packs[i].Tests[0].Pinned {
			continue
		}
		if l := lineOf(packs[i].Tests[0].Line); find(s, sc, l, &m) && !m.Slow {
			all = append(all, l)
		}
	}
	return all
}

// fortigate has four keys that its pack reads.
func fortigate() []matcher.Line {
	return []matcher.Line{lineOf(`<189>date=2026-03-14 time=14:28:52 devname="fw-a" devid="FG100FTK00000001" eventtime=1773498532123456789 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.7 srcport=51000 srcintf="lan" dstip=198.51.100.4 dstport=443 dstintf="wan1" sessionid=4711 proto=6 action="accept" policyid=7 service="HTTPS" sentbyte=1200 rcvdbyte=5300`)}
}

func BenchmarkMatch(b *testing.B) {
	for _, literals := range []int{0, 400} {
		s := set(b, literals)
		for name, lines := range map[string][]matcher.Line{"unmatched": linux(), "products": products(b, s), "keys": fortigate()} {
			b.Run(fmt.Sprintf("%s/literals=%d", name, literals), func(b *testing.B) {
				b.ReportAllocs()
				sc := new(matcher.Scratch)
				var m matcher.Match
				i := 0
				for b.Loop() {
					ask(s, sc, &lines[i], &m)
					if i++; i == len(lines) {
						i = 0
					}
				}
			})
		}
	}
}

// TestMatchDoesNotAllocate: the matcher works on the hot path.
func TestMatchDoesNotAllocate(t *testing.T) {
	s := set(t, 400)
	sc := new(matcher.Scratch)
	var m matcher.Match
	lines := append(append(linux(), products(t, s)...), fortigate()...)
	if len(lines) < 60 {
		t.Fatalf("%d lines are no mix of 60 products", len(lines))
	}
	for _, l := range lines { // the buffer grows
		find(s, sc, l, &m)
	}
	for _, l := range lines {
		if n := testing.AllocsPerRun(5, func() { find(s, sc, l, &m) }); n != 0 {
			t.Errorf("%.0f allocations for %q", n, l.Tagged)
		}
	}
}

// BenchmarkLoad reads and compiles all embedded packs, as the gateway does at a start. The
// memory that stays is reported too.
func BenchmarkLoad(b *testing.B) {
	files, err := catalog.Files()
	if err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		packs, problems := pack.Load(files)
		if len(problems) != 0 {
			b.Fatal(problems[0])
		}
		s, err := matcher.Compile(nil, packs, matcher.Options{Profile: "default"})
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(s)
		runtime.KeepAlive(packs)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
}
