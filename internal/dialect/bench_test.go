package dialect_test

import (
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/testkit"
)

// The mixes are the cases of each family. All forms are equally frequent, so they cost more
// than what devices really send. The time does not include the header scan.
func BenchmarkUniFi(b *testing.B)    { benchmark(b, "unifi") }
func BenchmarkPaloAlto(b *testing.B) { benchmark(b, "palo_alto") }
func BenchmarkCiscoASA(b *testing.B) { benchmark(b, "cisco_asa") }
func BenchmarkLinux(b *testing.B)    { benchmark(b, "linux") }
func BenchmarkWindows(b *testing.B)  { benchmark(b, "windows") }
func BenchmarkAuto(b *testing.B)     { benchmark(b, "auto") }

// BenchmarkAllOnAuto reads the cases of all families with the parser auto.
func BenchmarkAllOnAuto(b *testing.B) { benchmarkMix(b, "auto", loadMix(b, "*")) }

func benchmark(b *testing.B, port string) { benchmarkMix(b, port, loadMix(b, port)) }

type scanned struct {
	msg []byte
	h   syslog.Header
}

func loadMix(tb testing.TB, family string) []scanned {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata/cases", family, "*", "input"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no cases: %v", err)
	}
	mix := make([]scanned, len(files))
	for i, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		mix[i].msg = msg
		syslog.Scan(msg, &mix[i].h)
	}
	return mix
}

func benchmarkMix(b *testing.B, port string, mix []scanned) {
	p, err := dialect.New(port, nil)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkWith(b, p, mix)
}

func benchmarkWith(b *testing.B, p *dialect.Parser, mix []scanned) {
	bytes := 0
	for i := range mix {
		bytes += len(mix[i].msg)
	}
	b.ReportAllocs()
	b.SetBytes(int64(bytes / len(mix)))
	var from dialect.From
	var r dialect.Result
	i := 0
	for b.Loop() {
		p.Parse(mix[i].msg, &mix[i].h, &from, &r)
		if i++; i == len(mix) {
			i = 0
		}
	}
}

// TestNoAllocation checks that no case allocates on any port.
func TestNoAllocation(t *testing.T) {
	mix := loadMix(t, "*")
	for _, name := range dialect.Names() {
		p, err := dialect.New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		var from dialect.From
		var r dialect.Result
		for i := range mix {
			m := &mix[i]
			if n := testing.AllocsPerRun(5, func() { p.Parse(m.msg, &m.h, &from, &r) }); n != 0 {
				t.Errorf("%s: %v allocations for %.80q", name, n, m.msg)
			}
		}
	}
}

// BenchmarkPacks shows what the packs cost a line of Linux that they do not take.
func BenchmarkPacks(b *testing.B) {
	packs := testkit.Try(catalog.Load())(b)
	set := testkit.Try(matcher.Compile(nil, packs, matcher.Options{Profile: "default"}))(b)
	mix := linuxLines()
	for _, port := range []string{"linux", "auto"} {
		for name, of := range map[string]*matcher.Set{"without": nil, "with": set} {
			b.Run(port+"/"+name, func(b *testing.B) { benchmarkWith(b, testkit.Try(dialect.New(port, of))(b), mix) })
		}
	}
}

// linuxLines are lines of Linux that no pack takes.
func linuxLines() []scanned {
	var all []scanned
	for _, msg := range []string{
		"<86>Mar 14 14:28:52 web1 sshd[4321]: Accepted publickey for deploy from 192.0.2.7 port 51000 ssh2: ED25519 SHA256:abc",
		"<30>Mar 14 14:28:52 web1 systemd[1]: Started Session 42 of User deploy.",
		"<78>Mar 14 14:28:52 web1 CRON[999]: (root) CMD (/usr/local/bin/backup --all)",
		"<6>Mar 14 14:28:52 web1 kernel: [12345.678901] eth0: link up, 1000 Mbps, full duplex",
		"<13>1 2026-03-14T14:28:52.123456Z web1 app 4321 - - request served in 12 ms, status 200",
	} {
		one := scanned{msg: []byte(msg)}
		syslog.Scan(one.msg, &one.h)
		all = append(all, one)
	}
	return all
}
