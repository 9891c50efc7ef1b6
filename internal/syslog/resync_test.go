package syslog

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"
)

// faults are wrong heads of counted messages.
var faults = []struct {
	name string
	head func(r *rand.Rand, msg string) string
}{
	{"one more", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+1) }},
	{"one less", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)-1) }},
	{"some more", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+2+r.Intn(20)) }},
	{"some less", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)-2-r.Intn(20)) }},
	{"characters for bytes", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", utf8.RuneCountInString(m)) }},
	{"counts its digits", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+2) }},
	{"counts its blank", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+1) }},
	{"counts itself", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+3) }},
	{"BOM before", func(_ *rand.Rand, m string) string { return fmt.Sprintf("\ufeff%d ", len(m)) }},
	{"BOM before the PRI, not counted", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d \ufeff", len(m)) }},
	{"BOM before the PRI, counted", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d \ufeff", len(m)+3) }},
	{"much more", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)+50+r.Intn(3000)) }},
	{"a message more", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", 2*len(m)+3) }},
	{"messages more", func(r *rand.Rand, m string) string {
		n := 2 + r.Intn(30)
		return fmt.Sprintf("%d ", len(m)+n*(len(m)+3))
	}},
	{"above Max", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", 5000+r.Intn(900000)) }},
	{"above any", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", 1<<20+1+r.Intn(1<<30)) }},
	{"20 digits", func(*rand.Rand, string) string { return "12345678901234567890 " }},
	{"much less", func(r *rand.Rand, m string) string { return fmt.Sprintf("%d ", 1+r.Intn(12)) }},
	{"zero", func(*rand.Rand, string) string { return "0 " }},
	{"zeros", func(*rand.Rand, string) string { return "000 " }},
	{"leading zeros", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%06d ", len(m)) }},
	{"leading zero and one more", func(_ *rand.Rand, m string) string { return fmt.Sprintf("0%d ", len(m)+1) }},
	{"ten times", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d0 ", len(m)) }},
	{"a tenth", func(_ *rand.Rand, m string) string { return fmt.Sprintf("%d ", len(m)/10) }},
	{"no count", func(*rand.Rand, string) string { return "" }},
}

// contents are ends of messages; the last has their number.
var contents = []struct {
	name string
	text func(i int) string
}{
	{"word at the end", func(i int) string { return fmt.Sprintf("n=%03d größe end", i) }},
	{"digits at the end", func(i int) string { return fmt.Sprintf("größe n=%03d", i) }},
	{"a digit at the end", func(i int) string { return fmt.Sprintf("größe n%03dx%d", i, i%10) }},
	{"lines", func(i int) string { return fmt.Sprintf("größe n=%03d\n\tat line 2\n3 of it", i) }},
	{"quotes", func(i int) string { return fmt.Sprintf("größe n=%03d got \"35 <13>Nov\" here", i) }},
	{"blank at the end", func(i int) string { return fmt.Sprintf("größe n=%03d 7 ", i) }},
}

// One wrong count damages at most two messages, for every fault, at every position, and for
// every division of the stream into reads.
func TestOneWrongCount(t *testing.T) {
	const messages = 200
	for _, fault := range faults {
		for _, content := range contents {
			for _, trailer := range []string{"", "\n", "inside"} {
				name := fmt.Sprintf("%s, %s, trailer %q", fault.name, content.name, trailer)
				for seed := range int64(6) {
					r := rand.New(rand.NewSource(seed))
					at := [...]int{0, 1, 2, messages - 2}[r.Intn(4)]
					if r.Intn(2) == 0 {
						at = r.Intn(messages - 1)
					}
					if fault.name == "no count" {
						at = max(at, 1) // a stream that begins without a count consists of lines
					}
					var stream strings.Builder
					var want []string
					for i := range messages {
						msg := "<13>Nov 30 05:00:00 web1 a: " + content.text(i)
						want = append(want, msg)
						if trailer == "inside" {
							msg += "\n"
						}
						head := fmt.Sprintf("%d ", len(msg))
						if i == at {
							head = fault.head(r, msg)
						}
						stream.WriteString(head + msg)
						if trailer == "\n" {
							stream.WriteString("\n")
						}
					}
					got := map[string]bool{}
					all := drive(t, &Framer{Max: 4096}, []byte(stream.String()), constant(stream.Len()))
					for _, m := range all {
						got[m] = true
					}
					intact := 0
					for _, m := range want {
						if got[m] {
							intact++
						}
					}
					if intact < messages-2 {
						t.Errorf("%s, at %d: %d of %d are intact; around it:\n%.600q", name, at, intact, messages, all[max(0, at-1):min(len(all), at+4)])
						break
					}
					fields := drive(t, &Framer{Max: 4096}, []byte(stream.String()), func() int { return 1 + r.Intn(90) })
					if strings.Join(fields, "|") != strings.Join(all, "|") {
						t.Fatalf("%s, at %d, seed %d: in parts it is\n%.3000q\nat once\n%.3000q", name, at, seed, fields, all)
					}
				}
			}
		}
	}
}

// trickles are streams that arrive byte by byte.
var trickles = []struct {
	name   string
	stream func(length int) []byte
}{
	{"line", func(n int) []byte { return []byte("<13>" + strings.Repeat("x", n)) }},
	{"number and text", func(n int) []byte { return []byte(fmt.Sprintf("%d ", n) + strings.Repeat("x", n)) }},
	{"digits", func(n int) []byte { return []byte(strings.Repeat("7", n)) }},
	{"counted", func(n int) []byte { return []byte(fmt.Sprintf("%d <13>", n) + strings.Repeat("x", n)) }},
	{"counted with lines", func(n int) []byte { return []byte(fmt.Sprintf("%d <13>", n) + strings.Repeat("x\n", n/2)) }},
	{"counted with PRIs", func(n int) []byte { return []byte(fmt.Sprintf("%d <13>", n) + strings.Repeat("\n<13>", n/5)) }},
	{"counted with counts", func(n int) []byte {
		return []byte(fmt.Sprintf("%d <13>", n) + strings.Repeat(fmt.Sprintf("%d <13>", n/2), n/9))
	}},
	{"wrong count", func(n int) []byte { return []byte("7 <13>abc7 <13>" + strings.Repeat("x", n)) }},
	{"wrong count, then counts", func(n int) []byte {
		return []byte("7 <13>abc7 <13>x" + strings.Repeat(fmt.Sprintf("%d <13>", n/3), n/9))
	}},
	{"line with counts in a counted stream", func(n int) []byte {
		s := "7 <13>abc7 <13>xyz<13>"
		for i := 0; len(s) < n; i++ {
			s += fmt.Sprintf(".%d <13>", n-len(s)+i)
		}
		return []byte(s)
	}},
	{"skipped line", func(n int) []byte { return []byte("7 <13>abc7 <13>xyz<13>" + strings.Repeat("12 <1 ", n)) }},
	{"blanks and marks", func(n int) []byte { return []byte(strings.Repeat("\ufeff \n", n/5)) }},
}

// A stream that arrives byte by byte is not searched again for each byte: twice the bytes
// take twice the work.
func TestTrickleIsLinear(t *testing.T) {
	for _, c := range trickles {
		work := func(length int) (inspected int) {
			f := &Framer{Max: 16 << 10}
			stream := c.stream(length)
			drive(t, f, stream, constant(1))
			if f.inspected > 150*len(stream) {
				t.Errorf("%s: %d bytes were searched %.0f times each", c.name, len(stream), float64(f.inspected)/float64(len(stream)))
			}
			return f.inspected
		}
		if one, two := work(4<<10), work(8<<10); two > 5*one/2+4*(8<<10) {
			t.Errorf("%s: %d bytes are searched of 4 KiB, %d of 8 KiB", c.name, one, two)
		}
	}
}

func BenchmarkTrickle(b *testing.B) {
	for _, c := range trickles[1:4] {
		for _, length := range []int{4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%d", c.name, length), func(b *testing.B) {
				stream := c.stream(length)
				for b.Loop() {
					f := Framer{Max: 128 << 10}
					for i := range stream {
						if _, _, n, _ := f.Next(stream[:i+1]); n != 0 {
							break
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(stream)), "ns/byte")
			})
		}
	}
}
