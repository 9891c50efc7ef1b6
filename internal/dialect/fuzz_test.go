package dialect_test

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

func FuzzUniFi(f *testing.F)    { fuzz(f, "unifi") }
func FuzzPaloAlto(f *testing.F) { fuzz(f, "palo_alto") }
func FuzzCiscoASA(f *testing.F) { fuzz(f, "cisco_asa") }
func FuzzLinux(f *testing.F)    { fuzz(f, "linux") }
func FuzzWindows(f *testing.F)  { fuzz(f, "windows") }
func FuzzAuto(f *testing.F)     { fuzz(f, "auto") }

// fuzz checks what must be true of every message: no panic, a class that exists, views into
// the message or into the Result's copy of it, a host that can be one, and the same answer
// from a Result that was used before.
func fuzz(f *testing.F, port string) {
	files, err := filepath.Glob(filepath.Join("testdata/cases", "*", "*", "input"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	p, err := dialect.New(port, nil)
	if err != nil {
		f.Fatal(err)
	}
	classes := len(dialect.Classes(nil))
	var again dialect.Result
	f.Fuzz(func(t *testing.T, msg []byte) {
		var h syslog.Header
		var r dialect.Result
		syslog.Scan(msg, &h)
		p.Parse(msg, &h, new(dialect.From), &r)
		if int(r.Class) >= classes {
			t.Fatalf("class %d of %d", r.Class, classes)
		}
		if len(r.Body) == 0 && len(msg) != 0 {
			t.Fatalf("empty body of %q", msg)
		}
		for name, view := range map[string][]byte{"host": r.Host, "body": r.Body, "source": r.Source,
			"vendor": r.CEF.Vendor, "product": r.CEF.Product, "signature": r.CEF.Signature} {
			if len(view) != 0 && !inside(view, msg) && !(r.Rejoined && inside(view, r.Whole())) {
				t.Fatalf("%s %q is not in %q", name, view, msg)
			}
		}
		if len(r.Host) != 0 && string(syslog.Host(r.Host)) != string(r.Host) {
			t.Fatalf("host %q of %q", r.Host, msg)
		}
		if len(r.Body) > len(msg) {
			t.Fatalf("body %q is longer than %q", r.Body, msg)
		}
		if (r.Class == dialect.Fallback) != (r.ClassBy == dialect.ByNothing) {
			t.Fatalf("class %s by %s", r.Class, r.ClassBy)
		}
		p.Parse(msg, &h, new(dialect.From), &again)
		if again.Class != r.Class || string(again.Host) != string(r.Host) || again.Stamp != r.Stamp {
			t.Fatalf("parsed twice: %+v and %+v", r, again)
		}
	})
}

// inside reports whether a view is part of a buffer.
func inside(view, buffer []byte) bool {
	from, to := uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(view)))
	return at >= from && at+uintptr(len(view)) <= from+to
}
