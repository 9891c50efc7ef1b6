package schema

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// smallSchema has the shape of apidoc.json, with a made-up method.
const smallSchema = `[{"path":"/pools","children":[],"info":{
 "POST":{"parameters":{"additionalProperties":0,"properties":{
  "poolid":{"type":"string","maxLength":"4"},
  "comment":{"type":"string","optional":1,"enum":["a","b"]},
  "net[n]":{"type":"string","optional":1,"format":{"model":{"type":"string","default_key":1,"enum":["virtio"]},"tag":{"type":"integer","optional":1,"maximum":"9"}}}}}}}}]`

// TestOfficialRefuses: what is wrong is said by parameter; what is no schema is not read.
func TestOfficialRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apidoc.json")
	testkit.Must(t, os.WriteFile(file, []byte(smallSchema), 0o600))
	s := testkit.Try(Read(file))(t)
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{map[string]string{"poolid": "p", "comment": "a", "net3": "virtio,tag=9"}, ""},
		{map[string]string{"comment": "c"}, "comment: value 'c' does not have a value in the enumeration 'a, b'\npoolid: " + MissingParam},
		{map[string]string{"poolid": "long5", "foo": "1"}, "foo: " + UnknownParam + "\npoolid: value may only be 4 characters long"},
		{map[string]string{"poolid": "p", "net0": "virtio,tag=10"}, "net0: invalid format - format error\nnet0.tag: value must have a maximum value of 9"},
	} {
		errs := testkit.Try(s.Errors("POST", "/pools", c.params))(t)
		got := strings.TrimSpace(Flat("", errs))
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.params, got, c.want)
		}
	}
	for _, bad := range []string{"", "[", `{"a":1}`} {
		testkit.Must(t, os.WriteFile(file, []byte(bad), 0o600))
		if _, err := Read(file); err == nil {
			t.Errorf("%q is taken for a schema", bad)
		}
	}
}

// FuzzOfficial reads a file that is given as the schema: it is refused, or parameters can be
// checked by it.
func FuzzOfficial(f *testing.F) {
	f.Add([]byte(smallSchema))
	f.Add([]byte(`[null,{"path":"/pools","info":{"POST":null}},{"path":"/pools","info":{"POST":{"parameters":{"properties":{"a":null,"b[n]":{"format":{"c":null}}}}}}}]`))
	file := filepath.Join(f.TempDir(), "apidoc.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		testkit.Must(t, os.WriteFile(file, data, 0o600))
		s, err := Read(file)
		if err != nil {
			return
		}
		_, _ = s.Errors("POST", "/pools", map[string]string{"poolid": "long5", "net3": "virtio,tag=10", "a": "1", "b0": "c=1"})
	})
}

// FuzzProps: what a property string is parsed into prints and parses back to the same.
func FuzzProps(f *testing.F) {
	for _, v := range []string{"virtio=BC:24:11:03:C4:27,bridge=vmbr0", "virtio,tag=4094,firewall=on", "model=e1000,macaddr=bc:24:11:03:c4:27", ",,", "=a", "a=", "virtio,virtio"} {
		f.Add("qemunet", v)
	}
	f.Add("scsi", "local:4,discard=on,ssd=1")
	f.Add("mp", "local:1,mp=/data,backup=1")
	f.Add("ctnet", "name=eth0,ip=10.0.0.1/24,gw=10.0.0.2")
	tables := testkit.Try(NewTables())(f)
	f.Fuzz(func(t *testing.T, grammar, v string) {
		values, text := tables.ParseProps(grammar, "x", v)
		if text != "" {
			return
		}
		again, text := tables.ParseProps(grammar, "x", tables.PrintProps(grammar, values))
		if text != "" || fmt.Sprint(again) != fmt.Sprint(values) {
			t.Errorf("%s %q: %v prints and parses to %v %s", grammar, v, values, again, text)
		}
	})
}
