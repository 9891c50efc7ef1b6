package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"syslog-gateway/internal/testkit"
)

// TestSite writes the site of this tree and follows every link of it, as a browser that has
// only this folder.
func TestSite(t *testing.T) {
	out := t.TempDir()
	n, err := write(os.DirFS("../.."), out)
	testkit.Must(t, err)
	if n < 50 {
		t.Errorf("%d pages", n)
	}
	seen := crawl(os.DirFS(out), "index.html")
	for _, fault := range seen.faults {
		t.Error(fault)
	}
	if len(seen.pages) < n || seen.links < 3000 {
		t.Errorf("%d pages reached of %d, %d links followed", len(seen.pages), n, seen.links)
	}
	testkit.Must(t, fs.WalkDir(os.DirFS("../.."), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" && seen.pages[address(name)] == nil {
			t.Errorf("nobody who begins at index.html finds %s", name)
		}
		return err
	}))
}

// result is what a crawl has seen.
type result struct {
	pages  map[string]map[string]bool // by path, the IDs
	links  int
	faults []string
}

// crawl follows all links of a site from its first page.
func crawl(site fs.FS, first string) result {
	r := result{pages: make(map[string]map[string]bool)}
	type reference struct{ from, to, id string }
	var anchors []reference
	queue := []string{first}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if r.pages[at] != nil {
			continue
		}
		file, err := site.Open(at)
		if err != nil {
			r.faults = append(r.faults, at+": "+err.Error())
			r.pages[at] = map[string]bool{}
			continue
		}
		ids := make(map[string]bool)
		r.pages[at] = ids
		for z := html.NewTokenizer(file); z.Next() != html.ErrorToken; {
			token := z.Token()
			if token.Type != html.StartTagToken {
				continue
			}
			if token.Data == "script" || token.Data == "style" || token.Data == "iframe" {
				r.faults = append(r.faults, at+": an element "+token.Data)
			}
			for _, a := range token.Attr {
				switch {
				case a.Key == "id":
					if ids[a.Val] {
						r.faults = append(r.faults, at+": twice the ID "+a.Val)
					}
					ids[a.Val] = true
				case a.Key != "href" && a.Key != "src":
				case strings.Contains(a.Val, ":"):
					if token.Data != "a" || !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") {
						r.faults = append(r.faults, at+": "+token.Data+" asks for "+a.Val)
					}
				default:
					r.links++
					name, id, _ := strings.Cut(a.Val, "#")
					to := at
					if name != "" {
						to = path.Join(path.Dir(at), name)
					}
					if _, err := fs.Stat(site, to); err != nil {
						r.faults = append(r.faults, at+": "+a.Val+" leads nowhere")
						continue
					}
					if path.Ext(to) == ".html" {
						queue = append(queue, to)
						if id != "" {
							anchors = append(anchors, reference{at, to, id})
						}
					}
				}
			}
		}
		_ = file.Close()
	}
	for _, a := range anchors {
		if !r.pages[a.to][a.id] {
			r.faults = append(r.faults, a.from+": "+a.to+" has no #"+a.id)
		}
	}
	return r
}

// The crawl sees what would be wrong.
func TestCrawlSees(t *testing.T) {
	page := `<script></script><img src="https://example.com/x.png"><a href="b.html#no">x</a><a href="c.html">x</a><a href="javascript:x">x</a><p id=a></p><p id=a></p>`
	r := crawl(fstest.MapFS{"index.html": {Data: []byte(page)}, "b.html": {Data: []byte(`<p id=yes>`)}}, "index.html")
	if len(r.faults) != 6 {
		t.Errorf("%d faults: %q", len(r.faults), r.faults)
	}
}

// A link that leads nowhere stops the writing, and names the page.
func TestDeadLinks(t *testing.T) {
	tree := fstest.MapFS{
		"README.md":      {Data: []byte("# A\n[x](docs/b.md#two) [y](LICENSE) ![p](p.png) [dir](deploy) [folder](docs)\n")},
		"docs/README.md": {Data: []byte("# D\n## All\n- [B](b.md)\n- [A](../README.md#a)\n")},
		"docs/b.md":      {Data: []byte("# B\n## Two\n[up](../README.md)\n")},
		"LICENSE":        {Data: []byte("free")},
		"p.png":          {Data: []byte("png")},
		"deploy/x.yml":   {Data: []byte("x")},
	}
	out := filepath.Join(t.TempDir(), "site")
	n, err := write(tree, out)
	testkit.Must(t, err)
	testkit.Equal(t, "pages", n, 3)
	index := string(testkit.Try(os.ReadFile(filepath.Join(out, "index.html")))(t))
	testkit.Holds(t, "index", index, `<a href="docs/b.html#two">x</a>`, `<a href="LICENSE">y</a>`, `src="p.png"`, "dir", `<a href="docs/index.html">folder</a>`)
	b := string(testkit.Try(os.ReadFile(filepath.Join(out, "docs/b.html")))(t))
	testkit.Holds(t, "b", b, `<a href="../index.html">up</a>`, `<a href="b.html">B</a>`, `<a href="../index.html#a">A</a>`, `href="../style.css"`)
	testkit.Equal(t, "faults", strings.Join(crawl(os.DirFS(out), "index.html").faults, "\n"), "")

	for name, text := range map[string]string{"no-such.md": "[x](no-such.md)", "#no": "[x](#no)", "b.md has no heading #three": "[x](b.md#three)", "../../etc": "[x](../../etc/passwd)"} {
		tree["docs/c.md"] = &fstest.MapFile{Data: []byte("# C\n" + text)}
		if _, err := write(tree, out); err == nil || !strings.Contains(err.Error(), "docs/c.md: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
