package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/redact"

	"github.com/spf13/pflag"
)

// loadText loads YAML out of a real file.
func loadText(t *testing.T, text string, env ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, env, nil)
}

// wantError checks that an error holds all parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}

func TestDefaultAndDevAreValid(t *testing.T) {
	for name, c := range map[string]Config{"Default": Default(), "Dev": Dev()} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDev(t *testing.T) {
	c := Dev()
	if len(c.Sources) != 5 || c.Stats.Listen != "127.0.0.1:8404" || c.Queue.Path != "./data/queue" || c.DeadLetter.Path != "./data/dead-letter" {
		t.Errorf("Dev = %+v", c)
	}
	for name, s := range c.Sources {
		if s.Address != "127.0.0.1" {
			t.Errorf("%s listens on %q", name, s.Address)
		}
	}
	if Default().Sources["linux"].Address != "" {
		t.Error("Dev changed the defaults")
	}
	over, err := LoadOver(Dev(), "", []string{"GATEWAY_SOURCES__LINUX__PORT=5517"}, nil)
	if err != nil || over.Sources["linux"].Port != 5517 || over.Sources["linux"].Address != "127.0.0.1" {
		t.Errorf("LoadOver = %+v, %v", over.Sources["linux"], err)
	}
}

func TestEmptyFilesAreTheDefaults(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# nothing\n", "---\n", "~\n", "{}\n"} {
		c, err := loadText(t, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if !reflect.DeepEqual(normal(c), normal(Default())) {
			t.Errorf("%q: got %+v", text, c)
		}
	}
}

// normal makes configurations comparable: an empty list or map is no other value
// than none.
func normal(c Config) map[string]any {
	values := make(map[string]any)
	walk(c, func(p keyPath, v reflect.Value) {
		if k := v.Kind(); (k == reflect.Slice || k == reflect.Map) && v.Len() == 0 {
			return
		}
		values[p.String()] = v.Interface()
	})
	return values
}

func TestValuesFromFile(t *testing.T) {
	c, err := loadText(t, `
sources:
  lab-1:
    port: 5514
    timezones: {10.1.0.0/16: Europe/Berlin, "2001:db8::/32": UTC}
    tls: {min_version: 1.3}
metadata: {overrides: {linux_auth: {index: security}}}
batch: {max_bytes: 1048576, max_age: 1s}
queue: {max_size: 50 GB, min_free: 0}
hec: {ack: {enabled: true}, retry: {initial: 1s}}
shutdown_timeout: 1m30s
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 1 {
		t.Fatalf("the file's sources do not replace the default ones: %v", sortedKeys(c.Sources))
	}
	want := newSource(5514, "auto", "")
	want.Timezones = map[string]string{"10.1.0.0/16": "Europe/Berlin", "2001:db8::/32": "UTC"}
	want.TLS.MinVersion = "1.3"
	if got := c.Sources["lab-1"]; !reflect.DeepEqual(got.Timezones, want.Timezones) || got.TLS.MinVersion != want.TLS.MinVersion || got.MaxMessageSize != 64*KiB || got.Vendor != "auto" {
		t.Errorf("source = %+v", got)
	}
	rest := Default()
	rest.Sources = c.Sources
	rest.Metadata.Overrides = map[string]Override{"linux_auth": {Index: "security"}}
	rest.Batch.MaxBytes, rest.Batch.MaxAge = MiB, time.Second
	rest.Queue.MaxSize, rest.Queue.MinFree = 50*GB, 0
	rest.HEC.Ack.Enabled, rest.HEC.Retry.Initial = true, time.Second
	rest.ShutdownTimeout = 90 * time.Second
	if !reflect.DeepEqual(normal(c), normal(rest)) {
		t.Errorf("got  %+v\nwant %+v", c, rest)
	}
}

func TestLayers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	text := "queue: {path: /file, max_size: 10GB, min_free: 1GB}\nsources: {lab-1: {port: 5514}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	flags.String("config", "", "not a key")
	flags.String("queue.path", "/flag default", "")
	flags.String("log.level", "error", "a default that nobody set")
	flags.Int("balancer.shards", 4, "")
	flags.StringSlice("hec.endpoints", nil, "")
	if err := flags.Parse([]string{"--config=x", "--queue.path=/flag", "--balancer.shards=2", "--hec.endpoints=http://a:1,http://b:2"}); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=/bin", "SPLUNK_HEC_TOKEN=t", "GATEWAYS=no",
		"GATEWAY_PORT=tcp://10.0.0.1:8404", "GATEWAY_PORT_8404_TCP_ADDR=10.0.0.1", "GATEWAY_SERVICE_HOST=10.0.0.1", "GATEWAY_SERVICE_PORT_STATS=8404",
		"GATEWAY_QUEUE__PATH=/env", "GATEWAY_QUEUE__MAX_SIZE=20GB",
		"GATEWAY_SOURCES__LAB_1__PORT=5515", "GATEWAY_SOURCES__LAB_1__PROTOCOLS=udp, tcp", "GATEWAY_SOURCES__LAB_1__ALLOW=[10.0.0.0/8]",
		"GATEWAY_SOURCES__LAB_1__TIMEZONES={10.1.0.0/16: Europe/Berlin}",
		"GATEWAY_SOURCES__NEW__PORT=5516", "GATEWAY_SOURCES__NEW__VENDOR=linux",
		"GATEWAY_HEC__ACK__ENABLED=true", "GATEWAY_STATS__USERNAME=12345", "GATEWAY_STATS__PASSWORD=0123",
		"GATEWAY_METADATA__OVERRIDES__LINUX_AUTH__INDEX=security", "GATEWAY_BATCH__MAX_BYTES=65536",
	}
	c, err := Load(path, env, flags)
	if err != nil {
		t.Fatal(err)
	}
	lab := newSource(5515, "auto", "")
	lab.Allow = []string{"10.0.0.0/8"}
	lab.Timezones = map[string]string{"10.1.0.0/16": "Europe/Berlin"}
	want := Default()
	want.Sources = map[string]Source{"lab-1": lab, "new": newSource(5516, "linux", "")}
	want.Queue.Path, want.Queue.MaxSize, want.Queue.MinFree = "/flag", 20*GB, GB
	want.Balancer.Shards = 2
	want.HEC.Endpoints = []string{"http://a:1", "http://b:2"}
	want.HEC.Ack.Enabled = true
	want.Stats.Username, want.Stats.Password = "12345", "0123"
	want.Metadata.Overrides = map[string]Override{"linux_auth": {Index: "security"}}
	want.Batch.MaxBytes = 64 * KiB
	if !reflect.DeepEqual(normal(c), normal(want)) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestProblemsSayWhereTheyAre(t *testing.T) {
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	flags.String("log.level", "", "")
	if err := flags.Parse([]string{"--log.level=loud"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	text := "queue:\n  when_full: stop\n  segment_size: big\nbalancer: {shards: 100}\nsources:\n  a:\n    vendor: linux\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, []string{"GATEWAY_BALANCER__SHARDS=65", "GATEWAY_HEC__TIMEOUT=5", "GATEWAY_QUEU__PATH=/x", "GATEWAY_X="}, flags)
	wantError(t, err,
		path+`:2: queue.when_full: "stop" is unknown`,
		path+`:3: queue.segment_size: "big" is not a whole number with a unit`,
		path+`:6: sources.a.port: is missing`,
		"GATEWAY_BALANCER__SHARDS: balancer.shards: 65 is out of range; allowed: auto, 1 to 64",
		`GATEWAY_HEC__TIMEOUT: hec.timeout: "5" is not a duration`,
		"GATEWAY_QUEU__PATH: queu: unknown key; did you mean queue?",
		"GATEWAY_X: x: unknown key",
		`--log.level: log.level: "loud" is unknown`)
	if n := strings.Count(err.Error(), "\n") + 1; n != 8 {
		t.Errorf("%d problems, want 8:\n%v", n, err)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil)
	wantError(t, err, "none.yaml", "no such file", "-c")
}

func TestYAMLRoundTrip(t *testing.T) {
	c := Default()
	c.HEC.Token = "hunter2"
	c.Stats.Username, c.Stats.Password = "yes", "hunter3"
	c.Metadata.Overrides = map[string]Override{"430001": {Source: "x: y # z"}}
	s := c.Sources["linux"]
	s.Timezones = map[string]string{"2001:db8::/32": "Europe/Berlin"}
	s.Allow = []string{"::/0"}
	c.Sources["linux"] = s
	out, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "hunter") || strings.Count(string(out), "<secret>") != 2 {
		t.Errorf("secrets are not hidden:\n%s", out)
	}
	again, err := loadText(t, string(out))
	if err != nil {
		t.Fatalf("what YAML wrote does not load: %v\n%s", err, out)
	}
	c.HEC.Token, c.Stats.Password = redact.Placeholder, redact.Placeholder
	if !reflect.DeepEqual(normal(again), normal(c)) {
		t.Errorf("got  %+v\nwant %+v", again, c)
	}
	wantError(t, again.check(nil), "hec.token: is the placeholder", "stats.password: is the placeholder")
}
