package rules

import (
	"testing"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// TestTrim: keys go with their values, keys without a value and their labels go, and what is
// no key stays.
func TestTrim(t *testing.T) {
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
