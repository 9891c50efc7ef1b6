package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

// TestShippedDocumentsHaveNoDeadLinks follows every link of the documents in every package.
func TestShippedDocumentsHaveNoDeadLinks(t *testing.T) {
	documents, found, dropped := 0, 0, 0
	for _, p := range testkit.Try(products("../.."))(t) {
		tr := tree{options: options{Root: "../.."}, product: p, dir: t.TempDir()}
		testkit.Must(t, tr.copies(t.Context()))
		for from, to := range p.Copied {
			if !strings.HasSuffix(from, ".md") {
				continue
			}
			documents++
			text := string(testkit.Try(os.ReadFile(tr.path(to)))(t))
			links := link.FindAllStringSubmatch(text, -1)
			before := link.FindAllString(string(testkit.Try(os.ReadFile(filepath.Join("../..", from)))(t)), -1)
			dropped += len(before) - len(links)
			for _, m := range links {
				file, _, _ := strings.Cut(m[2], "#")
				if file == "" || strings.Contains(m[2], "://") {
					continue
				}
				found++
				if _, err := os.Stat(filepath.Join(filepath.Dir(tr.path(to)), file)); err != nil {
					t.Errorf("%s: %s leads nowhere in package %s", from, m[0], p.Package)
				}
			}
		}
	}
	if documents < 30 || found < 100 || dropped == 0 {
		t.Errorf("%d documents with %d links, %d dropped: the test sees nothing", documents, found, dropped)
	}
}

func TestRelinked(t *testing.T) {
	copied := map[string]string{
		"README.md":               "usr/share/doc/x/README.md",
		"docs/a.md":               "usr/share/doc/x/a.md",
		"docs/devices/b.md":       "usr/share/doc/x/devices/b.md",
		"deploy/splunk/README.md": "usr/share/doc/x/splunk.md",
		"deploy/dashboard.json":   "usr/share/x/dashboard.json",
	}
	for _, c := range []struct{ from, text, want string }{
		{"README.md", "[a](docs/a.md#head) and [b](docs/devices/b.md)", "[a](a.md#head) and [b](devices/b.md)"},
		{"docs/devices/b.md", "[a](../a.md), [top](#top), [web](https://example.com/x.md)", "[a](../a.md), [top](#top), [web](https://example.com/x.md)"},
		{"docs/a.md", "see [the token](../deploy/splunk/README.md#the-token)", "see [the token](splunk.md#the-token)"},
		{"docs/a.md", "[board](../deploy/dashboard.json)", "[board](../../x/dashboard.json)"},
		{"docs/a.md", "[gone](../CONTRIBUTING.md), ![a picture](img/x.png)", "gone, a picture"},
		{"docs/a.md", "[with [brackets] in it](gone.md)", "with [brackets] in it"},
	} {
		testkit.Equal(t, c.text, relinked(c.text, c.from, copied), c.want)
	}
}
