package body

import "testing"

func TestPairs(t *testing.T) {
	for _, c := range []struct{ text, key, want string }{
		{`type=event level=notice`, "type", "event"},
		{`type="a b" level=notice`, "type", "a b"},
		{`date=2026-03-14,time=14:28:52,type=spam,pri=notice`, "type", "spam"},
		{`date=2026-03-14,time=14:28:52,type=spam,pri=notice`, "pri", "notice"},
		{`subject=a,b;c level=notice`, "subject", "a,b;c"},
		{`user=alice, host=w1`, "user", "alice"},
		{`type=`, "type", ""},
	} {
		k, got := Pairs{Names: [][]byte{[]byte(c.key)}, Within: 256}, make([][]byte, 1)
		k.Read([]byte(c.text), got)
		if got[0] == nil || string(got[0]) != c.want {
			t.Errorf("%s of %s is %q, want %q", c.key, c.text, got[0], c.want)
		}
	}
}
