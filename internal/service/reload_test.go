//go:build linux

package service

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/wiring"
)

// Every key that docs/configuration.md promises to apply on a reload changes what
// one of the parts is given.
func TestEveryLiveKeyReachesItsPart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	packs := filepath.Join(dir, "packs")
	testkit.Must(t, os.Mkdir(packs, 0o700))
	write("packs/own.yaml", "{format: 1, pack: own, match: {program: own}, sourcetype: own, role: main}")
	values := map[string]string{
		"sources.NAME.index":                 "elsewhere",
		"sources.NAME.sourcetype":            "other",
		"sources.NAME.timezone":              "Europe/Berlin",
		"sources.NAME.timezones":             "{10.0.0.0/8: Europe/Berlin}",
		"sources.NAME.fields":                "{site: berlin}",
		"sources.NAME.packs":                 "mikrotik_routeros",
		"sources.NAME.max_message_size":      "2KiB",
		"sources.NAME.allow":                 "10.0.0.0/8",
		"sources.NAME.proxy_protocol":        "10.0.0.0/8",
		"sources.NAME.max_connections":       "7",
		"sources.NAME.idle_timeout":          "7s",
		"sources.NAME.silent_after":          "7s",
		"sources.NAME.tls.client_names":      "fw1.example.com",
		"sources.NAME.relp.ack":              "queued",
		"sources.NAME.relp.max_unacked":      "7",
		"metadata.profile":                   "sc4s",
		"metadata.overrides.NAME.index":      "elsewhere",
		"metadata.overrides.NAME.sourcetype": "other",
		"metadata.overrides.NAME.source":     "other",
		"metadata.drop":                      "linux_secure",
		"metadata.sample":                    "{linux_secure: 10}",
		"metadata.hosts_file":                write("hosts", "10.0.0.1,fw\n"),
		"metadata.indexes":                   "{netfw: fw}",
		"packs.folder":                       packs,
		"packs.disable":                      "mikrotik_routeros",
		"packs.options":                      "isc_bind.on_linux",
		"packs.senders":                      "{10.0.0.0/8: mikrotik_routeros}",
		"packs.mask_secret_file":             write("secret", "sixteen bytes of it"),
		"hec.endpoints":                      "https://other:8088",
		"hec.token":                          "other",
		"hec.token_file":                     write("token", "from-file\n"),
		"hec.fallback_index":                 "lost",
		"hec.timeout":                        "7s",
		"hec.retry.initial":                  "1s",
		"hec.retry.max":                      "40s",
		"log.level":                          "debug",
		"shutdown_timeout":                   "7s",
	}
	// Keys that the program reads from the running configuration when it uses them.
	// The secret of masks changes nothing here: no rule hashes.
	onUse := []string{"sources.NAME.silent_after", "shutdown_timeout", "packs.mask_secret_file"}

	reference := testkit.Try(os.ReadFile("../../docs/configuration.md"))(t)
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` .* yes \\|$").FindAllStringSubmatch(string(reference), -1)
	if len(rows) != len(values) {
		t.Errorf("the reference has %d live keys, this test %d values", len(rows), len(values))
	}
	overTLS := []string{
		"GATEWAY_SOURCES__LINUX__PROTOCOLS=tls", "GATEWAY_SOURCES__LINUX__TLS__CERT_FILE=c",
		"GATEWAY_SOURCES__LINUX__TLS__KEY_FILE=k", "GATEWAY_SOURCES__LINUX__TLS__CLIENT_CA_FILE=a",
	}
	load := func(env ...string) (config.Config, []any) {
		t.Helper()
		c := testkit.Try(config.Load("", append(overTLS, env...), nil))(t)
		token, _ := c.Token(nil)
		client := wiring.HECSettings(c, token.Reveal())
		sources := testkit.Try(wiring.Sources(c))(t)
		level := new(slog.LevelVar)
		wiring.SetLevel(level, c.Log.Level)
		var settings []ingest.Settings
		var clients [][]string
		for _, s := range sources {
			settings = append(settings, s.Settings)
			clients = append(clients, s.Config.TLS.ClientNames)
		}
		return c, []any{client, settings, clients, level}
	}
	for _, row := range rows {
		key := row[1]
		variable := config.EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "__"))
		variable = strings.Replace(variable, "SOURCES__NAME", "SOURCES__LINUX", 1)
		variable = strings.Replace(variable, "OVERRIDES__NAME", "OVERRIDES__LINUX_SECURE", 1)
		old, before := load()
		fresh, after := load(variable + "=" + values[key])
		if change := old.Reload(fresh); len(change.Applied) == 0 || len(change.Restart) != 0 {
			t.Errorf("%s: applied %v, restart %v", key, change.Applied, change.Restart)
		}
		if reflect.DeepEqual(before, after) != slices.Contains(onUse, key) {
			t.Errorf("%s: no part is given the new value", key)
		}
	}
}
