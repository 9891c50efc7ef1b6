package catalog_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/testkit"
)

var (
	inCode   = regexp.MustCompile("`([^`\n]+)`")
	tableRow = regexp.MustCompile("(?m)^\\|[^|\n]*\\| (`[a-z0-9_]+`(?:, `[a-z0-9_]+`)*) \\| `([^`|]+)`[^|]*\\| ([^|\n]+) \\|$")
)

// TestDevicePages: the classes, packs and sourcetypes that the pages of devices name exist,
// and a class has the sourcetype and the role that stand beside it.
func TestDevicePages(t *testing.T) {
	packs := testkit.Try(catalog.Load())(t)
	type names struct{ sourcetype, role string }
	classes := make(map[string]names)
	known := make(map[string]bool)
	for i := range packs {
		p := &packs[i]
		known[p.Name] = true
		for _, c := range p.Classes {
			name := strings.TrimSuffix(p.Name+"_"+c.Name, "_")
			known[name] = true
			begin, _, _ := strings.Cut(c.Sourcetype, "{")
			classes[name] = names{begin, c.Role}
		}
	}
	pages, _ := filepath.Glob("../../../docs/devices/*.md") // a good pattern
	rows := 0
	for _, page := range pages {
		switch filepath.Base(page) {
		case "unifi.md", "palo_alto.md", "cisco_asa.md", "linux.md", "windows.md": // built-in families
			continue
		}
		text := testkit.Try(os.ReadFile(page))(t)
		for _, m := range inCode.FindAllStringSubmatch(string(text), -1) {
			for name := range known {
				if strings.HasPrefix(m[1], name+"_") && strings.Trim(m[1], "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && !known[m[1]] {
					t.Errorf("%s: %s is no pack and no class", page, m[1])
				}
			}
		}
		for _, m := range tableRow.FindAllStringSubmatch(string(text), -1) {
			for _, name := range inCode.FindAllStringSubmatch(m[1], -1) {
				c, ok := classes[name[1]]
				if !ok { // a class of Linux
					continue
				}
				rows++
				begin, _, _ := strings.Cut(m[2], "<")
				if !strings.HasPrefix(c.sourcetype, begin) && !strings.HasPrefix(begin, c.sourcetype) && !strings.HasPrefix(m[2], "checkpoint:") || c.role != m[3] {
					t.Errorf("%s: %s is %s, %s; it has sourcetype %s, role %s", page, name[1], m[2], m[3], c.sourcetype, c.role)
				}
			}
		}
	}
	if rows < 35 {
		t.Errorf("only %d rows are compared", rows)
	}
}
