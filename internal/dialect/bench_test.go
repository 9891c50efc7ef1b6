package dialect_test

import (
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
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
