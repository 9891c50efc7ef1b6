package pve

import (
	"encoding/json"
	"maps"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestInt(t *testing.T) {
	for in, want := range map[string]Int{
		"5": 5, `"5"`: 5, "5.0": 5, "1e+08": 100000000, `"1e+08"`: 100000000, "100000000": 100000000,
		"9007199254740993": 9007199254740993, "true": 1, "false": 0, "null": 0, `""`: 0, "-3": -3, `"-3"`: -3,
	} {
		got := Int(77)
		if err := json.Unmarshal([]byte(in), &got); err != nil || (got != want && in != "null") {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{`"x"`, "1.5", `"1 2"`, "{}", "[1]", "1e99", `"1e400"`, "1e999999999"} {
		var got Int
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s became %d", in, got)
		}
	}
}

func TestConfigIsText(t *testing.T) {
	var c Config
	err := json.Unmarshal([]byte(`{"cores":2,"memory":"2048","cpulimit":"0","swap":512,"big":1e+08,"small":1.5e-1,"share":0.25,
		"onboot":1,"flag":true,"off":false,"none":null,"net0":"name=eth0,bridge=vmbr0","lxc":[["lxc.a", "b c"]],"digest":"abc","description":"a\nb"}`), &c)
	want := Config{
		"cores": "2", "memory": "2048", "cpulimit": "0", "swap": "512", "big": "100000000", "small": "0.15", "share": "0.25",
		"onboot": "1", "flag": "1", "off": "0", "none": "", "net0": "name=eth0,bridge=vmbr0", "lxc": `[["lxc.a","b c"]]`, "digest": "abc", "description": "a\nb",
	}
	if err != nil || !maps.Equal(c, want) {
		t.Errorf("got  %v, %v\nwant %v", c, err, want)
	}
	if n, ok := c.Int("memory"); n != 2048 || !ok || c.Digest() != "abc" || !c.Bool("onboot", false) || !c.Bool("unset", true) || c.Bool("off", true) {
		t.Error("readers")
	}
	if err := json.Unmarshal([]byte(`[]`), &c); err == nil {
		t.Error("a list was taken for a configuration")
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{"a":1e+08}`, `{"a":"1"}`, `{"a":1e-40}`, `{"a":[1,{"b":2}]}`, `{"a":1e999999999}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Config
		if json.Unmarshal(b, &c) != nil {
			return
		}
		again := testkit.Try(json.Marshal(c))(t)
		var d Config
		if err := json.Unmarshal(again, &d); err != nil {
			t.Errorf("%q of %q: %v", again, b, err)
		}
		var r Resource
		_ = json.Unmarshal(b, &r)
	})
}
