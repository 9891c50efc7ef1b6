package rules

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// TestTrimForms: keys go with their values, keys without a value and their labels go, and what is
// no key stays.
func TestTrimForms(t *testing.T) {
	keys := pack.Trim{Keys: []string{"vd", "id"}}
	empty := pack.Trim{Empty: true}
	cef := matcher.Form{CEF: true}
	object := matcher.Form{Object: true}
	const head = `CEF:0|A|B|1|2|c|3|`
	for _, c := range []struct {
		trim pack.Trim
		form matcher.Form
		text string
		want string
	}{
		{keys, matcher.Form{}, `a=1 vd="x y" b=2 id=7`, `a=1 b=2`},
		{keys, matcher.Form{}, `vd=x`, ``},
		{keys, matcher.Form{}, `a="vd=x" vd="no end`, `a="vd=x" vd="no end`},
		{keys, matcher.Form{Separator: '|'}, `a=1|vd=x y|b=2|`, `a=1|b=2|`},
		{keys, matcher.Form{Separator: '|'}, `a=1|vd=x y|id=7`, `a=1`},
		{keys, matcher.Form{}, `a=1 vd=x id=7`, `a=1`},
		{keys, cef, head + `a=1 vd=x id=7`, head + `a=1`},
		{keys, object, `{"vd":{"a":[1,"}"]},"b":2}`, `{"b":2}`},
		{keys, cef, head + `a=1 vd=x y b=2`, head + `a=1 b=2`},
		{empty, matcher.Form{}, `a=1 user="" b= c=2 d=`, `a=1 c=2`},
		{empty, matcher.Form{}, `OUT= MAC= SRC=1`, `SRC=1`},
		{empty, matcher.Form{}, `a=1 password= hunter2`, `a=1 password= hunter2`},
		{empty, matcher.Form{}, `a=1, b=, c=2`, `a=1,  c=2`},
		{empty, matcher.Form{}, `said user= and left`, `said user= and left`},
		{empty, matcher.Form{Separator: '|'}, `a=1|b=|c=2|`, `a=1|c=2|`},
		{empty, object, `{"a":"","b":null,"c":0,"d":{"e":""}}`, `{"c":0,"d":{"e":""}}`},
		{empty, object, `{"a":""`, `{"a":""`},
		{empty, cef, head + `fname= src=1 cs1Label=x y cs1= cs2Label=z cs2=w cs3Label=v`, head + `src=1 cs2Label=z cs2=w`},
		{empty, cef, head + `cs1= cs1Label=x`, head},
		{pack.Trim{Spaces: true, Tabs: true}, matcher.Form{}, `a#011b   c  `, "a\tb c"},
		{empty, matcher.Form{}, `password=""x"" a=""`, `password=""x""`},
	} {
		text := []byte(c.text)
		if got := string(NewActor(nil).trim(newTrim(&c.trim), text, nil, c.form)); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

func trimmed(t *trim, text string, f matcher.Form) string {
	return string(NewActor(nil).trim(t, []byte(text), []byte(text), f))
}

func TestTrim(t *testing.T) {
	keys := newTrim(&pack.Trim{Keys: []string{"vd", "logid"}})
	for _, c := range []struct {
		trim       *trim
		form       matcher.Form
		text, want string
	}{
		{keys, matcher.Form{}, `logid="01" a=1 vd=root b=2`, `a=1 b=2`},
		{keys, matcher.Form{}, `<a vd="1"><b>c vd=2</b></a>`, `<a vd="1"><b>c vd=2</b></a>`},
		{keys, matcher.Form{}, `<a xmlns="x" vd="1"><b>c vd=2</`, `<a xmlns="x" vd="1"><b>c vd=2</`}, // cut
		{keys, matcher.Form{}, `<root@pam> a=1 vd=2`, `<root@pam> a=1`},
		{keys, matcher.Form{}, `<?xml?><a>b</a> vd=1 c=2`, `<?xml?><a>b</a> c=2`},
		{keys, matcher.Form{}, `a=1 vd=root`, `a=1`},
		{keys, matcher.Form{}, `vd=root`, ``},
		{keys, matcher.Form{}, `a=1,vd=root,b=2`, `a=1,b=2`},
		{keys, matcher.Form{}, `a="x vd=1 y" vd="a \" b" b=2`, `a="x vd=1 y" b=2`},
		{keys, matcher.Form{}, `a=1 vd="root b=2`, `a=1 vd="root b=2`}, // no end
		{keys, matcher.Form{}, `a=1 vd="" b=2`, `a=1 b=2`},
		{keys, matcher.Form{}, `a=1 vd= b=2`, `a=1 b=2`},
		{keys, matcher.Form{}, `xvd=1 vd.x=2 x-vd=3`, `xvd=1 vd.x=2 x-vd=3`},
		{keys, matcher.Form{Separator: '|'}, `a=1|vd=x y|b=2`, `a=1|b=2`},
		{keys, matcher.Form{Separator: '|'}, `a=1|b=2|vd=x y`, `a=1|b=2`},
		{keys, matcher.Form{Object: true}, `{"vd":1,"a":{"vd":2},"logid":"x,}","b":[1]}`, `{"a":{"vd":2},"b":[1]}`},
		{keys, matcher.Form{Object: true}, `{"a":1,"vd":"x"}`, `{"a":1}`},
		{keys, matcher.Form{Object: true}, `{"vd":"x"}`, `{}`},
		{keys, matcher.Form{Object: true}, `{"vd":"x" , "a" : 1 }`, `{ "a" : 1 }`},
		{keys, matcher.Form{Object: true}, `{"a":1,"vd":"x`, `{"a":1,"vd":"x`}, // cut
		{keys, matcher.Form{Object: true}, `{"a":1} {"vd":2}`, `{"a":1} {"vd":2}`},
		{keys, matcher.Form{CEF: true}, `CEF:0|a|b|1|2|c|3|vd=x y src=1 logid=7 dst=2`, `CEF:0|a|b|1|2|c|3|src=1 dst=2`},
		{keys, matcher.Form{CEF: true}, `CEF:0|a|b|1|2|c|3|src=1 vd=x y`, `CEF:0|a|b|1|2|c|3|src=1`},
		{newTrim(&pack.Trim{Spaces: true}), matcher.Form{}, "a  b   c\t\td   ", "a b c\t\td"},
		{newTrim(&pack.Trim{Tabs: true}), matcher.Form{}, "a#011b#01", "a\tb#01"},
	} {
		if got := trimmed(c.trim, c.text, c.form); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// FuzzTrim: what is left of an object is that object without the keys, and what is left of
// key=value and CEF gives the same values as before.
func FuzzTrim(f *testing.F) {
	f.Add(`{"vd":1,"a":{"vd":2},"logid":"x,}","b":[1]}`, "x y", "z")
	f.Add(`{"a":"\"vd\":1"}`, `a "b" \ c`, "=,;")
	t := newTrim(&pack.Trim{Keys: []string{"vd", "logid"}})
	f.Fuzz(func(tt *testing.T, object, first, second string) {
		var before map[string]any
		if d := json.NewDecoder(strings.NewReader(object)); strings.HasPrefix(object, "{") && json.Valid([]byte(object)) && d.Decode(&before) == nil {
			for key := range before { // only as it is written
				if key != "vd" && key != "logid" && strings.Contains(object, `\u`) {
					return
				}
			}
			got := trimmed(t, object, matcher.Form{Object: true})
			delete(before, "vd")
			delete(before, "logid")
			after := map[string]any{}
			if err := json.Unmarshal([]byte(got), &after); err != nil || !strings.Contains(object, `\`) && !reflect.DeepEqual(before, after) {
				tt.Errorf("%s: %s, %v", object, got, err)
			}
		}
		if strings.ContainsAny(first+second, "\n\r=") {
			return
		}
		quoted := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
		text := "a=" + quoted(first) + " vd=" + quoted(second) + " b=1 logid=2 c=" + quoted(second)
		pairs := body.Pairs{Names: [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("vd")}, Within: 1 << 20}
		was, is := make([][]byte, 4), make([][]byte, 4)
		pairs.Read([]byte(text), was)
		got := []byte(trimmed(t, text, matcher.Form{}))
		pairs.Read(got, is)
		for i := range 3 {
			if !bytes.Equal(was[i], is[i]) {
				tt.Errorf("%s: %s", text, got)
			}
		}
		if is[3] != nil {
			tt.Errorf("%s: %s", text, got)
		}
	})
}
