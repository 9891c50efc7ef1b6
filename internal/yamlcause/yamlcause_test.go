package yamlcause

import (
	"errors"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/testkit"
)

// The line is that of the mistake, and the cause is named.
func TestOf(t *testing.T) {
	f := func(text string, line int, cause string) {
		t.Helper()
		var err error
		for documents := yaml.NewDecoder(strings.NewReader(text)); err == nil; {
			err = documents.Decode(new(yaml.Node))
		}
		if errors.Is(err, io.EOF) {
			t.Fatalf("%q is valid", text)
		}
		p := Of(err, []byte(text))
		testkit.Equal(t, "line of "+text+": "+p.Text, p.Line, line)
		testkit.Holds(t, "cause of "+text, p.Text, cause)
	}
	const tab, indent, colon = "begins with a tab", "not indented as the other keys", "with a blank after the colon"
	f("hec:\n\tendpoints: [a]\n", 2, tab)
	f("hec:\n  a: b\n\tc: d\n", 3, tab)
	f("hec:\n  a: b\n  \tc: d\nx: 1\n", 3, tab)
	f("# x\n\na:\n  b: 1\n\n c: 2\nd: 1\n", 6, indent)
	f("a: b\n c: d\n", 2, indent)
	f("#\n#\nq:\n  a: 1\n   b: 2\n", 5, indent)
	f("x: 1\na: [\n", 2, "bracket")
	f("a: [1,\n2\nb: 3\n", 1, "bracket")
	f("a: [1,\n2]\nb: {c: 3\nd: 4\n", 3, "bracket")
	f("q: 1\na: 'x\nb: 1\n", 2, "quotation mark")
	f("q: 1\na: \"x\nb: 1\nc: 2\n", 2, "quotation mark")
	f("q: 1\na: b: c\n", 2, "in quotes")
	f("a:1\nb: 2\n", 1, colon)
	f("x: 1\na:1\nb: 2\n", 2, colon)
	f("x: 1\na: @x\n", 2, "begins with @")
	f("x: 1\na: \"\\q\"\n", 2, `write \\`)
	f("k:\n  - a\n  b: 1\n", 3, indent)
	f("a: 1\n---\nb:\n\tc: 1\n", 4, tab)
	f("a: 1\r\nb:\r\n\tc: 1\r\n", 3, tab)
}

// Nothing of the text is shown, and a large one is not parsed again and again.
func TestOfShowsNothing(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{"a: '" + secret + "\n", "a:\n\t" + secret + ": 1\n", "a: [" + secret + "\nb: 1\n", secret + "\nb: 1\n"} {
		p := Of(yaml.Unmarshal([]byte(text), new(yaml.Node)), []byte(text))
		testkit.Lacks(t, "text", p.Text, secret)
	}
	large := strings.Repeat("a: 1\n", maxParsed/1000) + "\tb: 1\n"
	if p := Of(yaml.Unmarshal([]byte(large), new(yaml.Node)), []byte(large)); p.Line == 0 {
		t.Errorf("%+v", p)
	}
}

func TestUnique(t *testing.T) {
	var n yaml.Node
	testkit.Must(t, yaml.Unmarshal([]byte("x:\n  a: 1\n  b: 2\n  a: 3\ny: 1\ny: 2\nz: [{q: 1, q: 2}]\n"), &n))
	got := Unique(&n)
	testkit.Equal(t, "duplicates", len(got), 3)
	testkit.Equal(t, "line", got[0].Line, 4)
	testkit.Equal(t, "keys that are left", len(n.Content[0].Content)/2, 3)
	testkit.Holds(t, "text", got[0].Text, `"a" already defined at line 2`)
}

func FuzzOf(f *testing.F) {
	f.Add("a: [\nb: 1")
	f.Add("a:\n\tb: \"")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		if err := yaml.Unmarshal([]byte(text), new(yaml.Node)); err != nil {
			if p := Of(err, []byte(text)); p.Line > strings.Count(text, "\n")+1 {
				t.Errorf("line %d of %q", p.Line, text)
			}
		}
	})
}
