package wiring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/wiring"
)

const ruled = acme + `
rules:
  - {name: down, option: true, when: {class: up, contains: down}, drop: true}
  - {when: {class: up, contains: ruled}, index: of_rule, sourcetype: "rule:x"}
---
format: 1
pack: site
lookups: {sites: {file: sites.csv, key: network, columns: {index: index, site: field}}}
rules:
  - {when: {program: "widget*"}, lookup: sites, by: sender}
  - {name: hide, option: true, when: {profile: default}, mask: {key: user, with: hash}}
`

// withTable adds the table of ruled.
func withTable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sites.csv")
	if err := os.WriteFile(path, []byte("net,index,site\n192.0.2.0/24,of_table,lab\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(ruled, "sites.csv", path, 1)
}

func withFolder(config string) string {
	text := "sources: {in: {port: 514, vendor: linux, index: os}}\n" + config + "\n"
	if strings.Contains(config, "packs: {") {
		return strings.Replace(text, "packs: {", "packs: {folder: DIR, ", 1)
	}
	return text + "packs: {folder: DIR}\n"
}

// TestWhichIndex: an override is before a rule, a rule before a look-up, a look-up before the
// site's index of the role.
func TestWhichIndex(t *testing.T) {
	const line = "<13>Mar 14 14:28:52 h widgetd: up "
	for _, c := range []struct{ config, line, index, sourcetype string }{
		{"metadata: {indexes: {netops: of_role}}", line, "of_table", "acme:widgetd"},
		{"metadata: {indexes: {netops: of_role}}", line + "ruled", "of_rule", "rule:x"},
		{"metadata: {overrides: {acme_widget_up: {index: over}}}", line + "ruled", "over", "rule:x"},
		{"metadata: {overrides: {acme_widget_up: {sourcetype: over}}}", line + "ruled", "of_rule", "over"},
		{"metadata: {profile: sc4s}", line + "ruled", "of_rule", "rule:x"},
		{"packs: {disable: [site]}\nmetadata: {indexes: {netops: of_role}}", line, "of_role", "acme:widgetd"},
	} {
		e := read(t, configure(t, withFolder(c.config), withTable(t)), c.line)
		if e.Index != c.index || e.Sourcetype != c.sourcetype {
			t.Errorf("%s: index %s, sourcetype %s", c.config, e.Index, e.Sourcetype)
		}
		if want := strings.Count(c.config, "site"); e.Fields["site"] != "lab" && want == 0 {
			t.Errorf("%s: fields %v", c.config, e.Fields)
		}
	}
}

func TestMaskSecret(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("sixteen bytes it is"), 0o600); err != nil {
		t.Fatal(err)
	}
	const line = "<13>Mar 14 14:28:52 h widgetd: up user=alice"
	with := "packs: {options: [site.hide], mask_secret_file: " + secret + "}"
	e := read(t, configure(t, withFolder(with), withTable(t)), line)
	hash := strings.TrimPrefix(e.Event, strings.TrimSuffix(line, "alice"))
	if len(hash) != 16 || hash == e.Event {
		t.Errorf("event %s", e.Event)
	}
	for _, c := range []struct{ config, want string }{
		{"packs: {options: [site.hide]}", "own.yaml:"},
		{"packs: {options: [site.hide]}", "with: hash needs a secret: packs.mask_secret_file"},
		{"packs: {mask_secret_file: " + secret + "x}", "no such file"},
		{"packs: {mask_secret_file: " + filepath.Dir(secret) + "}", "is not a file"},
		{"packs: {options: [site.hid]}", `packs.options: the pack site has no option "hid"`},
		{"packs: {options: [site.on_linux]}", `packs.options: the pack site has no option "on_linux"`},
		{"packs: {senders: {192.0.2.0/24: site}}", `"site" is not a pack`},
	} {
		if _, err := wiring.Sources(configure(t, withFolder(c.config), withTable(t))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.config, err, c.want)
		}
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("fifteen bytes.."), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := wiring.Sources(configure(t, withFolder("packs: {mask_secret_file: "+short+"}"), ""))
	if err == nil || !strings.Contains(err.Error(), "must have 16 to 4096 bytes") || strings.Contains(err.Error(), "fifteen") {
		t.Error(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(secret))
	if err := os.Rename(secret, filepath.Join(filepath.Dir(secret), "mask_secret")); err != nil {
		t.Fatal(err)
	}
	if e := read(t, configure(t, withFolder("packs: {options: [site.hide]}"), withTable(t)), line); !strings.HasSuffix(e.Event, hash) {
		t.Errorf("event %s, want the hash %s", e.Event, hash)
	}
}

func TestOptionsOfRules(t *testing.T) {
	const line = "<13>Mar 14 14:28:52 h widgetd: up down"
	if e := read(t, configure(t, withFolder(""), withTable(t)), line); e.Event != line {
		t.Errorf("%+v", e)
	}
	settings, err := wiring.Settings(configure(t, withFolder("packs: {options: [acme_widget.down]}"), withTable(t)), "in")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range settings.Rules.Rules() {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, " "); got != "acme_widget.down acme_widget.2 site.1" {
		t.Error(got)
	}
}
