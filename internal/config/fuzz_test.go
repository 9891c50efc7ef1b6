package config

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"syslog-gateway/internal/redact"
)

// FuzzLoad gives arbitrary bytes as file and as a variable: nothing panics, and
// what is accepted is valid, can be written, and reads the same again.
func FuzzLoad(f *testing.F) {
	examples, err := filepath.Glob(filepath.Join(deployDir, "examples", "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, example := range examples {
		data, err := os.ReadFile(example)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "GATEWAY_QUEUE__MAX_SIZE=50GB")
	}
	for _, text := range []string{"", "hec: null", "a: &a [*a]", "x: &x {<<: *x}", "sources: {a: {port: 1, timezones: {10.0.0.0/8: UTC}}}", "? {a: b}\n: c", "\xff", "log: &l {level: info}\nstats: *l", "sources: {\"\\x1f\": {port: 1}}"} {
		f.Add([]byte(text), "GATEWAY_SOURCES={a: {port: 5}}")
		f.Add([]byte(text), "GATEWAY_SOURCES__A__TIMEZONES={10.0.0.0/8: UTC}")
		f.Add([]byte(text), "GATEWAY_METADATA__OVERRIDES=[&a [*a]]")
	}
	f.Fuzz(func(t *testing.T, data []byte, variable string) {
		c, err := load(Default(), document{name: "gateway.yaml"}, data, []string{variable}, nil)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("accepted, but not valid: %v", err)
		}
		out, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(Default(), document{name: "again.yaml"}, out, nil, nil)
		if err != nil {
			t.Fatalf("what YAML writes does not load: %v\n%s", err, out)
		}
		if c.HEC.Token != "" {
			c.HEC.Token = redact.Placeholder
		}
		if c.Stats.Password != "" {
			c.Stats.Password = redact.Placeholder
		}
		if !reflect.DeepEqual(normal(again), normal(c)) {
			t.Fatalf("read again it differs\ngot  %+v\nwant %+v", again, c)
		}
	})
}
