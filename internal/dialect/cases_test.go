package dialect_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

// want is the content of testdata/cases/*/*/want.json about the message in the same folder.
type want struct {
	Port  string `json:"port"`
	Class string `json:"class"`
	Host  string `json:"host"`
	// Time is the stamp as written: "2026-03-14 14:28:52.5" without a zone, the same with
	// an offset behind it, or "@seconds". The year 0000 is not written.
	Time     string `json:"time"`
	Body     string `json:"body"` // "": the whole message
	Source   string `json:"source"`
	Unparsed bool   `json:"unparsed"`
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*/*/input")
	if err != nil || len(files) < 125 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(strings.TrimPrefix(dir, "testdata/cases/"), func(t *testing.T) {
			msg, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "want.json"))
			if err != nil {
				t.Fatal(err)
			}
			var w want
			if err := json.Unmarshal(raw, &w); err != nil {
				t.Fatal(err)
			}
			checkCase(t, msg, w)
		})
	}
}

// TestCasesPerFamily checks that each family has enough cases.
func TestCasesPerFamily(t *testing.T) {
	for _, family := range dialect.Names() {
		if family == "auto" { // its forms are those of the families
			continue
		}
		const least = 25
		files, err := filepath.Glob(filepath.Join("testdata/cases", family, "*", "want.json"))
		if err != nil || len(files) < least {
			t.Errorf("%s: %d cases, want %d or more (%v)", family, len(files), least, err)
		}
	}
}

func checkCase(t *testing.T, msg []byte, w want) {
	t.Helper()
	r := parse(t, w.Port, msg)
	got := want{
		Port: w.Port, Class: r.Class.String(), Host: string(r.Host), Time: stampText(r.Stamp),
		Source: string(r.Source), Unparsed: r.Unparsed,
	}
	if string(r.Body) != string(msg) {
		got.Body = string(r.Body)
	}
	if got != w {
		t.Errorf("port %s, message %q\n got %+v\nwant %+v", w.Port, msg, got, w)
	}
	if r.TimeBy == 0 && !r.Stamp.IsZero() || r.HostBy == 0 && len(r.Host) != 0 || r.ClassBy == 0 && !r.Unparsed {
		t.Errorf("no reason: class %s, host %s, time %s", r.ClassBy, r.HostBy, r.TimeBy)
	}
}

func stampText(s syslog.Stamp) string {
	fraction := ""
	if s.Nanos != 0 {
		fraction = strings.TrimRight(fmt.Sprintf(".%09d", s.Nanos), "0")
	}
	switch s.Kind {
	case syslog.NoTime:
		return ""
	case syslog.Unix:
		return "@" + strconv.FormatInt(s.Secs, 10) + fraction
	default: // written below
	}
	text := fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d%s", s.Year, s.Month, s.Day, s.Hour, s.Minute, s.Second, fraction)
	if s.Kind == syslog.Fixed {
		sign, offset := '+', s.Offset
		if offset < 0 {
			sign, offset = '-', -offset
		}
		text += fmt.Sprintf("%c%02d:%02d", sign, offset/3600, offset%3600/60)
	}
	return text
}

// parse reads one message with the parser of a port.
func parse(t testing.TB, port string, msg []byte) dialect.Result {
	t.Helper()
	p, err := dialect.New(port, nil)
	if err != nil {
		t.Fatal(err)
	}
	var h syslog.Header
	var r dialect.Result
	syslog.Scan(msg, &h)
	p.Parse(msg, &h, new(dialect.From), &r)
	return r
}
