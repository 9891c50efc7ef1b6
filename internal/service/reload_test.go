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
	"syslog-gateway/internal/wiring"
)

const sitePack = `format: 1
pack: acme_widget
source: its manual
match: {program: [widgetd]}
sourcetype: acme:widget
role: netops
tests: [{line: "<13>widgetd: up"}, {line: "<13>x: up", pack: none}]
`

// withoutPacks are settings without the packs made ready, which are made anew each time, and
// with what they are for instead.
func withoutPacks(s ingest.Settings) []any {
	var classes, pins []string
	for _, c := range s.Parser.Classes() {
		classes = append(classes, c.Name)
	}
	for _, p := range s.Pins {
		pins = append(pins, p.Prefix.String())
	}
	s.Parser, s.Pins = nil, nil
	return []any{s, classes, pins}
}

// Every key that docs/configuration.md promises to apply on a reload changes what
// one of the parts is given.
func TestEveryLiveKeyReachesItsPart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	values := map[string]string{
		"sources.NAME.index":                 "elsewhere",
		"sources.NAME.sourcetype":            "other",
		"sources.NAME.timezone":              "Europe/Berlin",
		"sources.NAME.timezones":             "{10.0.0.0/8: Europe/Berlin}",
		"sources.NAME.fields":                "{site: berlin}",
		"sources.NAME.packs":                 "mikrotik_routeros",
		"sources.NAME.max_message_size":      "2KiB",
		"sources.NAME.allow":                 "10.0.0.0/8",
		"sources.NAME.max_connections":       "7",
		"sources.NAME.idle_timeout":          "7s",
		"sources.NAME.silent_after":          "7s",
		"metadata.profile":                   "sc4s",
		"metadata.overrides.NAME.index":      "elsewhere",
		"metadata.overrides.NAME.sourcetype": "other",
		"metadata.overrides.NAME.source":     "other",
		"metadata.drop":                      "linux_secure",
		"metadata.sample":                    "{linux_secure: 10}",
		"metadata.hosts_file":                write("hosts", "10.0.0.1,fw\n"),
		"metadata.indexes":                   "{netops: elsewhere}",
		"packs.folder":                       filepath.Dir(write("site.yaml", sitePack)),
		"packs.disable":                      "mikrotik_routeros",
		"packs.options":                      "unbound.on_linux",
		"packs.senders":                      "{10.0.0.0/8: mikrotik_routeros}",
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
	onUse := []string{"sources.NAME.silent_after", "shutdown_timeout"}

	reference, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`<br>`([^`]+)` .* yes \\|$").FindAllStringSubmatch(string(reference), -1)
	if len(rows) != len(values) {
		t.Errorf("the reference has %d live keys, this test %d values", len(rows), len(values))
	}
	load := func(env ...string) (config.Config, []any) {
		t.Helper()
		c, err := config.Load("", env, nil)
		if err != nil {
			t.Fatal(err)
		}
		token, _ := c.Token(nil)
		client, err := wiring.HEC(c, token.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		sources, err := wiring.Sources(c)
		if err != nil {
			t.Fatal(err)
		}
		level := new(slog.LevelVar)
		wiring.SetLevel(level, c.Log.Level)
		var settings []any
		for _, s := range sources {
			settings = append(settings, withoutPacks(s.Settings)...)
		}
		return c, []any{client.Settings, settings, level}
	}
	for _, row := range rows {
		key := row[1]
		variable := strings.Replace(row[2], "SOURCES__<NAME>", "SOURCES__LINUX", 1)
		variable = strings.Replace(variable, "OVERRIDES__<NAME>", "OVERRIDES__LINUX_SECURE", 1)
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
