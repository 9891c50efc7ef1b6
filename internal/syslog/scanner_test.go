package syslog

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// checkScanner checks that a Scanner that has read one message reads another as Scan does.
func checkScanner(t *testing.T, before, msg []byte) {
	t.Helper()
	var s Scanner
	var first, got, want Header
	s.Scan(before, &first)
	s.Scan(msg, &got)
	Scan(msg, &want)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("behind %q, the Scanner reads %q as\n%+v, Scan as\n%+v", before, msg, got, want)
	}
}

// TestScannerIsScan puts the end of one message behind the beginning of another that the
// Scanner has read.
func TestScannerIsScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(5424, 3164))
	tail := strings.Repeat(" and so on", 6)
	for range 200_000 {
		before := scanCases[rng.IntN(len(scanCases))].in + tail
		other := scanCases[rng.IntN(len(scanCases))].in
		cut := min(rng.IntN(64), len(before))
		checkScanner(t, []byte(before), []byte(before[:cut]+other[rng.IntN(len(other)+1):]+tail))
	}
}

// TestScannerRemembers sees that what is tested above happens.
func TestScannerRemembers(t *testing.T) {
	var s Scanner
	var h Header
	for _, msg := range []string{
		"<13>Nov 22 17:00:00 web1 sudo: a command that is as long as lines of devices are",
		"<14>Nov 22 17:00:00 web1.example.com kernel: another line that is not a short one either",
	} {
		s.Scan([]byte(msg), &h)
		b := &s.known[slot([]byte(msg[4:]))]
		if got := string(b.text[:b.length]); !strings.HasPrefix(msg[4:], got) || !strings.HasSuffix(got, string(h.Host)+" ") {
			t.Errorf("of %q it remembers %q", msg, got)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, c := range scanCases {
		f.Add([]byte(c.in+strings.Repeat(" .", 30)), uint8(30), []byte(c.in))
	}
	f.Fuzz(func(t *testing.T, before []byte, cut uint8, rest []byte) {
		n := min(int(cut), len(before))
		checkScanner(t, before, append(before[:n:n], rest...))
	})
}
