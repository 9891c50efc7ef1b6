package mix

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit"
)

func newRing(t testing.TB, n int, vendors []Vendor, f Framing) *Ring {
	t.Helper()
	r, err := NewRing(n, vendors, f, 1)
	if err != nil {
		t.Fatalf("NewRing(%d, %v, %s): %v", n, vendors, f, err)
	}
	return r
}

// message is message i without the LF of its framing.
func text(r *Ring, i int) string {
	return strings.TrimSuffix(string(r.Bytes(i, i+1)), "\n")
}

func TestEveryMessageHasOneNumberedMarker(t *testing.T) {
	for _, f := range []Framing{LF, Octet, Datagram} {
		r := newRing(t, 1000, Vendors(), f)
		now := time.Now()
		r.Number(0, r.Len(), 5000, now)
		for i := range r.Len() {
			line := text(r, i)
			m, end, ok := marker.Find([]byte(line))
			if !ok || m.Seq != uint64(5000+i) || m.Micros != now.UnixMicro() {
				t.Fatalf("%s: marker of message %d is %v, %v, in %q", f, i, m, ok, line)
			}
			if strings.Contains(line[end:], "~") || strings.ContainsAny(line, "\n\r") || strings.Contains(line, "%{") {
				t.Fatalf("%s: message %d is not one clean line: %q", f, i, line)
			}
		}
	}
}

func TestEqualShares(t *testing.T) {
	r := newRing(t, 500, Vendors(), Datagram)
	windows, asa := 0, 0
	for i := range r.Len() {
		windows += strings.Count(text(r, i), "MSWinEventLog\t")
		asa += strings.Count(text(r, i), ": %ASA-")
	}
	if windows != 100 || asa != 100 {
		t.Errorf("windows, asa messages of 500 = %d, %d, want 100 each", windows, asa)
	}
}

// TestLengthAndCompression holds the mix near real traffic: what is stated of any
// benchmark depends on both.
func TestLengthAndCompression(t *testing.T) {
	r := newRing(t, 4000, Vendors(), LF)
	r.Number(0, r.Len(), 1_000_000, time.Now())
	mean := float64(len(r.Bytes(0, r.Len())))/float64(r.Len()) - 1
	if mean < 330 || mean > 346 {
		t.Errorf("mean length is %.1f bytes, want 338 ± 8", mean)
	}
	// All vendors in one batch, as when they share a port.
	if ratio := compress(t, r); ratio < 6 || ratio > 7.5 {
		t.Errorf("gzip level 1 of the mix has ratio %.2f, want 6 to 7.5", ratio)
	}
	// One vendor a batch, as on ports of their own: lines of a kind compress better.
	for _, v := range Vendors() {
		r := newRing(t, 2000, []Vendor{v}, Datagram)
		ratio := compress(t, r)
		if ratio < 8 || ratio > 13 {
			t.Errorf("gzip level 1 of %s has ratio %.2f, want 8 to 13", v, ratio)
		}
		t.Logf("%s: mean %.0f bytes, ratio %.2f", v, float64(len(r.Bytes(0, r.Len())))/float64(r.Len()), ratio)
	}
}

// compress returns the ratio of gzip level 1 for one batch of the ring's messages as
// HEC JSON, about 512 KiB.
func compress(t *testing.T, r *Ring) float64 {
	t.Helper()
	r.Number(0, r.Len(), 1_000_000, time.Now())
	var packed bytes.Buffer
	w := testkit.Try(gzip.NewWriterLevel(&packed, gzip.BestSpeed))(t)
	raw := 0
	for i := 0; raw < 512<<10; i++ {
		e := testkit.Try(json.Marshal(text(r, i)))(t)
		n := testkit.Try(fmt.Fprintf(w, `{"time":1767225600.%03d,"host":"host%d","source":"syslog:1514","sourcetype":"cisco:asa","index":"firewall","event":%s,"fields":{"facility":"local4","severity":"info","transport":"tcp","sender_ip":"10.0.0.1"}}`+"\n", i*617%1000, i*7%5, e))(t)
		raw += n
	}
	testkit.Must(t, w.Close())
	return float64(raw) / float64(packed.Len())
}

func TestOctetCountsAreRight(t *testing.T) {
	r := newRing(t, 300, Vendors(), Octet)
	rest := r.Bytes(0, r.Len())
	for i := 0; len(rest) > 0; i++ {
		var n int
		if _, err := fmt.Sscanf(string(rest[:10]), "%d ", &n); err != nil {
			t.Fatalf("message %d: %v in %q", i, err, rest[:10])
		}
		head := len(fmt.Sprintf("%d ", n))
		if want := len(r.Bytes(i, i+1)) - head; n != want {
			t.Fatalf("message %d: count %d, want %d", i, n, want)
		}
		rest = rest[head+n:]
	}
}

func TestHeaderTimesFollowTheClock(t *testing.T) {
	later := time.Date(2031, 4, 5, 6, 7, 8, 0, time.UTC)
	for v, want := range map[Vendor][]string{
		UniFi: {"Apr  5 06:07:08 "}, PaloAlto: {",2031/04/05 06:07:08,"},
		CiscoASA: {"Apr 05 2031 06:07:08", "2031-04-05T06:07:08Z"},
		Linux:    {"Apr  5 06:07:08 ", "2031-04-05T06:07:08."},
		Windows:  {"\tSat Apr  5 06:07:08 2031\t"},
	} {
		for _, f := range []Framing{LF, Octet} {
			r := newRing(t, 200, []Vendor{v}, f)
			before := len(r.buf)
			r.Number(0, 1, 0, later)
			if len(r.buf) != before {
				t.Fatalf("%s: the ring changed its length", v)
			}
			for i := range r.Len() {
				found := false
				for _, w := range want {
					found = found || strings.Contains(text(r, i), w)
				}
				if !found {
					t.Fatalf("%s %s: message %d does not say %q: %q", v, f, i, want, text(r, i))
				}
			}
		}
	}
}

func TestPaloAltoColumns(t *testing.T) {
	r := newRing(t, 200, []Vendor{PaloAlto}, Datagram)
	for i := range r.Len() {
		line := text(r, i)
		body := line[strings.Index(line, " 1,")+1:]
		row, err := csv.NewReader(strings.NewReader(body)).Read()
		if err != nil {
			t.Fatalf("message %d is not CSV: %v: %q", i, err, line)
		}
		if row[3] != "TRAFFIC" || !strings.Contains(row[11], marker.Blank) || len(row) < 54 || !strings.HasPrefix(row[52], "pa-") || row[53] != "from-policy" {
			t.Errorf("message %d has its columns in the wrong places: %d %q %q", i, len(row), row[52], line)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, in := range []string{"no marker", "%{marker} %{marker}", "%{marker} %{what}", "%{marker} %{n 1 2"} {
		if _, err := compile(in); err == nil {
			t.Errorf("compile(%q) gives no error", in)
		}
	}
	if _, err := NewRing(1, []Vendor{"nokia"}, LF, 1); err == nil {
		t.Error("NewRing takes an unknown vendor")
	}
	if _, err := NewRing(1, nil, LF, 1); err == nil {
		t.Error("NewRing takes no vendor")
	}
}

func TestWhole(t *testing.T) {
	r := newRing(t, 10, Vendors(), LF)
	two := len(r.Bytes(3, 5))
	for n, want := range map[int]int{0: 0, two - 1: 1, two: 2, two + 1: 2, 1 << 20: 7} {
		if got := r.Whole(3, n); got != want {
			t.Errorf("Whole(3, %d) = %d, want %d", n, got, want)
		}
	}
}

// BenchmarkNumber is the generator's own work per message, without the kernel's.
func BenchmarkNumber(b *testing.B) {
	const batch = 384
	r := newRing(b, 4*batch, Vendors(), LF)
	b.ReportAllocs()
	b.SetBytes(int64(len(r.Bytes(0, r.Len())) / r.Len()))
	for i := 0; i < b.N; i += batch {
		at := i / batch % 4 * batch
		r.Number(at, at+batch, uint64(i), time.Now())
	}
}
