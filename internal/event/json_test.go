package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// agrees checks that an appended string decodes like the one of encoding/json.
func agrees(t *testing.T, s []byte) {
	t.Helper()
	ours := append(AppendString([]byte{'"'}, s), '"')
	theirs, err := json.Marshal(string(s))
	if err != nil {
		t.Fatal(err)
	}
	var got, want string
	if err := json.Unmarshal(ours, &got); err != nil {
		t.Fatalf("%q became invalid JSON %q: %v", s, ours, err)
	}
	if err := json.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("%q is read back as %q, want %q", s, got, want)
	}
	if bytes.IndexByte(ours, '\n') >= 0 {
		t.Fatalf("%q holds a raw LF: %q", s, ours)
	}
	for _, behind := range []string{"", "\"", strings.Repeat("x", 31), strings.Repeat("\t\xff", 20)} { // none of it counts
		whole := append(bytes.Clone(s), behind...)
		if again := append(AppendString([]byte{'"'}, whole[:len(s):len(whole)]), '"'); !bytes.Equal(again, ours) {
			t.Fatalf("%q before %q became %q", s, behind, again)
		}
	}
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{
		"", "plain", `quote " and \ backslash`, "tab\tlf\ncr\rnul\x00esc\x1b del\x7f",
		"äöü €", "\xff\xfe", "cut rune \xe2\x82", "surrogate \xed\xa0\x80", "\u2028\u2029", "ok \xc3\xa4 bad \xc3(",
		"12345678", "1234567\"", "\"2345678", "1234567\x80", "\U0001f600 smile",
	} {
		agrees(t, []byte(s))
	}
	agrees(t, bytes.Repeat([]byte("\t"), 200))
	agrees(t, bytes.Repeat([]byte(`"a string","another"`), 40))
	for c := range 256 { // every byte at every position of a word
		for i := range 9 {
			s := []byte("abcdefghi")
			s[i] = byte(c)
			agrees(t, s)
		}
	}
}

// TestBlocks: each special byte at each position of a long text, at each length around those of
// the blocks; nothing is written behind the text's own room.
func TestBlocks(t *testing.T) {
	text := bytes.Repeat([]byte("The quick brown fox, 0123456789. "), 5)
	for n := range 140 {
		room := make([]byte, n, n+40)
		behind := room[n : n+40]
		for i := range behind {
			behind[i] = 0xa5
		}
		if got := AppendString(room[:0], text[:n]); !bytes.Equal(got, text[:n]) {
			t.Fatalf("%d bytes: %q", n, got)
		}
		testkit.Equal(t, "bytes behind the text", string(behind), strings.Repeat("\xa5", 40))
		for i := range n {
			for _, c := range []byte{'"', '\\', '\t', 0, 0x1f, 0x7f, 0x80, 0xff} {
				s := bytes.Clone(text[:n])
				s[i] = c
				if got, want := AppendString(nil, s), appendSlowly(s); !bytes.Equal(got, want) {
					t.Fatalf("%q at %d of %d: %q, want %q", c, i, n, got, want)
				}
			}
		}
	}
}

// appendSlowly is AppendString for text in which at most one byte is special.
func appendSlowly(s []byte) (dst []byte) {
	for _, c := range s {
		switch {
		case c >= 0x80:
			dst = append(dst, "\ufffd"...)
		case c < 0x20 || c == '"' || c == '\\':
			dst = appendEscaped(dst, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func TestAppendStringRandom(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	alphabet := []byte("abc \"\\\n\t\x00\x1f\x7f\x80\xbf\xc3\xa4\xe2\x82\xac\xed\xa0\xf0\x9f\x98\x80\xff")
	for range 50_000 {
		s := make([]byte, r.Intn(100))
		for i := range s {
			s[i] = alphabet[r.Intn(len(alphabet))]
		}
		agrees(t, s)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add([]byte("text \xff\n\""))
	f.Fuzz(agrees)
}

func TestAppendTime(t *testing.T) {
	for _, c := range []struct {
		nanos int64
		want  string
	}{
		{0, "0"}, {-5, "0"}, {1, "0.000000001"}, {1_500_000_000, "1.5"},
		{1_710_426_532_123_456_000, "1710426532.123456"},
		{1_710_426_532_000_000_000, "1710426532"},
		{1_710_426_532_999_999_999, "1710426532.999999999"},
	} {
		if got := string(AppendTime(nil, c.nanos)); got != c.want {
			t.Errorf("AppendTime(%d) = %q, want %q", c.nanos, got, c.want)
		}
	}
}

func FuzzAppendTime(f *testing.F) {
	f.Add(int64(1))
	f.Fuzz(func(t *testing.T, nanos int64) {
		got := AppendTime(nil, nanos)
		if !json.Valid(got) {
			t.Fatalf("AppendTime(%d) = %q is no JSON number", nanos, got)
		}
		nanos = max(nanos, 0)
		want := fmt.Sprintf("%d.%09d", nanos/1e9, nanos%1e9)
		a, _ := strconv.ParseFloat(string(got), 64)
		b, _ := strconv.ParseFloat(want, 64)
		if a != b {
			t.Fatalf("AppendTime(%d) = %q, want %s", nanos, got, want)
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"clean":   "Built outbound TCP connection 110577675 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.1.2.3/51515 (203.0.113.4/51515) duration 0:00:30 bytes 4711 TCP FINs from inside",
		"escapes": "MSWinEventLog\t1\tSecurity\t1377326\tFri Jan 28 13:33:30 2022\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\t\"Success\" Audit\t\xff",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s)))
			in := []byte(s)
			dst := make([]byte, 0, 1024)
			for b.Loop() {
				dst = AppendString(dst[:0], in)
			}
		})
	}
}
