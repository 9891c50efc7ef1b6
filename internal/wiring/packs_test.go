package wiring_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of packs, on any machine

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/wiring"
)

const acme = `
format: 1
pack: acme_widget
vendor: acme
product: widget
match: {program: ["widget*"]}
classes:
  - {name: up, when: {words: {1: up}}, sourcetype: "acme:{program|lower}", source: "w:{program}", role: netops, fields: {part: link}}
  - {name: log, sourcetype: "acme:log", role: netfw, index: acme_own}
`

// configure returns a configuration of one source, with the site's packs in a folder.
func configure(t *testing.T, text, packs string) config.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(packs), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", strconv.Quote(dir))), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read returns the event of a line that comes to the source "in".
func read(t *testing.T, c config.Config, line string) ingesttest.Event {
	t.Helper()
	settings, err := wiring.Settings(c, "in")
	if err != nil {
		t.Fatal(err)
	}
	pool := event.NewPool(1, 4096)
	sink := ingesttest.NewSink(pool)
	source := ingest.NewSource("in", c.Sources["in"].Port, settings, ledger.New())
	r := ingest.NewDatagramReplay(source, ingest.Options{MaxBytes: 1 << 20, MaxEvents: 10, MaxAge: time.Hour, Pool: pool, Sink: sink}, netip.MustParseAddr("192.0.2.7"))
	at := time.Date(2026, 3, 14, 14, 29, 0, 0, time.UTC)
	r.Write([]byte(line), at)
	r.Close(at)
	return sink.Decode(t)[0]
}

// TestPacksNameEvents: which names an event gets of its pack, the site and the port.
func TestPacksNameEvents(t *testing.T) {
	const widget, widgetLog = "<13>Mar 14 14:28:52 h Widgetd: down", "<13>Mar 14 14:28:52 h widgetD: up"
	const bind = "<30>Mar 14 14:28:52 ns1 named[77]: some words of no class"
	for _, c := range []struct {
		name, config, line               string
		sourcetype, index, source, class string
		product                          string
	}{
		{"open names", "", widgetLog, "acme:widgetd", "os", "w:widgetD", "acme_widget_up", "acme_widget"},
		{"case counts", "", widget, "syslog", "os", "syslog:514", "linux_syslog", "linux_syslog"},
		{"own index", "", "<13>Mar 14 14:28:52 h widgets: x", "acme:log", "acme_own", "syslog:514", "acme_widget_log", "acme_widget"},
		{"role", "metadata: {indexes: {netfw: fw, \"*\": rest}}", "<13>Mar 14 14:28:52 h widgets: x", "acme:log", "fw", "syslog:514", "acme_widget_log", ""},
		{"other role", "metadata: {indexes: {netfw: fw, \"*\": rest}}", widgetLog, "acme:widgetd", "rest", "w:widgetD", "acme_widget_up", ""},
		{"override", "metadata: {overrides: {acme_widget_up: {sourcetype: mine, index: i, source: s}}}", widgetLog, "mine", "i", "s", "acme_widget_up", ""},
		{"sc4s", "metadata: {profile: sc4s}", widgetLog, "acme:widgetd", "netops", "w:widgetD", "", ""},
		{"server on a Linux port", "", bind, "syslog", "os", "syslog:514", "isc_bind_network", "isc_bind"},
		{"server, option", "packs: {options: [isc_bind.on_linux]}", bind, "isc:bind:network", "os", "syslog:514", "isc_bind_network", "isc_bind"},
		{"server, pinned sender", "packs: {senders: {192.0.2.0/24: isc_bind}}", bind, "isc:bind:network", "os", "syslog:514", "isc_bind_network", "isc_bind"},
		{"pinned sender", "packs: {senders: {192.0.2.0/24: isc_bind, 192.0.2.7/32: acme_widget}}", bind, "acme:log", "acme_own", "syslog:514", "acme_widget_log", "acme_widget"},
		{"pinned family", "packs: {senders: {192.0.2.7/32: cisco_asa}}", "<13>Mar 14 14:28:52 fw1 : AAA user authentication Rejected", "cisco:asa", "os", "syslog:514", "cisco_asa", "cisco_asa"},
		{"disabled", "packs: {disable: [isc_bind]}", bind, "syslog", "os", "syslog:514", "linux_syslog", "linux_syslog"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "sources: {in: {port: 514, vendor: linux, index: os}}\n" + c.config + "\n"
			if strings.Contains(c.config, "packs: {") {
				text = strings.Replace(text, "packs: {", "packs: {folder: DIR, ", 1)
			} else {
				text += "packs: {folder: DIR}\n"
			}
			e := read(t, configure(t, text, acme), c.line)
			if e.Sourcetype != c.sourcetype || e.Index != c.index || e.Source != c.source ||
				c.class != "" && e.Fields["class"] != c.class || c.product != "" && e.Fields["vendor_product"] != c.product {
				t.Errorf("sourcetype %s, index %s, source %s, fields %v", e.Sourcetype, e.Index, e.Source, e.Fields)
			}
		})
	}
}

// TestWrongPacks: all that is wrong is said at once, with file and line.
func TestWrongPacks(t *testing.T) {
	for _, c := range []struct{ config, packs, want string }{
		{"", "format: 1\npack: a\nmatch: {program: [xd]}\nsourcetpe: x\nrole: netfv\n", "own.yaml:4: \"sourcetpe\" is not a key here: did you mean sourcetype?|own.yaml:5: role: \"netfv\" is not a role: did you mean netfw?"},
		{"", "format: 1\npack: a\nmatch: {program: [xd]}\nsourcetype: x\nrole: main\n---\nformat: 1\npack: b\nmatch: {program: [xd]}\nsourcetype: x\nrole: main\n", "own.yaml:"},
		{"packs: {senders: {192.0.2.0/24: isc_bin}}", "", `packs.senders.192.0.2.0/24: "isc_bin" is not a pack; did you mean isc_bind?`},
		{"packs: {disable: [isc_bin]}", "", `packs.disable: "isc_bin" is not a pack; did you mean isc_bind?`},
		{"packs: {options: [fortinet_fortigate.on_linux]}", "", `packs.options: the pack fortinet_fortigate has no option "on_linux"`},
		{"metadata: {drop: [isc_bin]}", "", `metadata.drop: "isc_bin" is not a class: did you mean`},
	} {
		text := "sources: {in: {port: 514, vendor: linux, index: os}}\n" + c.config + "\n"
		if strings.Contains(c.config, "packs: {") {
			text = strings.Replace(text, "packs: {", "packs: {folder: DIR, ", 1)
		} else {
			text += "packs: {folder: DIR}\n"
		}
		_, err := wiring.Sources(configure(t, text, c.packs))
		for _, want := range strings.Split(c.want, "|") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", c.config, err, want)
			}
		}
	}
}

// TestUpgradeKeepsSitePacks: a site's packs that overlap embedded ones start with warnings, and
// they still do when the program knows one more product that overlaps.
func TestUpgradeKeepsSitePacks(t *testing.T) {
	const own = "format: 1\nproducts:\n" +
		"  - {product: my_esx, program: [\"vmk*\", hostd], sourcetype: a:b, role: main, test: '<13>Mar 14 14:28:52 h vmkernel: x', not: '<13>x'}\n" +
		"  - {product: my_cef, cef: {vendor: \"*\"}, sourcetype: a:b, role: main, test: '<13>CEF:0|a|b|c|d|e|f|', not: '<13>x'}\n" +
		"  - {product: isc_bind, program: [named], sourcetype: a:b, role: main, test: '<13>Mar 14 14:28:52 h named: x', not: '<13>x'}\n" +
		"  - {product: my_gadget, program: [gadgetd], sourcetype: a:b, role: main, test: '<13>Mar 14 14:28:52 h gadgetd: x', not: '<13>x'}\n"
	site, problems := pack.Load([]pack.File{{Name: "own.yaml", Data: []byte(own)}})
	newer, more := pack.Load([]pack.File{{Name: "newer.yaml", Data: []byte("format: 1\nproducts:\n" +
		"  - {product: gadget, program: [\"gadget*\"], sourcetype: c:d, role: main, test: '<13>Mar 14 14:28:52 h gadgetd: x', not: '<13>x'}\n")}})
	if len(problems)+len(more) != 0 {
		t.Fatal(problems, more)
	}
	embedded := testkit.Try(catalog.Load())(t)
	before := 0
	for _, known := range [][]pack.Pack{embedded, slices.Concat(embedded, newer)} {
		errs, warnings := pack.Conflicts(site, known)
		if len(errs) != 0 || len(warnings) <= before {
			t.Errorf("errors %v, %d warnings after %d", errs, len(warnings), before)
		}
		before = len(warnings)
		set := testkit.Try(matcher.Compile(site, known, matcher.Options{Profile: "default"}))(t)
		if !set.OnLinux("isc_dhcpd") || set.OnLinux("isc_bind") {
			t.Error("the site's pack does not take the place of the embedded one of its name")
		}
	}
	c := configure(t, "sources: {in: {port: 514, vendor: linux, index: os}}\npacks: {folder: DIR}\n", own)
	if e := read(t, c, "<13>Mar 14 14:28:52 h vmkernel: x"); e.Fields["class"] != "my_esx" {
		t.Errorf("class %s", e.Fields["class"])
	}
}
