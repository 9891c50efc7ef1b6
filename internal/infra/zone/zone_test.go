package zone

import (
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestNames(t *testing.T) {
	for given, want := range map[string]string{
		"Gateway.Example.COM.": "gateway.example.com", `\052.example.com.`: "*.example.com", `a\040b.example.com`: "a b.example.com",
		`bad\9.example.com`: `bad\9.example.com`, `end\05`: `end\05`, "": "", `\777x`: `\777x`,
	} {
		testkit.Equal(t, given, Name(given), want)
	}
	if Within("notexample.com", "example.com") || !Within("a.example.com", "example.com") || !Within("example.com", "example.com") {
		t.Error("Within compares letters, not labels")
	}
}

func TestMarks(t *testing.T) {
	for _, name := range []string{"gateway.example.com", "*.example.com", "example.com"} {
		r := Mark{Owner: "homelab", Types: []string{"A", "AAAA"}}.Record(name)
		got, ok := MarkedName(r.Name)
		testkit.Equal(t, "name of "+r.Name, got, name)
		m, read := ReadMark(r)
		if !ok || !read || m.Owner != "homelab" || !m.Covers("AAAA") || m.Covers("CNAME") {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for _, text := range []string{`"heritage=external-dns,owner=homelab"`, `"v=spf1"`, `""`, "", `"heritage=provision"`, `"heritage=provision,owner="`} {
		if m, ok := ReadMark(Record{Type: "TXT", Values: []string{text}}); ok {
			t.Errorf("%s is read as %+v", text, m)
		}
	}
}

func TestEqual(t *testing.T) {
	a := Record{Name: "x", Type: "AAAA", TTL: 60, Values: []string{"2001:DB8::1", "2001:db8:0::2"}}
	b := Record{Name: "x", Type: "AAAA", TTL: 60, Values: []string{"2001:db8::2", "2001:db8::1"}}
	if !a.Equal(b) {
		t.Error("form and order of addresses count")
	}
	if b.TTL = 61; a.Equal(b) {
		t.Error("the TTL does not count")
	}
}

// FuzzZone: no answer of a server ends the program, and what was unescaped stays.
func FuzzZone(f *testing.F) {
	f.Add(`\052.example.com.`, `"heritage=provision,owner=homelab,types=A"`)
	f.Fuzz(func(t *testing.T, name, text string) {
		if n := Name(name); !strings.Contains(n, `\`) && !strings.HasSuffix(n, ".") && Name(n) != n {
			t.Errorf("%q becomes %q, then %q", name, n, Name(n))
		}
		if m, ok := ReadMark(Record{Type: "TXT", Values: []string{text}}); ok && m.Owner == "" {
			t.Error("a mark without owner")
		}
	})
}
