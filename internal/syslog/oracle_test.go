package syslog

import (
	"bytes"
	"fmt"
	"math/rand"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	oracle "github.com/influxdata/go-syslog/v3"
	"github.com/influxdata/go-syslog/v3/rfc3164"
	"github.com/influxdata/go-syslog/v3/rfc5424"
)

// reading is what a parser found in a message.
type reading struct {
	Priority int
	Stamp    string // as describe writes it
	Host     string
	App      string
	ProcID   string
	MsgID    string
	SD       string // as elements writes it
	Message  string
}

var (
	otherVersion = regexp.MustCompile(`^<\d+>([2-9]|\d\d+) `)
	skipped      = regexp.MustCompile(`^( |: )`)
	onlyTag      = regexp.MustCompile(`^[^ ]+(: ?|\])$`)
	yearOrOffset = regexp.MustCompile(`^(\d{4}|[+-]\d+)$`)
	plainName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9@_-]*(\.[A-Za-z0-9@_-]+)*$`)
	letters      = regexp.MustCompile(`[A-Za-z]`)
)

// differences are the intended differences between Scan and go-syslog, in the order of the
// checks. Each must occur in the generated messages.
var differences = []struct {
	reason string
	is     func(in string, ours, theirs reading) bool
}{
	{
		"another version than 1 is not RFC 5424 for Scan",
		func(in string, _, _ reading) bool { return otherVersion.MatchString(in) },
	},
	{
		"year 0 is no year for Scan: no time",
		func(_ string, _, theirs reading) bool {
			return theirs.Stamp != "" && strings.Contains(theirs.Stamp, "0000-")
		},
	},
	{
		"go-syslog keeps the BOM in front of MSG, RFC 5424 section 6.4 says what it is for",
		func(_ string, ours, theirs reading) bool {
			theirs.Message, _ = strings.CutPrefix(theirs.Message, "\xef\xbb\xbf")
			return ours == theirs
		},
	},
	{
		"Scan skips blanks, and the lone colon of Cisco devices, where go-syslog begins the text",
		func(_ string, ours, theirs reading) bool {
			return ours.Stamp == theirs.Stamp && ours.Host == theirs.Host && theirs.App == "" && skipped.MatchString(theirs.Message)
		},
	},
	{
		"go-syslog takes any word behind the time for the host: also tags, numbers, zones, years, CSV, severity words",
		func(_ string, ours, theirs reading) bool {
			w, _, _ := strings.Cut(theirs.Host, ":")
			partOfTime := zoneKindOf(w) != zoneUnknown || yearOrOffset.MatchString(w)
			return (partOfTime || ours.Stamp == theirs.Stamp) && ours.Host != theirs.Host && !mustBeHost(theirs.Host)
		},
	},
	{
		"go-syslog finds the tag of `app:text` but leaves it in the text; Scan takes all of it for text, but of `app:[text`",
		func(_ string, ours, theirs reading) bool {
			return ours.Host == theirs.Host && (ours.App == "" && ours.Message == theirs.Message || strings.HasPrefix(ours.Message, "[") && strings.HasSuffix(theirs.Message, ":"+ours.Message))
		},
	},
	{
		"where a bracket behind the tag does not end in `]: `, go-syslog begins the text inside of it",
		func(in string, _, theirs reading) bool {
			return strings.HasSuffix(in, "["+theirs.Message)
		},
	},
	{
		"go-syslog wants text behind the tag and else leaves the tag in the text",
		func(_ string, ours, theirs reading) bool {
			return ours.Message == "" && onlyTag.MatchString(theirs.Message)
		},
	},
	{
		"Scan takes a tag for text if it has characters that only text has",
		func(_ string, ours, theirs reading) bool {
			return ours.App == "" && strings.ContainsAny(theirs.App, `]{}"'=,;|<>%?*`)
		},
	},
	{
		"Scan ends a process ID at the first bracket and takes one with blanks for text; go-syslog looks for a later one in the text",
		func(in string, ours, theirs reading) bool {
			return strings.ContainsAny(theirs.ProcID, " []") || strings.Contains(in, ours.App+"[]") || strings.HasPrefix(theirs.Message, theirs.ProcID+"]")
		},
	},
	{
		"go-syslog knows no tag of more than 32 characters, and none without a colon",
		func(_ string, ours, theirs reading) bool {
			return theirs.App == "" && (len(ours.App) > 32 || ours.ProcID != "") && strings.HasSuffix(theirs.Message, ours.Message)
		},
	},
}

// mustBeHost reports whether a word behind the time is certainly a host name.
func mustBeHost(w string) bool {
	if a, err := netip.ParseAddr(w); err == nil && !strings.Contains(w, "%") && !a.IsUnspecified() {
		return true
	}
	return plainName.MatchString(w) && letters.MatchString(w) &&
		!isLogLevel([]byte(w)) && zoneKindOf(w) == zoneUnknown
}

func zoneKindOf(w string) zoneKind {
	_, kind := zoneOf([]byte(w))
	return kind
}

func TestAgainstOracle(t *testing.T) {
	const seed, rounds = 7, 30_000
	r := rand.New(rand.NewSource(seed))
	ietf := rfc5424.NewMachine(rfc5424.WithBestEffort())
	bsd := rfc3164.NewMachine(rfc3164.WithBestEffort(), rfc3164.WithRFC3339())
	agreed := map[string]int{}
	excused := make([]int, len(differences))
	for range rounds {
		kind, machine, in := "RFC 5424", ietf, random5424(r)
		if r.Intn(2) == 0 {
			kind, machine, in = "RFC 3164", bsd, random3164(r)
		}
		if r.Intn(3) == 0 {
			in = string(mutate(r, []byte(in)))
		}
		theirs, clean := consult(machine, in)
		if !clean {
			continue
		}
		ours := read(in)
		if ours == theirs {
			agreed[kind]++
			continue
		}
		d := difference(in, ours, theirs)
		if d < 0 {
			t.Fatalf("seed %d, %s: %q\nScan      %+v\ngo-syslog %+v", seed, kind, in, ours, theirs)
		}
		excused[d]++
	}
	for _, kind := range []string{"RFC 5424", "RFC 3164"} {
		if agreed[kind] < rounds/8 {
			t.Errorf("%s: only %d messages to agree on", kind, agreed[kind])
		}
	}
	for i, n := range excused {
		if n == 0 {
			t.Errorf("this difference never turned up: %s", differences[i].reason)
		}
	}
	t.Logf("agreed on %v; differences %v", agreed, excused)
}

// difference returns the index of the intended difference that explains why two readings
// differ, or -1.
func difference(in string, ours, theirs reading) int {
	if ours.Priority != theirs.Priority {
		return -1
	}
	for i, d := range differences {
		if d.is(in, ours, theirs) {
			return i
		}
	}
	return -1
}

func read(in string) reading {
	var h Header
	Scan([]byte(in), &h)
	return reading{
		Priority: h.Priority, Stamp: describe(h.Stamp), Host: string(h.Hostname), App: string(h.AppName),
		ProcID: string(h.ProcID), MsgID: string(h.MsgID), SD: elements(h.StructuredData), Message: string(h.Content),
	}
}

// consult parses a message with go-syslog. clean says that it returned a message and no
// error. For some input of RFC 3164 it returns neither.
func consult(m oracle.Machine, in string) (out reading, clean bool) {
	msg, err := m.Parse([]byte(in))
	if err != nil || msg == nil {
		return out, false
	}
	var base *oracle.Base
	ietf := false
	switch msg := msg.(type) {
	case *rfc5424.SyslogMessage:
		base, ietf = &msg.Base, true
		if msg.StructuredData != nil {
			out.SD = fmt.Sprint(*msg.StructuredData)
		}
	case *rfc3164.SyslogMessage:
		base = &msg.Base
		if base.Message == nil {
			return out, false
		}
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	out.Priority, out.Host, out.App = int(*base.Priority), text(base.Hostname), text(base.Appname)
	out.ProcID, out.MsgID, out.Message = text(base.ProcID), text(base.MsgID), text(base.Message)
	if base.Timestamp != nil {
		at := *base.Timestamp
		s := Stamp{
			Kind: Local, Month: int8(at.Month()), Day: int8(at.Day()), Hour: int8(at.Hour()), Minute: int8(at.Minute()),
			Second: int8(at.Second()), Year: int16(at.Year()), Nanos: int32(at.Nanosecond()),
		}
		if rfc3339 := strings.Contains(in[:min(len(in), 20)], "T"+at.Format("15:")); ietf || rfc3339 {
			_, offset := at.Zone()
			s.Kind, s.Offset = Fixed, int32(offset)
		}
		out.Stamp = describe(s)
		if s.Year == 0 && s.Kind == Fixed {
			out.Stamp = "0000-" + out.Stamp
		}
	}
	return out, true
}

// elements decodes structured data, which Scan does not, and formats it as fmt formats the
// maps of go-syslog.
func elements(sd []byte) string {
	if len(sd) == 0 {
		return ""
	}
	all := map[string]map[string]string{}
	for len(sd) > 0 {
		n := element(sd)
		e := string(sd[1 : n-1])
		sd = sd[n:]
		id, rest, _ := strings.Cut(e, " ")
		params := map[string]string{}
		for rest != "" {
			name, value, _ := strings.Cut(rest, `="`)
			var b strings.Builder
			i := 0
			for ; value[i] != '"'; i++ {
				if value[i] == '\\' {
					i++
				}
				b.WriteByte(value[i])
			}
			params[name] = b.String()
			rest = strings.TrimPrefix(value[i+1:], " ")
		}
		all[id] = params
	}
	return fmt.Sprint(all)
}

func pick(r *rand.Rand, choices ...string) string { return choices[r.Intn(len(choices))] }

// random5424 returns a message of the grammar in RFC 5424 section 6.
func random5424(r *rand.Rand) string {
	version := "1"
	if r.Intn(50) == 0 {
		version = pick(r, "2", "10")
	}
	at := time.Date(r.Intn(9999)+1, time.Month(1+r.Intn(12)), 1+r.Intn(28), r.Intn(24), r.Intn(60), r.Intn(60), 0, time.UTC)
	if r.Intn(4) != 0 {
		at = time.Date(2026, 3, 14, r.Intn(24), r.Intn(60), r.Intn(60), 0, time.UTC)
	}
	stamp := at.Format("2006-01-02T15:04:05")
	if r.Intn(100) == 0 {
		stamp = "0000" + stamp[4:]
	}
	if r.Intn(2) == 0 {
		stamp += "." + fmt.Sprintf("%06d", r.Intn(1e6))[:1+r.Intn(6)]
	}
	stamp += pick(r, "Z", "+00:00", "-07:00", "+05:30", "-00:00", "+14:00")
	return fmt.Sprintf("<%d>%s %s %s %s %s %s %s%s", r.Intn(192), version,
		pick(r, stamp, stamp, stamp, "-"),
		pick(r, "-", "web1", "my.example.com", "192.0.2.1", "2001:db8::7", "host/ctx", "A", "[::1]"),
		pick(r, "-", "app", "su", "app/7", "%%", "a:", "[x]", "evnts-log_2"),
		pick(r, "-", "7", "8710", "[7]", "a-b", "1.2"),
		pick(r, "-", "ID47", "tcp", "[", "x:"),
		pick(r, "-", "-", randomSD(r)),
		pick(r, "", " ", " text", " text: more [a b=\"c\"]", "  two blanks", " \xef\xbb\xbfgrün", " tab\tLF\nend\n", " -", " \xff\xfe"),
	)
}

func randomSD(r *rand.Rand) string {
	var b bytes.Buffer
	for i := range 1 + r.Intn(3) {
		fmt.Fprintf(&b, "[%s%d", pick(r, "ex@32473", "meta", "timeQuality", "x"), i)
		for range r.Intn(4) {
			fmt.Fprintf(&b, ` %s="%s"`, pick(r, "a", "iut", "eventSource", "x.y"),
				pick(r, "", "3", "two words", `q \"quoted\"`, `\\`, `a\]b`, "a [b c", "grün", "[x]", "' = '"))
		}
		b.WriteByte(']')
	}
	return b.String()
}

// random3164 returns a message of RFC 3164 section 4, or one with a time of RFC 3339, or one
// that only looks like these.
func random3164(r *rand.Rand) string {
	at := time.Date(2024, time.Month(1+r.Intn(12)), 1+r.Intn(31), r.Intn(24), r.Intn(60), r.Intn(60), 0, time.UTC)
	stamp := at.Format(time.Stamp)
	if r.Intn(5) == 0 {
		stamp = at.Format("2006-01-02T15:04:05") + pick(r, "Z", "+01:00", "-03:30")
	}
	host := pick(r, "web1", "web1", "my.example.com", "192.0.2.1", "2001:db8::7", "::1", "a_b-c", "x@y", "-", "10", "R2D2")
	if r.Intn(8) == 0 {
		host = pick(r, "app:", "sshd[7]:", "2026", "CEST", "IST", "1,2026/03/14", "a=b", "<x>", "--", "INFO", "12:30:01", "a/b")
	}
	tag := pick(r, "app", "app", "sshd", "a/b", "sshd(pam_unix)", "my-app_1.2", "-", "kernel", "7", strings.Repeat("x", 33))
	if r.Intn(8) == 0 {
		tag = pick(r, "a=b", "%ASA-6-302013", "CEF", "{x}", "a,b", "")
	}
	return fmt.Sprintf("<%d>%s %s %s%s%s%s%s", r.Intn(192), stamp, host,
		pick(r, "", "", "", "", "", "", "", "", " ", ": "), tag,
		pick(r, "", "", "", "[7]", "[12345]", "[7]", "[main]", pick(r, "[a b]", "[]", "[-]")),
		pick(r, ": ", ": ", ": ", ": ", ": ", ": ", pick(r, ":", " ", "")),
		pick(r, "text", "text: more", " blank", "user \"x\" [7]: y", "a=b", "caf\xe9", "-", "x"),
	)
}
