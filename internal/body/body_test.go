package body

import (
	"strings"
	"testing"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		text      string
		separator byte
		want      string // of a, bb, c-d
	}{
		{`a=1 bb=2 c-d=3`, 0, "1|2|3"},
		{`xa=9 a=1`, 0, "1|-|-"},
		{`a="one two" bb="q\"x" c-d=`, 0, `one two|q\"x|`},
		{`a=1,bb=2;c-d=3`, 0, "1|2|3"},
		{`a=x,y;z bb=2`, 0, "x,y;z|2|-"},
		{`a=1, bb=2; c-d=3,`, 0, "1|2|3"},
		{"a=1\tbb=2", 0, "1|2|-"},
		{`a=1|bb=two words|c-d=3`, '|', "1|two words|3"},
		{`a=1 a=2`, 0, "1|-|-"},
		{`x="a=inside" a=outside`, 0, "outside|-|-"},
		{`a="never closed`, 0, "never closed|-|-"},
		{`===`, 0, "-|-|-"},
		{``, 0, "-|-|-"},
		{strings.Repeat("x", 250) + ` a=1 bb=2`, 0, "1|-|-"}, // bb begins behind Within
	} {
		p := Pairs{Names: [][]byte{[]byte("a"), []byte("bb"), []byte("c-d")}, Separator: c.separator, Within: 256}
		values := make([][]byte, 3)
		p.Read([]byte(c.text), values)
		var got []string
		for _, v := range values {
			if v == nil {
				got = append(got, "-")
			} else {
				got = append(got, string(v))
			}
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%q: %q, want %q", c.text, s, c.want)
		}
	}
}

func TestJSONPath(t *testing.T) {
	for _, c := range []struct{ text, path, want string }{
		{`{"a":"x","b":2}`, "b", "2"},
		{`@cee: {"a" : "x" , "b" : {"c":[1,{"b":3}],"d":"y"}}`, "b.d", "y"},
		{`{"a":{"b":1},"b":2}`, "b", "2"},
		{`{"a":"b\":1","b":true}`, "b", "true"},
		{`{"a":"esc\"aped"}`, "a", ""},
		{`{"a":[{"b":1}]}`, "a.b", ""},
		{`{"a":{"b":1}}`, "a.b.c", ""},
		{`{"a":`, "a", ""},
		{`{"a"`, "a", ""},
		{`{"`, "a", ""},
		{`text`, "a", ""},
		{`{"x":[[[[`, "a", ""},
	} {
		if got := string(JSONPath([]byte(c.text), strings.Split(c.path, "."))); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.path, c.text, got, c.want)
		}
	}
}

func TestExtensionText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"rt=Mar 14 2026 14:28:52 UTC dvc=1", "Mar 14 2026 14:28:52 UTC"},
		{"x=y rt=a b", "a b"},
		{"rt= dvc=1", ""},
		{`rt=a\=b c=d`, `a\=b`},
		{"x=y", ""},
		{"", ""},
	} {
		if got := string(ExtensionText([]byte(c.text), []byte(" rt="))); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"x"}} a=1 bb="y" rt=z`))
	p := Pairs{Names: [][]byte{[]byte("a"), []byte("bb")}, Within: 256}
	f.Fuzz(func(t *testing.T, text []byte) {
		values := make([][]byte, 2)
		p.Read(text, values)
		JSONPath(text, []string{"a", "b"})
		ExtensionText(text, []byte(" rt="))
		ParseCEF(text)
		if out := AppendJSON(nil, text, 0); len(out) > 8*len(text)+8 {
			t.Fatalf("%d bytes of %d", len(out), len(text))
		}
	})
}
