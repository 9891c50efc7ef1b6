package syslog

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// cutMark is appended to a message that was cut.
const cutSuffix = "✂"

// drive passes a stream to f as a listener does: it appends each read to the tail, takes off
// all messages, and keeps the rest. size returns the length of the next read.
func drive(t testing.TB, f *Framer, stream []byte, size func() int) (messages []string) {
	t.Helper()
	add := func(msg []byte, cut bool) {
		m := string(msg)
		if cut {
			m += cutSuffix
		}
		messages = append(messages, m)
	}
	var tail []byte
	for len(stream) > 0 {
		k := min(size(), len(stream))
		tail = append(tail, stream[:k]...)
		stream = stream[k:]
		for ok := true; ok; {
			var msg []byte
			var cut bool
			var n int
			msg, cut, n, ok = f.Next(tail)
			if n < 0 || n > len(tail) {
				t.Fatalf("Next(%q) consumed %d of %d bytes", tail, n, len(tail))
			}
			if ok && n == 0 {
				t.Fatalf("Next(%q) gave %q and consumed nothing", tail, msg)
			}
			if !within(msg, tail[:n]) {
				t.Fatalf("Next(%q) gave %q, which is no view into what it consumed", tail, msg)
			}
			if len(msg) > f.Max {
				t.Fatalf("a message of %d bytes is longer than Max %d", len(msg), f.Max)
			}
			if ok {
				add(msg, cut)
			}
			tail = tail[n:]
		}
		if len(tail) > f.Max+2*lookahead {
			t.Fatalf("the tail has %d bytes with Max %d: %q", len(tail), f.Max, tail)
		}
	}
	for len(tail) > 0 {
		msg, cut, n, ok := f.Final(tail)
		if len(msg) > f.Max {
			t.Fatalf("Final gave %d bytes with Max %d", len(msg), f.Max)
		}
		if n <= 0 || n > len(tail) || !within(msg, tail[:n]) {
			t.Fatalf("Final(%q) gave %q and consumed %d bytes", tail, msg, n)
		}
		if ok {
			add(msg, cut)
		}
		tail = tail[n:]
	}
	return messages
}

func constant(n int) func() int { return func() int { return n } }

// a returns n letters.
func a(n int) string { return strings.Repeat("a", n) }

// framerCases are streams and their messages. Cut messages end with cutMark.
var framerCases = []struct {
	name   string
	in     string
	mode   Framing
	max    int // 0: 1024
	want   []string
	errors int
}{
	{name: "nothing"},
	{name: "LF", in: "<14>one\n<14>two\n", want: []string{"<14>one", "<14>two"}},
	{name: "CR LF", in: "<14>one\r\n<14>two\r\n", want: []string{"<14>one", "<14>two"}},
	{name: "NUL", in: "<14>one\x00<14>two\x00", want: []string{"<14>one", "<14>two"}},
	{name: "LF NUL", in: "<14>one\n\x00<14>two\n\x00", want: []string{"<14>one", "<14>two"}},
	{name: "mixed trailers", in: "<14>one\x00<14>two\n<14>three\r\n\n\n<14>four\n", want: []string{"<14>one", "<14>two", "<14>three", "<14>four"}},
	{name: "LF before NUL", in: "one\ntwo\x00three\n", want: []string{"one", "two", "three"}},
	{name: "CR inside", in: "<14>pro\rgress\n", want: []string{"<14>pro\rgress"}},
	{name: "only trailers", in: "\n\r\n\x00\n"},
	{name: "blank after LF", in: "<166>one\n <166>two\n <166>three\n ", want: []string{"<166>one", "<166>two", "<166>three", " "}},
	{name: "indented text keeps its blank", in: "<14>one\n at line 2\n  at line 3\n", want: []string{"<14>one", " at line 2", "  at line 3"}},
	{name: "last line without LF", in: "<14>one\n<14>two", want: []string{"<14>one", "<14>two"}},
	{name: "last line with CR", in: "<14>one\r", want: []string{"<14>one"}},

	{name: "counted", in: "8 <14>one.9 <14>three", want: []string{"<14>one.", "<14>three"}},
	{name: "counted, LF in the count", in: "8 <14>one\n10 <14>three\n", want: []string{"<14>one", "<14>three"}},
	{name: "counted, LF after the count", in: "7 <14>one\n9 <14>three\n", want: []string{"<14>one", "<14>three"}},
	{name: "counted, CR LF after the count", in: "7 <14>one\r\n9 <14>three\r\n", want: []string{"<14>one", "<14>three"}},
	{name: "counted, LF inside", in: "12 <14>one\ntwo.7 <14>abc", want: []string{"<14>one\ntwo.", "<14>abc"}},
	{name: "counted, digit first", in: "7 <14>12 8 <14>34 5", want: []string{"<14>12 ", "<14>34 5"}},
	{name: "counted, compressed", in: "11 zx\xda\xed\xc1\n\x00<14>8 zx\xda\x01\x02\x03\x04\x05", want: []string{"zx\xda\xed\xc1\n\x00<14>", "zx\xda\x01\x02\x03\x04\x05"}},
	{name: "counted, no PRI, LF at the end", in: "8 {\"a\":1}\n8 {\"b\":2}\n", want: []string{`{"a":1}`, `{"b":2}`}},
	{name: "counted, no PRI, no LF", in: "7 {\"a\":1}7 {\"b\":2}7 {\"c\":3}", want: []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
	{name: "counted, no PRI, one", in: "7 {\"a\":1}", want: []string{`{"a":1}`}},
	{name: "counted then lines", in: "7 <14>one<14>two\n<14>three\n", want: []string{"<14>one", "<14>two", "<14>three"}},
	{name: "lines then counted", in: "<14>one\n7 <14>two9 <14>three", want: []string{"<14>one", "<14>two", "<14>three"}},

	{name: "CSV", in: "1,2020/10/09 17:43:54,0072\n1,2020/10/09 17:43:55,0073\n", want: []string{"1,2020/10/09 17:43:54,0072", "1,2020/10/09 17:43:55,0073"}},
	{name: "date", in: "2026-03-14T14:28:52Z host app: x\n2026 Nov 22 x\n", want: []string{"2026-03-14T14:28:52Z host app: x", "2026 Nov 22 x"}},
	{name: "time", in: "12:30 x\n", want: []string{"12:30 x"}},
	{name: "number and text", in: "12 monkeys climb\n3 blind mice\n", want: []string{"12 monkeys climb", "3 blind mice"}},
	{name: "number that counts its line by chance", in: "12 monkeys jump\n3 blind mice\n", want: []string{"monkeys jump", "3 blind mice"}},
	{name: "number and more text than counted", in: "12 monkeys jump around the tree\n", want: []string{"12 monkeys jump around the tree"}},
	{name: "number and text, no LF", in: "300 users", want: []string{"300 users"}},
	{name: "number above Max and text", in: "99999 users\n", want: []string{"99999 users"}},
	{name: "number alone", in: "12\n12", want: []string{"12", "12"}},
	{name: "number and blank", in: "12 ", want: []string{"12 "}},
	{name: "digits", in: "1234567890123\n", want: []string{"1234567890123"}},
	{name: "epoch", in: "1614789245.123 host text\n", want: []string{"1614789245.123 host text"}},

	{name: "zero count", in: "0 <14>one\n<14>two\n", want: []string{"<14>one", "<14>two"}, errors: 1},
	{name: "leading zero", in: "07 <14>one\n<14>two\n", want: []string{"<14>one", "<14>two"}, errors: 1},
	{name: "20 digits", in: "12345678901234567890 <14>one\n<14>two\n", want: []string{"<14>one", "<14>two"}, errors: 1},
	{name: "more than anybody sends", in: "999999999 <14>one\n<14>two\n", want: []string{"<14>one", "<14>two"}, errors: 1},
	{name: "too small", in: "5 <14>one\n7 <14>two", want: []string{"<14>one", "<14>two"}, errors: 1},
	{name: "too small, of a stream that is believed", in: "7 <14>abc5 <14>one7 <14>two", want: []string{"<14>abc", "<14>o", "ne", "<14>two"}, errors: 1},
	{name: "smaller than its PRI", in: "7 <14>abc3 <14>one7 <14>two", want: []string{"<14>abc", "<14>one", "<14>two"}, errors: 1},
	{name: "too large", in: "9 <14>one7 <14>two\n<14>three\n", want: []string{"<14>one", "<14>two", "<14>three"}, errors: 1},
	{name: "too large, inside the next", in: "12 <14>one7 <14>two\n<14>three\n", want: []string{"<14>one", "<14>two", "<14>three"}, errors: 1},
	{name: "garbage after the first frame", in: "7 <14>one###\n7 <14>two", want: []string{"<14>one###", "<14>two"}, errors: 1},
	{name: "garbage after a frame", in: "7 <14>abc7 <14>one###\n7 <14>two", want: []string{"<14>abc", "<14>one", "###", "<14>two"}, errors: 1},
	{name: "garbage without LF", in: "7 <14>abc7 <14>one###7 <14>two", want: []string{"<14>abc", "<14>one", "###", "<14>two"}, errors: 1},
	{name: "a count lost", in: "7 <14>abc<14>one7 <14>two", want: []string{"<14>abc", "<14>one", "<14>two"}, errors: 1},
	{name: "mixed, a line that quotes a count", in: "7 <14>abc<14>one 12 <34> x\n7 <14>two", want: []string{"<14>abc", "<14>one 12 <34> x", "<14>two"}},
	{name: "quotes counts", in: "7 <14>abc25 <14>one 12 <34> x 7 <14>.7 <14>two", want: []string{"<14>abc", "<14>one 12 <34> x 7 <14>.", "<14>two"}},
	{name: "quotes a whole message at its end", in: "7 <14>abc17 <14>one 7 <14>xyz7 <14>two", want: []string{"<14>abc", "<14>one 7 <14>xyz", "<14>two"}},
	{name: "too large by whole messages", in: "7 <14>abc34 <14>one7 <14>two7 <14>tri7 <14>for7 <14>fiv", want: []string{"<14>abc", "<14>one", "<14>two", "<14>tri", "<14>for", "<14>fiv"}, errors: 1},
	{name: "ends with digits", in: "7 <14>1237 <14>1247 <14>125", want: []string{"<14>123", "<14>124", "<14>125"}},
	{name: "all too large by one", in: "8 <14>one8 <14>two8 <14>tri", want: []string{"<14>one", "<14>two", "<14>tri✂"}, errors: 3},
	{name: "all too small by one", in: "6 <14>one6 <14>two6 <14>tri", want: []string{"<14>one", "<14>two", "<14>tri"}, errors: 3},
	{name: "all with themselves", in: "9 <14>one9 <14>two9 <14>tri", want: []string{"<14>one", "<14>two", "<14>tri✂"}, errors: 3},
	{name: "BOM before lines", in: "\xef\xbb\xbf<14>one\n\xef\xbb\xbf<14>two\n", want: []string{"<14>one", "<14>two"}},
	{name: "BOM before counts", in: "\xef\xbb\xbf7 <14>one\xef\xbb\xbf7 <14>two", want: []string{"<14>one", "<14>two"}},
	{name: "BOM behind counts, counted", in: "10 \xef\xbb\xbf<14>one10 \xef\xbb\xbf<14>two", want: []string{"<14>one", "<14>two"}},
	{name: "BOM before text", in: "\xef\xbb\xbftext\n", want: []string{"\xef\xbb\xbftext"}},
	{name: "BOM alone", in: "\xef\xbb\xbf", want: []string{"\xef\xbb\xbf"}},

	{name: "line as long as Max", in: a(10) + "\n" + a(3) + "\n", max: 10, want: []string{a(10), "aaa"}},
	{name: "line as long as Max, CR LF", in: a(10) + "\r\n" + a(3) + "\n", max: 10, want: []string{a(10), "aaa"}},
	{name: "line cut", in: a(11) + "\n" + a(3) + "\n", max: 10, want: []string{a(10) + cutSuffix, "aaa"}},
	{name: "line cut, CR LF", in: a(11) + "\r\n" + a(3) + "\n", max: 10, want: []string{a(10) + cutSuffix, "aaa"}},
	{name: "long line cut", in: a(95) + "\n" + a(3) + "\n", max: 10, want: []string{a(10) + cutSuffix, "aaa"}},
	{name: "long line cut, NUL", in: a(95) + "\x00" + a(3) + "\x00", max: 10, want: []string{a(10) + cutSuffix, "aaa"}},
	{name: "long last line", in: a(95), max: 10, want: []string{a(10) + cutSuffix}},
	{name: "last line one too long", in: a(11), max: 10, want: []string{a(10) + cutSuffix}},
	{name: "counted as long as Max", in: "10 <14>" + a(6) + "7 <14>one", max: 10, want: []string{"<14>" + a(6), "<14>one"}},
	{name: "counted cut", in: "30 <14>" + a(26) + "7 <14>one", max: 10, want: []string{"<14>" + a(6) + cutSuffix, "<14>one"}},
	{name: "counted cut, LF in what is skipped", in: "30 <14>" + a(20) + "\n<14>x7 <14>one", max: 10, want: []string{"<14>" + a(6) + cutSuffix, "<14>one"}},
	{name: "counted cut at the end", in: "30 <14>" + a(15), max: 10, want: []string{"<14>" + a(6) + cutSuffix}},
	{name: "counted cut, then garbage", in: "30 <14>" + a(26) + "xx\n7 <14>one", max: 10, want: []string{"<14>" + a(6) + cutSuffix, "xx", "<14>one"}, errors: 1},

	{name: "incomplete frame", in: "7 <14>one20 <14>two", want: []string{"<14>one", "<14>two" + cutSuffix}, errors: 1},
	{name: "incomplete frame with LF", in: "30 <14>one\ntwo\n", want: []string{"<14>one\ntwo" + cutSuffix}, errors: 1},
	{name: "incomplete count", in: "7 <14>one2", want: []string{"<14>one", "2"}},

	{name: "mode LF", mode: LF, in: "7 <14>one\n12 monkeys\n0 <14>x\n", want: []string{"7 <14>one", "12 monkeys", "0 <14>x"}},
	{name: "mode Octet", mode: Octet, in: "12 monkeys jump3 abc<14>line\n", want: []string{"monkeys jump", "abc", "<14>line"}},
	{name: "mode Octet, LF inside", mode: Octet, in: "7 one\ntwo", want: []string{"one\ntwo"}},
}

func TestFramer(t *testing.T) {
	for _, c := range framerCases {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1, 2, 3, 7} {
				f := &Framer{Max: c.max, Mode: c.mode}
				if f.Max == 0 {
					f.Max = 1024
				}
				got := drive(t, f, []byte(c.in), constant(chunk))
				if !slices.Equal(got, c.want) {
					t.Errorf("in reads of %d bytes: got %q, want %q", chunk, got, c.want)
				}
				if f.Errors != c.errors {
					t.Errorf("in reads of %d bytes: %d framing errors, want %d", chunk, f.Errors, c.errors)
				}
			}
		})
	}
}

// TestFramerStreams sends random messages in random framings. They must come out unchanged,
// whatever the sizes of the reads.
func TestFramerStreams(t *testing.T) {
	for seed := range int64(400) {
		r := rand.New(rand.NewSource(seed))
		stream, want := randomStream(r)
		sizes := []func() int{
			constant(len(stream) + 1), constant(1),
			func() int { return 1 + r.Intn(5) },
			func() int { return 1 + r.Intn(200) },
		}
		for i, size := range sizes {
			f := &Framer{Max: 200}
			if got := drive(t, f, stream, size); !slices.Equal(got, want) {
				t.Fatalf("seed %d, way %d of reading: %q\ngot  %q\nwant %q", seed, i, stream, got, want)
			}
			if f.Errors != 0 {
				t.Fatalf("seed %d, way %d of reading: %d framing errors in %q", seed, i, f.Errors, stream)
			}
		}
	}
}

// randomStream returns a stream of up to 30 messages, and the messages that a framer with
// Max 200 returns.
func randomStream(r *rand.Rand) (stream []byte, want []string) {
	const maxLength = 200
	for range r.Intn(30) {
		counted := r.Intn(2) == 0
		msg := randomMessage(r, counted)
		if !counted && bytes.HasSuffix(stream, []byte("\n")) && r.Intn(3) == 0 {
			stream = append(stream, ' ') // as a Cisco ASA does
		}
		if counted {
			stream = fmt.Appendf(stream, "%d %s", len(msg), msg)
			if r.Intn(3) == 0 {
				stream = append(stream, '\n')
			}
		} else {
			stream = append(stream, msg...)
			stream = append(stream, [...]string{"\n", "\r\n", "\x00", "\n\x00", "\n\n"}[r.Intn(5)]...)
		}
		m := string(msg)
		if len(m) > maxLength {
			m = strings.TrimRight(m[:maxLength], "\r\n\x00") + cutSuffix
		}
		want = append(want, m)
	}
	return stream, want
}

func randomMessage(r *rand.Rand, counted bool) []byte {
	msg := fmt.Appendf(nil, "<%d>", r.Intn(192))
	length := r.Intn(60)
	if r.Intn(10) == 0 {
		length = 180 + r.Intn(200)
	}
	alphabet := "abc 0123456789 <>é:,\t"
	if counted {
		alphabet += "\n\x00\r"
	}
	for range length {
		msg = append(msg, alphabet[r.Intn(len(alphabet))])
	}
	return append(msg, '.') // so that it does not end with a trailer
}

// TestFramerNoise sends streams of random fragments of framing. The messages must not depend
// on the division into reads.
func TestFramerNoise(t *testing.T) {
	fragments := []string{
		"\n", "\r", "\r\n", "\x00", " ", "<", "<14>", "a", "text ", "7 ", "12 ", "3", "0", "25 <", "99999999999 ", "zx\xda", "1,2",
		"8 <14>one.", "9 <14>one", "7 <14>one.", "5 <34>12", "12 <14>one 5 <1>x", "\xef\xbb\xbf", "\xef", "17 <14>one\n", " <", "60 <14>", "400 <1>",
		"-", ":", "8 <14>one\n", strings.Repeat("long", 12), "\xff",
	}
	for seed := range int64(3000) {
		r := rand.New(rand.NewSource(seed))
		var stream []byte
		for range r.Intn(25) {
			stream = append(stream, fragments[r.Intn(len(fragments))]...)
		}
		mode := Framing(r.Intn(3))
		whole := &Framer{Max: 40, Mode: mode}
		want := drive(t, whole, stream, constant(len(stream)+1))
		for _, size := range []func() int{constant(1), func() int { return 1 + r.Intn(9) }} {
			f := &Framer{Max: 40, Mode: mode}
			got := drive(t, f, stream, size)
			if !slices.Equal(got, want) || f.Errors != whole.Errors {
				t.Fatalf("seed %d: %q\nin parts %q with %d errors\nat once  %q with %d errors", seed, stream, got, f.Errors, want, whole.Errors)
			}
		}
	}
}

func TestFramerCut(t *testing.T) {
	f := &Framer{Max: 1024}
	if _, _, n, ok := f.Next([]byte("<14>begun")); ok || n != 0 {
		t.Fatalf("a line without end: consumed %d, ok %v", n, ok)
	}
	if f.Pending() {
		t.Error("pending before Cut")
	}
	if msg := f.Cut([]byte("<14>begun")); string(msg) != "<14>begun" {
		t.Errorf("Cut gave %q", msg)
	}
	if !f.Pending() || f.Errors != 1 {
		t.Errorf("after Cut: pending %v, errors %d", f.Pending(), f.Errors)
	}
	if _, _, n, ok := f.Next([]byte(" and going on")); ok || n != 13 {
		t.Errorf("the rest of the line: consumed %d of 13, ok %v", n, ok)
	}
	msg, cut, _, ok := f.Next([]byte(" to its end\n<14>next\n"))
	if string(msg) != "<14>next" || cut || !ok || f.Pending() {
		t.Errorf("after the line: %q, cut %v, ok %v, pending %v", msg, cut, ok, f.Pending())
	}
	if _, _, _, ok := f.Final(nil); ok {
		t.Error("Final made a message of nothing")
	}
}

// A counted stream has no trailers: the skipped rest ends where the count says.
func TestFramerCutInsideACountedMessage(t *testing.T) {
	f := &Framer{Max: 1024}
	if _, _, n, ok := f.Next([]byte("20 <14>begun")); ok || n != 0 {
		t.Fatalf("half a message: consumed %d, ok %v", n, ok)
	}
	if msg := f.Cut([]byte("20 <14>begun")); string(msg) != "<14>begun" {
		t.Errorf("Cut gave %q", msg)
	}
	rest := []byte("-to-its-end8 <14>next9 <14>after")
	var got []string
	for len(rest) > 0 {
		msg, cut, n, ok := f.Next(rest)
		if !ok || cut {
			t.Fatalf("at %q: ok %v, cut %v", rest, ok, cut)
		}
		got = append(got, string(msg))
		rest = rest[n:]
	}
	if !slices.Equal(got, []string{"<14>next", "<14>after"}) {
		t.Errorf("got %q", got)
	}
}

func TestFinalWhileSkipping(t *testing.T) {
	f := &Framer{Max: 4}
	if msg, cut, n, ok := f.Next([]byte("20 <14>one")); string(msg) != "<14>" || !cut || n != 7 || !ok {
		t.Fatalf("got %q, cut %v, consumed %d, ok %v", msg, cut, n, ok)
	}
	if !f.Pending() {
		t.Error("the rest of the frame is not pending")
	}
	if msg, _, _, ok := f.Final([]byte("one")); ok {
		t.Errorf("Final gave the skipped %q", msg)
	}
}

func TestDatagram(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"plain", "<14>one", []string{"<14>one"}},
		{"LF", "<14>one\n", []string{"<14>one"}},
		{"CR LF", "<14>one\r\n", []string{"<14>one"}},
		{"NUL", "<14>one\x00", []string{"<14>one"}},
		{"LF NUL", "<14>one\n\x00", []string{"<14>one"}},
		{"trailers in front", "\n\x00<14>one", []string{"<14>one"}},
		{"empty", "", []string{""}},
		{"only trailers", "\n\r\x00", []string{""}},
		{"no PRI", "CEF:0|a|b\n", []string{"CEF:0|a|b"}},
		{"several", "<14>one\n<14>two\r\n<140>three\n", []string{"<14>one", "<14>two", "<140>three"}},
		{"empty lines between", "<14>one\n\n\n<14>two", []string{"<14>one", "<14>two"}},
		{"several lines of text", "<14>one\nTraceback:\n  File <stdin>\n", []string{"<14>one\nTraceback:\n  File <stdin>"}},
		{"text and several", "<14>one\n at x\n<14>two\n at y", []string{"<14>one\n at x", "<14>two\n at y"}},
		{"tag in angles", "<14>one\n<a>\n<>\n<1234>\n<12", []string{"<14>one\n<a>\n<>\n<1234>\n<12"}},
		{"XML", "<Event>\n<System>1</System>\n</Event>", []string{"<Event>\n<System>1</System>\n</Event>"}},
		{"count", "7 <14>one", []string{"<14>one"}},
		{"count with LF", "8 <14>one\n", []string{"<14>one"}},
		{"count of more (cut datagram)", "9000 <14>one", []string{"<14>one"}},
		{"count of less", "3 <14>one", []string{"3 <14>one"}},
		{"CSV", "1,2020/10/09 17:43:54,00\n", []string{"1,2020/10/09 17:43:54,00"}},
		{"number", "12 monkeys", []string{"12 monkeys"}},
	} {
		var got []string
		for rest := []byte(c.in); ; {
			var msg []byte
			msg, rest = Datagram(rest)
			got = append(got, string(msg))
			if len(rest) == 0 {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: Datagram(%q) gave %q, want %q", c.name, c.in, got, c.want)
		}
	}
}
