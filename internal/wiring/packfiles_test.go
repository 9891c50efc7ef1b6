package wiring

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/status"
)

// The hash is of names and bytes; where the folder is makes no difference, and bytes do not
// move between names and files unnoticed.
func TestHash(t *testing.T) {
	file := func(name, data string) pack.File { return pack.File{Name: name, Data: []byte(data)} }
	same := hashOf([]pack.File{file("/etc/packs/a.yaml", "one")}, nil)
	if len(same) != hashDigits || same != hashOf([]pack.File{file("/srv/a.yaml", "one")}, nil) {
		t.Errorf("hash %q depends on the folder", same)
	}
	seen := map[string]bool{}
	for i, files := range [][2][]pack.File{
		{{file("a.yaml", "one")}, nil},
		{{file("b.yaml", "one")}, nil},
		{{file("a.yaml", "two")}, nil},
		{{file("a.yamlo", "ne")}, nil},
		{{file("a.yaml", "one"), file("b.yaml", "")}, nil},
		{{file("a.yaml", "one")}, {file("catalog/b.yaml", "")}},
		{nil, nil},
	} {
		h := hashOf(files[0], files[1])
		if seen[h] {
			t.Errorf("set %d has the hash of another", i)
		}
		seen[h] = true
	}
}

// takes reports whether a pack has a warning with a text in it.
func takes(p status.SitePack, text string) bool {
	return slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, text) })
}

// What is shown of the packs is what is in force.
func TestPacksAreShown(t *testing.T) {
	dir := t.TempDir()
	input := func(disable ...string) Input {
		t.Helper()
		c, err := config.Load("", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Packs.Folder, c.Packs.Disable = dir, disable
		in, err := NewInput(c)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := input().Packs
	if none.InForce < 100 || none.Embedded != none.InForce || len(none.Site) != 0 {
		t.Errorf("without packs of the site: %+v", none)
	}
	write("own.yaml", `format: 1
pack: acme_widget
about: widgets
source: their manual
match: {program: [widgetd]}
classes:
  - {name: alarm, when: {text: [ALARM]}, sourcetype: acme:alarm, role: netops}
  - {name: event, sourcetype: acme:event, role: netops}
tests: [{line: "<13>widgetd: up"}, {line: "<13>x: up", pack: none}]
---
format: 1
pack: unbound
source: our own
match: {program: [unbound]}
sourcetype: dns
role: netdns
tests: [{line: "<13>unbound: up"}, {line: "<13>x: up", pack: none}]
`)
	two := input().Packs
	if two.Hash == none.Hash || two.InForce != none.InForce+1 || two.Embedded != none.Embedded-1 || len(two.Site) != 2 {
		t.Fatalf("with two, one in the place of an embedded one: %+v", two)
	}
	widget, unbound := two.Site[0], two.Site[1]
	if widget.Line != 2 || filepath.Base(widget.File) != "own.yaml" || !slices.Equal(widget.Classes, []string{"acme_widget_alarm", "acme_widget_event"}) || takes(widget, "unbound") {
		t.Errorf("%+v", widget)
	}
	if !takes(unbound, "takes the place of the embedded pack unbound") || unbound.Line != 12 {
		t.Errorf("%+v", unbound)
	}
	off := input("acme_widget", "dnsmasq").Packs
	if off.InForce != two.InForce-2 || off.Embedded != two.Embedded-1 || !off.Site[0].Disabled || off.Hash != two.Hash {
		t.Errorf("with two disabled: %+v", off)
	}
}
