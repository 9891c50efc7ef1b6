package deflate

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"

	fast "github.com/klauspost/compress/gzip"
)

// unpack reads one member and requires that nothing follows it.
func unpack(t testing.TB, member []byte) []byte {
	t.Helper()
	in := bytes.NewReader(member)
	r, err := gzip.NewReader(in)
	if err != nil {
		t.Fatalf("open the member: %v", err)
	}
	r.Multistream(false)
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read the member: %v", err)
	}
	if in.Len() != 0 {
		t.Fatalf("%d bytes follow the member", in.Len())
	}
	return got
}

// same checks that a gzip reader restores src.
func same(t testing.TB, c *Compressor, src []byte) []byte {
	t.Helper()
	prefix := []byte("what was there")
	out := c.Append(prefix, src)
	if !bytes.HasPrefix(out, prefix) {
		t.Fatal("what was there is gone")
	}
	member := out[len(prefix):]
	if got := unpack(t, member); !bytes.Equal(got, src) {
		t.Fatalf("%d bytes in, %d bytes out, alike for %d", len(src), len(got), agree(got, src))
	}
	return member
}

func agree(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// lines returns typical events: the envelope of one source around a few kinds of messages
// with different numbers.
func lines(rng *rand.Rand, size int) []byte {
	var out []byte
	for len(out) < size {
		host := rng.IntN(5)
		out = fmt.Appendf(out, `{"time":17959864%02d.%03d,"host":"fw%d","source":"syslog:1516","sourcetype":"cisco:asa","index":"firewall","event":"<166>Nov 29 2026 21:08:%02d fw%d : `,
			rng.IntN(100), rng.IntN(1000), host, rng.IntN(60), host)
		a, b := rng.IntN(1<<16), rng.IntN(1<<16)
		switch rng.IntN(3) {
		case 0:
			out = fmt.Appendf(out, `%%ASA-6-302013: Built outbound TCP connection %d for outside:149.%d.216.%d/443 (149.18.2.1/443) to inside:10.20.%d.16/%d`, rng.IntN(1e9), a&255, a>>8, b&255, b)
		case 1:
			out = fmt.Appendf(out, `%%ASA-6-302014: Teardown TCP connection %d for outside:149.%d.216.%d/443 to inside:10.20.%d.16/%d duration 0:%02d:47 bytes %d TCP FINs`, rng.IntN(1e9), a&255, a>>8, b&255, b, rng.IntN(60), rng.IntN(1e6))
		default:
			out = fmt.Appendf(out, `%%ASA-4-106023: Deny tcp src outside:%d.%d.1.7/%d dst inside:10.20.30.%d/22 by access-group \"outside_in\" [0x%08x, 0x0]`, a&255, a>>8, b, b&255, rng.Uint32())
		}
		out = append(out, `","fields":{"vendor_product":"cisco_asa","class":"cisco_asa","facility":"local4","severity":"info","transport":"udp","sender_ip":"10.0.0.1"}}`+"\n"...)
	}
	return out
}

func TestWhatGoesInComesOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1951))
	random := func(n, alphabet int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.IntN(alphabet))
		}
		return p
	}
	cases := map[string][]byte{
		"nothing":                           nil,
		"one byte":                          {'x'},
		"15 bytes":                          []byte("fifteen bytes.."),
		"one event":                         lines(rng, 1),
		"a first block":                     lines(rng, firstBlock)[:firstBlock],
		"a little more":                     lines(rng, firstBlock)[:firstBlock+1],
		"a block and a half":                lines(rng, firstBlock*2)[:firstBlock*3/2],
		"and one byte more":                 lines(rng, firstBlock*2)[:firstBlock*3/2+1],
		"a batch":                           lines(rng, 512<<10),
		"a huge event":                      bytes.Repeat([]byte("A"), 400<<10),
		"zeros":                             make([]byte, 600<<10),
		"noise":                             random(300<<10, 256),
		"few letters":                       random(300<<10, 3),
		"text after noise":                  append(random(100<<10, 256), lines(rng, 100<<10)...),
		"one byte over the longest match":   append(bytes.Repeat([]byte("ab"), 130), 'c'),
		"a repeat across the first block's": append(lines(rng, firstBlock-40)[:firstBlock-40], bytes.Repeat([]byte("z"), 100<<10)...),
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			var c Compressor
			same(t, &c, src)
			same(t, &c, src) // with the counts and positions of the first
		})
	}
}

func TestOneCompressorTakesAnything(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 1952))
	var c Compressor
	for i := range 400 {
		src := lines(rng, rng.IntN(80<<10))
		switch i % 4 {
		case 1: // an alphabet without counts
			for j := range src {
				src[j] ^= 0xa5
			}
		case 2: // matches at every distance
			src = append(src, src[:rng.IntN(len(src)+1)]...)
		case 3: // random changes
			for range rng.IntN(len(src) + 1) {
				src[rng.IntN(len(src))] = byte(rng.Uint32())
			}
		}
		same(t, &c, src)
	}
}

func TestMatchesEveryLengthAndDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1951))
	noise := make([]byte, maxDistance+2*maxMatch)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var c Compressor
	for n := hashed; n <= 2*maxMatch+2*minMatch; n++ {
		src := append(bytes.Clone(noise[:1000]), noise[100:100+n]...)
		same(t, &c, append(src, noise[5000:5040]...))
	}
	for dist := 1; dist <= maxDistance+3; dist += 1 + dist/7 {
		src := bytes.Clone(noise[:dist])
		for len(src) < dist+64 {
			src = append(src, src[len(src)-dist])
		}
		same(t, &c, append(src, noise[:20]...))
	}
}

// TestOthersReadIt gives the members to zlib's own program as well.
func TestOthersReadIt(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1951))
	var c Compressor
	for _, size := range []int{1, 5000, 60 << 10, 512 << 10} {
		src := lines(rng, size)
		cmd := exec.Command("gzip", "-dc")
		cmd.Stdin = bytes.NewReader(c.Append(nil, src))
		got, err := cmd.Output()
		if err != nil {
			t.Fatalf("gzip -dc (package gzip) on a member of %d bytes: %v", size, err)
		}
		if !bytes.Equal(got, src) {
			t.Fatalf("gzip -dc gives %d bytes, want %d", len(got), len(src))
		}
	}
}

// TestRatio compares the ratio with the fastest level of a general compressor.
func TestRatio(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1951))
	for _, size := range []int{2 << 10, 20 << 10, 512 << 10} {
		var c Compressor
		var raw, ours, theirs int
		for range 20 {
			src := lines(rng, size)
			raw += len(src)
			ours += len(c.Append(nil, src))
			theirs += len(level1(t, src))
		}
		t.Logf("%d bytes: ratio %.2f, klauspost/compress level 1: %.2f", size,
			float64(raw)/float64(ours), float64(raw)/float64(theirs))
		// Version 1.20.4 of the other one is 5 % better at the smallest batches.
		if ours > theirs*107/100 {
			t.Errorf("batches of %d bytes become %d bytes, %d by klauspost/compress level 1", size, ours, theirs)
		}
	}
}

// TestExpansion checks that incompressible input grows only a little, even if the code of the
// first block is made for other input.
func TestExpansion(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1951))
	noise := make([]byte, 512<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var c Compressor
	c.Append(nil, lines(rng, 512<<10)) // so that its code does not fit
	if n := len(c.Append(nil, noise)); n > len(noise)*112/100 {
		t.Errorf("%d bytes of noise become %d", len(noise), n)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1951))
	src := lines(rng, 100<<10)
	var c Compressor
	out := c.Append(nil, src)
	if n := testing.AllocsPerRun(20, func() { out = c.Append(out[:0], src) }); n != 0 {
		t.Errorf("%v allocations for a batch, want 0", n)
	}
}

// TestLengthsAreLimited uses Fibonacci numbers as counts, which make the deepest tree.
func TestLengthsAreLimited(t *testing.T) {
	for _, limit := range []int{7, maxBits} {
		for symbols := 2; symbols <= 40 && symbols <= 1<<limit; symbols++ {
			counts := make([]uint32, symbols)
			a, b := uint32(1), uint32(1)
			for i := range counts {
				counts[i] = a
				a, b = b, a+b
				b = min(b, 1<<22)
			}
			codes := make([]code, symbols)
			build(codes, counts, limit)
			space := 0
			for i, s := range codes {
				if s.n == 0 || int(s.n) > limit {
					t.Fatalf("symbol %d of %d has a code of %d bits, limit %d", i, symbols, s.n, limit)
				}
				space += 1 << (limit - int(s.n))
			}
			if space != 1<<limit {
				t.Fatalf("%d symbols, limit %d: the code takes %d of %d", symbols, limit, space, 1<<limit)
			}
		}
	}
}

func FuzzCompressor(f *testing.F) {
	rng := rand.New(rand.NewPCG(17, 1951))
	f.Add([]byte{}, lines(rng, 1), uint8(1))
	f.Add(lines(rng, 600)[:600], []byte("another"), uint8(200))
	f.Add(bytes.Repeat([]byte("ab"), 300), []byte{0}, uint8(3))
	f.Fuzz(func(t *testing.T, first, second []byte, times uint8) {
		var c Compressor
		same(t, &c, bytes.Repeat(first, int(times)))
		same(t, &c, append(second, first...))
	})
}

func level1(t testing.TB, src []byte) []byte {
	var out bytes.Buffer
	w, err := fast.NewWriterLevel(&out, fast.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(src)
	_ = w.Close()
	return out.Bytes()
}

// BenchmarkBatch compresses a batch of 512 KiB, with this package and with the compressor
// that it replaces.
func BenchmarkBatch(b *testing.B) {
	src := lines(rand.New(rand.NewPCG(19, 1951)), 512<<10)
	events := bytes.Count(src, []byte("\n"))
	perEvent := func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
	}
	b.Run("deflate", func(b *testing.B) {
		b.ReportAllocs()
		var c Compressor
		var out []byte
		for b.Loop() {
			out = c.Append(out[:0], src)
		}
		perEvent(b)
	})
	b.Run("klauspost", func(b *testing.B) {
		b.ReportAllocs()
		var out bytes.Buffer
		w, err := fast.NewWriterLevel(&out, fast.BestSpeed)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			out.Reset()
			w.Reset(&out)
			_, _ = w.Write(src)
			_ = w.Close()
		}
		perEvent(b)
	})
}
