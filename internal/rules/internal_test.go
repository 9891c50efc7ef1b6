package rules

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/matcher"
)

// hidden returns a text with what a mask finds in brackets.
func hidden(m *mask, text string, f matcher.Form, cut bool) string {
	a := NewActor(nil)
	m.rule = &rule{}
	a.hider.hide(m, []byte(text), f, cut)
	a.hider.order(0)
	var b strings.Builder
	at := 0
	for _, s := range a.hider.spans {
		b.WriteString(text[at:s.from] + string(s.wrap) + "[" + text[s.from:s.to] + "]" + string(s.wrap))
		at = s.to
	}
	return b.String() + text[at:]
}

func TestFindsValuesOfKeys(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`user=alice x`, `user=[alice] x`},
		{`user=alice`, `user=[alice]`},
		{`user=alice, x`, `user=[alice], x`},
		{`user="a b" x`, `user="[a b]" x`},
		{`user="a\"b" x`, `user="[a\"b]" x`},
		{`user="a\\" x`, `user="[a\\]" x`},
		{`user="a""b" x`, `user="[a""b]" x`},
		{`user="" x`, `user="" x`},
		{`user="a b x`, `user="[a b x]`},
		{`user='a b' x`, `user='[a b]' x`},
		{`user=a"b c"d e`, `user=[a"b c"d] e`},
		{`user= action=x`, `user= action=x`},
		{`user = alice x`, `user = [alice] x`},
		{`user: alice x`, `user: [alice] x`},
		{`user => alice x`, `user => [alice] x`},
		{`user=a user=b`, `user=[a] user=[b]`},
		{`srcuser=a user_name=b username=c x-user=d`, `srcuser=a user_name=b username=c x-user=d`},
		{`(user=a) --user=b ,user=c;user=d`, `(user=[a)] --user=[b] ,user=[c;user=d]`},
		{`for user alice`, `for user alice`},
		{`{"user":"alice","x":1}`, `{"user":"[alice]","x":1}`},
		{`{"user" : "a\"b" }`, `{"user" : "[a\"b]" }`},
		{`{"user":12,"x":1}`, `{"user":"[12]","x":1}`},
		{`{"user":null}`, `{"user":"[null]"}`},
		{`{"user":["a","b"],"x":1}`, `{"user":"[["a","b"]]","x":1}`},
		{`{"user":{"n":"a}"},"x":1}`, `{"user":"[{"n":"a}"}]","x":1}`},
		{`{"user":"","x":""}`, `{"user":"","x":""}`},
		{`{"m":"{\"user\":\"alice\",\"x\":1}"}`, `{"m":"{\"user\":\"[alice]\",\"x\":1}"}`},
		{`{"m":"{\"user\":12,\"x\":1}"}`, `{"m":"{\"user\":\"[12]\",\"x\":1}"}`},
		{`{"m":"login user=alice"}`, `{"m":"login user=[alice]"}`},
		{`{"m":"\tuser=alice"}`, `{"m":"\tuser=[alice]"}`},
		{`{"m":"x","user":"ali`, `{"m":"x","user":"[ali]`},
		{`a#011user=alice b`, `a#011user=[alice] b`},
		{`a%20user%3Dalice b`, `a%20user%3D[alice] b`},
		{`%7B%22user%22%3A%22a%20b%22%2C%22x%22%3A1`, `%7B%22user%22%3A%22[a%20b]%22%2C%22x%22%3A1`},
		{`<m>{&quot;user&quot;: &quot;a b&quot;}</m>`, `<m>{&quot;user&quot;: &quot;[a b]&quot;}</m>`},
		{`{\x22user\x22:\x22a\x5C\x22 b\x5C\x5C\x22,\x22x\x22:1}`, `{\x22user\x22:\x22[a\x5C\x22 b\x5C\x5C]\x22,\x22x\x22:1}`},
		{`<m>user=&quot;a b</m>`, `<m>user=&quot;[a b</m>]`},
		{`"{\x22user\x22:\x22a b\x22}"`, `"{\x22user\x22:\x22[a b]\x22}"`},
		{`{"m":"{\\x22user\\x22:\\x22a b\\x22}"}`, `{"m":"{\\x22user\\x22:\\x22[a b]\\x22}"}`},
		{`{"m":"\u0022user\u0022:\u0022a b\u0022"}`, `{"m":"\u0022user\u0022:\u0022[a b]\u0022"}`},
		{`<user>a b</user>`, `<user>[a b]</user>`},
		{`<Data Name="user">a b</Data>`, `<Data Name="user">[a b]</Data>`},
		{`[x@1 user="a\]b" y="z"]`, `[x@1 user="[a\]b]" y="z"]`},
		{`ünuser=a`, `ünuser=a`},
		{`üuser=a`, `üuser=[a]`},
	} {
		form := matcher.Form{Object: c.text[0] == '{'}
		if got := hidden(&mask{kind: maskKey, first: []byte("user")}, c.text, form, false); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		form       matcher.Form
		text, want string
	}{
		{matcher.Form{CEF: true}, `CEF:0|a|b|1|2|c|3|x=y user=a b\=c d src=z`, `CEF:0|a|b|1|2|c|3|x=y user=[a b\=c d] src=z`},
		{matcher.Form{CEF: true}, `CEF:0|a|b|1|2|c|3|user=a b`, `CEF:0|a|b|1|2|c|3|user=[a b]`},
		{matcher.Form{CEF: true}, `CEF:0|a|b|1|2|c|3|user= src=z`, `CEF:0|a|b|1|2|c|3|user= src=z`},
		{matcher.Form{Separator: '|'}, `a=b|user=a b|c=d`, `a=b|user=[a b]|c=d`},
		{matcher.Form{Separator: '\t'}, "a=b\tuser=a b", "a=b\tuser=[a b]"},
	} {
		if got := hidden(&mask{kind: maskKey, first: []byte("user")}, c.text, c.form, false); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestFinds(t *testing.T) {
	for _, c := range []struct {
		kind       maskKind
		text, want string
	}{
		{maskCard, "4111111111111111", "[4111111111111111]"},
		{maskCard, "x4111-1111-1111-1111,", "x[4111-1111-1111-1111],"},
		{maskCard, "378282246310005 6011000990139424", "[378282246310005] [6011000990139424]"},
		{maskCard, "port=443 4111111111111111 17", "port=443 [4111111111111111] 17"},
		{maskCard, "1 4111 1111 1111 1111 2", "1 [4111 1111 1111 1111] 2"},
		{maskCard, "12345678901234567890123 4111111111111111", "12345678901234567890123 [4111111111111111]"},
		{maskCard, "4111111111111111 4111111111111111", "[4111111111111111] [4111111111111111]"},
		{maskCard, "4111111111111112", "4111111111111112"},
		{maskCard, "eventtime=1773498532123456789", "eventtime=1773498532123456789"},
		{maskCard, "2026-03-14 14:28:52", "2026-03-14 14:28:52"},
		{maskEmail, "a@example.com", "[a@example.com]"},
		{maskEmail, "mail=<a.b+c@x-y.example.com>.", "mail=<[a.b+c@x-y.example.com]>."},
		{maskEmail, "a@b, x@, @y.com a@b.", "a@b, x@, @y.com a@b."},
		{maskEmail, "?m=a%40example.com&", "?m=[a%40example.com]&"},
		{maskEmail, "ü@exämple.com", "[ü@exämple.com]"},
		{maskAddress, "192.0.2.7", "[192.0.2.7]"},
		{maskAddress, "inside:10.1.2.3/443 (10.1.2.3:80)", "inside:[10.1.2.3]/443 ([10.1.2.3]:80)"},
		{maskAddress, "1.2.3 1.2.3.256 1.2.3.4.", "1.2.3 1.2.3.256 [1.2.3.4]."},
		{maskAddress, "fe80::1%eth0 [2001:db8::7]:443 ::1", "[fe80::1]%eth0 [[2001:db8::7]]:443 [::1]"},
		{maskAddress, "inside:2001:db8:0:0:0:0:0:7", "inside:[2001:db8:0:0:0:0:0:7]"},
		{maskAddress, "2001:db8:: a 2001:db8::1:443", "[2001:db8::] a [2001:db8::1:443]"},
		{maskAddress, "x 1:2:3:4:5:6:7:8:443", "x [1:2:3:4:5:6:7:8]:443"},
		{maskAddress, "::ffff:192.0.2.7", "[::ffff:192.0.2.7]"},
		{maskAddress, "12:34:56 00:00:5e:00:53:01 std::bad", "12:34:56 00:00:5e:00:53:01 std::bad"},
	} {
		if got := hidden(&mask{kind: c.kind}, c.text, matcher.Form{}, false); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		kind       maskKind
		text, want string
	}{
		{maskCard, "a 4111 1111 11", "a [4111 1111 11]"},
		{maskEmail, "a alice@exa", "a [alice@exa]"},
	} {
		if got := hidden(&mask{kind: c.kind}, c.text, matcher.Form{}, true); got != c.want {
			t.Errorf("cut %s: %s, want %s", c.text, got, c.want)
		}
	}
}

// FuzzAddress compares with net/netip.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"192.0.2.7", "::", "::1", "2001:db8::7", "::ffff:192.0.2.7", "1:2:3:4:5:6:7:8", "1::2::3", "1:2:3:4:5:6:7::", "01.2.3.4", "1:2:3:4:5:6:1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseAddr([]byte(s))
		want, err := netip.ParseAddr(s)
		if want.Zone() != "" || strings.HasPrefix(s, "0") || strings.Contains(s, ".0") {
			return // 01.2.3.4
		}
		if ok != (err == nil) || ok && got != want {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	})
}

// The table of kinds tells what a map of unlimited size would tell, as long as no kind is
// thrown out, and never has more than its bound.
func TestKinds(t *testing.T) {
	const oneIn = 1000
	type seen struct {
		until int64
		left  uint32
	}
	k, all := newKinds(5000), map[uint64]*seen{}
	random := rand.New(rand.NewPCG(1, 2))
	now := int64(0)
	for range 200000 {
		now += int64(random.IntN(3))
		hash := random.Uint64N(4000) * 0x9e3779b97f4a7c15
		before, let := k.take(hash, now, oneIn)
		s := all[hash]
		switch {
		case s == nil:
			all[hash] = &seen{until: now + oneIn}
			if !let || before != 0 {
				t.Fatal("a new kind is left out")
			}
		case now < s.until:
			if s.left++; let {
				t.Fatal("let through too early")
			}
		default:
			if !let || before != s.left {
				t.Fatalf("let %v after %d, want %d", let, before, s.left)
			}
			*s = seen{until: now + oneIn}
		}
	}
	small := newKinds(100)
	for i := range 10000 {
		small.take(uint64(i), int64(i), 1<<40)
		small.take(uint64(i), int64(i), 1<<40)
	}
	if len(small.entries) != 100 || len(small.slots) > 512 {
		t.Errorf("%d entries, %d slots", len(small.entries), len(small.slots))
	}
	for i := 9900; i < 10000; i++ { // the newest ones
		if _, let := small.take(uint64(i), 10000, 1<<40); let {
			t.Fatalf("%d is forgotten", i)
		}
	}
	clock := newKinds(10)
	clock.take(1, 1e15, oneIn)
	if _, let := clock.take(1, 1e12, oneIn); !let {
		t.Error("a clock that was set back leaves out for long")
	}
}

// growth is how much longer a text of 64 KiB takes than one of 8 KiB: about 8 where time grows
// with the size, 64 where it grows with its square. Of the times of a few tries the shortest
// count, because the machine may be busy with other things; it tries no more once the growth is
// at most enough.
func growth(text string, enough float64, do func([]byte)) (ratio float64) {
	small, large := []byte(strings.Repeat(text, (8<<10)/len(text))), []byte(strings.Repeat(text, (64<<10)/len(text)))
	time1, time8 := time.Hour, time.Hour
	took := func(p []byte) time.Duration {
		start := time.Now()
		do(p)
		return max(time.Since(start), 1)
	}
	for try := range 20 {
		time1, time8 = min(time1, took(small)), min(time8, took(large))
		if ratio = float64(time8) / float64(time1); try > 0 && ratio <= enough {
			break
		}
	}
	return ratio
}

// Texts that are made to take long do not: the time grows with the size of a text, and not
// with its square.
func TestHostileTexts(t *testing.T) {
	const enough = 24
	if g := growth("user=", enough, func(p []byte) {
		for i := range p {
			bytes.Count(p[:i], []byte("x"))
		}
	}); g <= enough {
		t.Errorf("control: what grows with the square of the size grows %.0f times", g)
	}
	for _, text := range []string{
		"1:", "::", "1.1.1.1:", "a@", "a%40", "@", "1 ", "1", "4111111111111111 ", `user="`, "user=", "user= a ", `user=\"`, "-user", `\\"`, "user={", "a=b user=", "user=<",
	} {
		for kind := maskKey; kind < maskRegex; kind++ {
			for _, f := range []matcher.Form{{}, {CEF: true}, {Object: true}, {Separator: '|'}} {
				var h hider
				if g := growth(text, enough, func(p []byte) {
					h.spans, h.open = h.spans[:0], open{}
					h.hide(&mask{kind: kind, first: []byte("user"), second: []byte("x"), rule: &rule{}}, p, f, false)
					h.order(0)
				}); g > enough {
					t.Errorf("%q: mask %d grows %.0f times in a text of 8 times the size", text, kind, g)
				}
			}
		}
	}
}
