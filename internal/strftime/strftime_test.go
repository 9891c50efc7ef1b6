package strftime_test

import (
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/strftime"
	"syslog-gateway/internal/syslog"
)

// instant is the stamp as RFC 3339, or without a zone if it has none.
func instant(t *testing.T, s syslog.Stamp) string {
	t.Helper()
	nanos, ok := syslog.NewClock(time.UTC).Instant(&s, time.Date(2026, 3, 14, 14, 29, 0, 0, time.UTC).UnixNano())
	if !ok {
		t.Fatalf("%+v does not exist", s)
	}
	text := time.Unix(0, nanos).UTC().Format(time.RFC3339Nano)
	if s.Kind == syslog.Local {
		text = strings.TrimSuffix(text, "Z")
	}
	return text
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"%Y-%m-%d %H:%M:%S %z", "2026-03-14 14:28:52 +0100", "2026-03-14T13:28:52Z"},
		{"%Y-%m-%d %H:%M:%S %z", "2026-03-14   14:28:52 -05:30 ", "2026-03-14T19:58:52Z"},
		{"%F %T%z", "2026-03-14 14:28:52Z", "2026-03-14T14:28:52Z"},
		{"%FT%T.%f%z", "2026-03-14T14:28:52.123456789012+01", "2026-03-14T13:28:52.123456789Z"},
		{"%d/%b/%Y:%H:%M:%S %z", "14/Mar/2026:14:28:52 +0000", "2026-03-14T14:28:52Z"},
		{"[%a %b %e %T %Y]", "[Sat Mar  4 14:28:52 2026]", "2026-03-04T14:28:52"},
		{"%A, %d %B %Y %I:%M:%S %p", "saturday, 14 MARCH 2026 02:28:52 PM", "2026-03-14T14:28:52"},
		{"%D %I:%M:%S%p", "03/14/26 12:28:52am", "2026-03-14T00:28:52"},
		{"%D %I:%M:%S%p", "03/14/26 12:28:52PM", "2026-03-14T12:28:52"},
		{"%m/%d/%y %k:%M", "3/4/99  4:05", "1999-03-04T04:05:00"},
		{"%m%d %H%M%S", "0314 142852", "2026-03-14T14:28:52"}, // no year
		{"%Y%m%d%H%M%S", "20260314142852", "2026-03-14T14:28:52"},
		{"%Y-%j %T", "2026-073 14:28:52", "2026-03-14T14:28:52"},
		{"%y%j%H", "2436600", "2024-12-31T00:00:00"},
		{"%F %T %Z", "2026-03-14 14:28:52 CET", "2026-03-14T13:28:52Z"},
		{"%F %T [%Z]", "2026-03-14 14:28:52 [UTC]", "2026-03-14T14:28:52Z"},
		{"%F %T %Z", "2026-03-14 14:28:52 UTC+1", "2026-03-14T13:28:52Z"},
		{"%F %T %Z", "2026-03-14 14:28:52 IST", "2026-03-14T14:28:52"}, // of several countries
		{"%F %T %Z %z", "2026-03-14 14:28:52 CST +0800", "2026-03-14T06:28:52Z"},
		{"%F %T %z %Z", "2026-03-14 14:28:52 +0800 CET", "2026-03-14T06:28:52Z"},
		{"%s", "1773498532", "2026-03-14T14:28:52Z"},
		{"%s.%f", "1773498532.25", "2026-03-14T14:28:52.25Z"},
		{"%H%% %F", "14% 2026-03-14", "2026-03-14T14:00:00"},

		{"%F %T", "2026-03-14 14:28:52 x", ""},
		{"%F %T", "2026-03-14", ""},
		{"%F %T", "2026-03-1414:28:52", ""},
		{"%F %T", "", ""},
		{"%F %T", "26-03-14 14:28:52", ""},
		{"%F %T", "2026-02-30 14:28:52", ""},
		{"%F %T", "2026-13-14 14:28:52", ""},
		{"%F %T", "2026-03-14 24:28:52", ""},
		{"%F %T", "0000-03-14 14:28:52", ""},
		{"%F %T.%f", "2026-03-14 14:28:52.", ""},
		{"%F %T %z", "2026-03-14 14:28:52 CET", ""},
		{"%F %T %z", "2026-03-14 14:28:52 +9900", ""},
		{"%F %T %Z", "2026-03-14 14:28:52 fw-a", ""},
		{"%F %T %Z", "2026-03-14 14:28:52 FWA", ""},
		{"%b %d %T", "Mxx 14 14:28:52", ""},
		{"%b %d %T", "Marc 14 14:28:52", ""},
		{"%y-%m-%d %T", "6-03-14 14:28:52", ""},
		{"%F %I:%M %p", "2026-03-14 14:28 PM", ""},
		{"%F %I:%M %p", "2026-03-14 02:28 XM", ""},
		{"%Y-%j %H", "2026-366 14", ""},
		{"%Y-%j %H", "2026-000 14", ""},
		{"%s", "177349853212", ""},
		{"%s", "x", ""},
		{"%a %F %T", "Xyz 2026-03-14 14:28:52", ""},
	} {
		l, err := strftime.Compile(c.format)
		if err != nil {
			t.Errorf("%s: %v", c.format, err)
			continue
		}
		stamp, ok := l.Parse([]byte(c.text))
		got := ""
		if ok {
			got = instant(t, stamp)
		}
		if got != c.want {
			t.Errorf("%q by %q: %q, want %q", c.text, c.format, got, c.want)
		}
	}
}

func TestCompile(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{"", "the format has no month: add %m or %b"},
		{"%Y-%m-%d %H:%M:%", "a % is the last character; a percent sign is %%"},
		{"%F %T.%L", "%L is not a directive here: write %f"},
		{"%F %T.%3N", `"%3" is not a directive; there are %Y %y %m %b %B %d %e %j %a %A %H %k %I %p %M %S %f %z %Z %s %% %T %F %D`},
		{"%F %R", "%R is not a directive here: write %H:%M"},
		{"%F %H %T", "%H is there twice"},
		{"%F %H %k", "two directives say the same: one year, one month, one day and one hour are enough"},
		{"%j %T", "%j needs the year: add %Y"},
		{"%d %T", "the format has no month: add %m or %b"},
		{"%m %T", "the format has no day: add %d or %e"},
		{"%F", "the format has no hour: add %H"},
		{"%F %I:%M", "%I needs %p; the hour of 24 is %H"},
		{"%s %H", "%s is a whole time: only %f can stand beside it"},
		{strings.Repeat("x", 129), "the format has 129 bytes, at most 128 are allowed"},
	} {
		if _, err := strftime.Compile(c.format); err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.format, err, c.want)
		}
	}
}

// TestDirectives: every directive is known to Compile, and says what it is.
func TestDirectives(t *testing.T) {
	all := strftime.Directives()
	for _, d := range all {
		_, err := strftime.Compile("%" + string(d.Letter))
		if err != nil && strings.Contains(err.Error(), "is not a directive") || d.About == "" {
			t.Errorf("%%%c: %v", d.Letter, err)
		}
	}
	if len(all) != 24 {
		t.Errorf("%d directives", len(all))
	}
}

// TestAllocations: to read a time does not allocate.
func TestAllocations(t *testing.T) {
	for format, text := range map[string]string{"%d/%b/%Y:%T %z": "14/Mar/2026:14:28:52 +0000", "%y%j%H%M %Z": "260731428 CEST"} {
		l, err := strftime.Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		p := []byte(text)
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := l.Parse(p); !ok {
				t.Error("not read")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("%d/%b/%Y:%T %z", "14/Mar/2026:14:28:52 +0000")
	f.Add("%y%j%H%M%I%p %Z", "260731428 CEST")
	f.Add("%s.%f", "1773498532.25")
	f.Fuzz(func(t *testing.T, format, text string) {
		l, err := strftime.Compile(format)
		if err != nil {
			return
		}
		if stamp, ok := l.Parse([]byte(text)); ok && !stamp.Exists() {
			t.Errorf("%q by %q: %+v does not exist", text, format, stamp)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	l, err := strftime.Compile("%Y-%m-%d %H:%M:%S %z")
	if err != nil {
		b.Fatal(err)
	}
	p := []byte("2026-03-14 14:28:52 +0000")
	b.ReportAllocs()
	for b.Loop() {
		l.Parse(p)
	}
}
