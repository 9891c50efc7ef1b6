package dialect_test

import (
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/dialect"
)

func TestClasses(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for i, c := range dialect.Classes(nil) {
		if int(c.ID) != i || c.ID.String() != c.Name {
			t.Errorf("class %d has ID %d and name %s", i, c.ID, c.Name)
		}
		if !name.MatchString(c.Name) || seen[c.Name] {
			t.Errorf("class %d: bad or repeated name %q", i, c.Name)
		}
		seen[c.Name] = true
		if c.Product == "" || c.Family == "" && c.ID != dialect.Fallback {
			t.Errorf("%s: no family or product", c.Name)
		}
	}
	for _, need := range []string{
		"unifi_device", "unifi_firewall", "unifi_cef", "pan_traffic", "cisco_asa",
		"linux_secure", "windows_xml", "fallback",
	} {
		if !seen[need] {
			t.Errorf("no class %s", need)
		}
	}
}

func TestNew(t *testing.T) {
	for _, name := range dialect.Names() {
		if p, err := dialect.New(name, nil); err != nil || p.Name() != name {
			t.Errorf("New(%q): %v", name, err)
		}
	}
	_, err := dialect.New("junos", nil)
	if err == nil || !strings.Contains(err.Error(), "junos") || !strings.Contains(err.Error(), "auto") {
		t.Errorf("an unknown vendor: %v", err)
	}
}
