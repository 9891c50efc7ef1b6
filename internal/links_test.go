package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/handbook"
)

// TestLinks: every link of the documents to a file or heading of this repository leads
// somewhere.
func TestLinks(t *testing.T) {
	found := 0
	seen := make(map[string]handbook.Page) // products.md has hundreds of links to itself
	page := func(path string) handbook.Page {
		if _, done := seen[path]; !done {
			seen[path] = render(t, path)
		}
		return seen[path]
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && d.Name() != ".github" || d.Name() == "bin" || d.Name() == "dist" || d.Name() == "results") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		for _, link := range page(path).Links {
			if strings.Contains(link.To, "://") {
				continue
			}
			found++
			file, heading, _ := strings.Cut(link.To, "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, link.To)
			} else if heading != "" && filepath.Ext(to) == ".md" && !slices.ContainsFunc(page(to).Headings, func(h handbook.Heading) bool { return h.ID == heading }) {
				t.Errorf("%s: %s has no such heading", path, link.To)
			}
		}
		return nil
	})
	if err != nil || found < 700 {
		t.Errorf("%d links found, %v", found, err)
	}
}

// render reads a document; its links lead where they say.
func render(t *testing.T, path string) handbook.Page {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page, err := handbook.Render(text, func(dest string, _ bool) (string, bool) { return dest, true })
	if err != nil {
		t.Fatal(err)
	}
	return page
}
