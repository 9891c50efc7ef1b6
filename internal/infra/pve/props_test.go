package pve

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestProps(t *testing.T) {
	cases := []struct {
		in, key string
		want    map[string]string
		out     string
	}{
		{"name=eth0,bridge=vmbr0,ip=10.0.0.5/24", "", map[string]string{"name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.5/24"}, ""},
		{"local:101/vm-101-disk-0.raw,discard=on,size=8G", "file", map[string]string{"file": "local:101/vm-101-disk-0.raw", "discard": "on", "size": "8G"}, ""},
		{"size=8G,local:4", "volume", map[string]string{"size": "8G", "volume": "local:4"}, "local:4,size=8G"},
		{"file=local:4,size=8G", "file", map[string]string{"file": "local:4", "size": "8G"}, "local:4,size=8G"},
		{"none,media=cdrom", "file", map[string]string{"file": "none", "media": "cdrom"}, ""},
		{"1,fstrim_cloned_disks=1", "enabled", map[string]string{"enabled": "1", "fstrim_cloned_disks": "1"}, ""},
		{"user=local:snippets/a.yml,x=a=b", "", map[string]string{"user": "local:snippets/a.yml", "x": "a=b"}, ""},
		{"a=1,,b=2, ,a=3", "", map[string]string{"a": "3", "b": "2"}, "a=3,b=2"},
		{"", "file", map[string]string{}, ""},
	}
	for _, tc := range cases {
		p := ParseProps(tc.in, tc.key)
		if !maps.Equal(p.Map(), tc.want) || p.Len() != len(tc.want) {
			t.Errorf("%q: %v", tc.in, p.Map())
		}
		want := cmp.Or(tc.out, tc.in)
		testkit.Equal(t, tc.in, p.String(), want)
	}
}

func TestPropsAreComparedAsMaps(t *testing.T) {
	a := ParseProps("name=eth0,bridge=vmbr0,firewall=1", "")
	b := ParseProps("firewall=1,name=eth0,bridge=vmbr0", "")
	if !a.Equal(b) || a.String() == b.String() {
		t.Error("the order counts")
	}
	c := a.Clone()
	c.Set("tag", "5")
	c.Delete("name", "firewall")
	if a.Has("tag") || !a.Has("name") || c.String() != "bridge=vmbr0,tag=5" || !slices.Equal(c.Keys(), []string{"bridge", "tag"}) {
		t.Errorf("%v, %v", a, c)
	}
	if n, ok := c.Int("tag"); n != 5 || !ok || !a.Bool("firewall", false) || !a.Bool("unset", true) {
		t.Error("readers")
	}
	var zero Props
	zero.Set("a", "1")
	if zero.String() != "a=1" || !(Props{}).Equal(ParseProps("", "x")) {
		t.Error("zero value")
	}
}

func TestParseNet(t *testing.T) {
	for _, in := range []string{"virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1", "model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0,firewall=1"} {
		p := ParseNet(in)
		if p.Get("model") != "virtio" || p.Get("macaddr") != "BC:24:11:00:00:01" || p.Get("bridge") != "vmbr0" || p.Has("virtio") {
			t.Errorf("%s: %v", in, p.Map())
		}
	}
	if p := ParseNet("virtio,bridge=vmbr0"); p.Default() != "virtio" || p.Has("macaddr") {
		t.Errorf("%v", p.Map())
	}
}

func FuzzProps(f *testing.F) {
	for _, s := range []string{"name=eth0,bridge=vmbr0", "local:4,size=8G", "a=b=c", "=x,a=", "none,media=cdrom", ",,"} {
		f.Add(s, "file")
	}
	f.Fuzz(func(t *testing.T, s, key string) {
		p := ParseProps(s, key)
		if strings.ContainsAny(key, ",= \t\n\v\f\r") || key != strings.TrimSpace(key) {
			return // no such keys
		}
		again := ParseProps(p.String(), key)
		for _, k := range p.Keys() {
			if k != strings.TrimSpace(k) || p.Get(k) != strings.TrimSpace(p.Get(k)) || k == "" {
				return // blanks around "=" are not the grammar's
			}
		}
		if !again.Equal(p) {
			t.Errorf("%q read as %v, written as %q", s, p.Map(), p.String())
		}
	})
}

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
