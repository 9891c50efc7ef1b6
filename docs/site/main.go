// Command site writes the documentation as a static site: README.md, every page of docs, and
// what they link to. A page has one style sheet and nothing else: no script, no request to
// anywhere. It fails if a link leads nowhere.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"syslog-gateway/internal/handbook"
)

func main() {
	root := flag.String("root", ".", "folder of the source tree")
	out := flag.String("out", "dist/site", "folder that is written; what is in it is removed")
	flag.Parse()
	n, err := write(os.DirFS(*root), *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Printf("%d pages in %s; begin with %s\n", n, *out, filepath.Join(*out, "index.html"))
}

// site is what is written of a tree.
type site struct {
	tree   fs.FS
	pages  map[string]handbook.Page // by the path of the Markdown
	files  map[string]bool          // copied as they are
	queue  []string                 // pages to render
	wrong  []string
	anchor []reference // to check when all pages are known
}

type reference struct{ from, to, id string }

const (
	contents  = "docs/README.md"
	styleFile = "style.css"
	maxFile   = 1 << 20 // of a file that is copied
)

// write renders the tree into a folder and returns the number of pages.
func write(tree fs.FS, out string) (int, error) {
	s := &site{tree: tree, pages: make(map[string]handbook.Page), files: make(map[string]bool), queue: []string{"README.md", contents}}
	err := fs.WalkDir(tree, "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".md" {
			s.queue = append(s.queue, name)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list the pages: %w", err)
	}
	for len(s.queue) > 0 {
		name := s.queue[0]
		s.queue = s.queue[1:]
		if _, done := s.pages[name]; !done {
			if err := s.render(name); err != nil {
				return 0, err
			}
		}
	}
	for _, a := range s.anchor {
		if !slices.ContainsFunc(s.pages[a.to].Headings, func(h handbook.Heading) bool { return h.ID == a.id }) {
			s.wrong = append(s.wrong, fmt.Sprintf("%s: %s has no heading #%s", a.from, a.to, a.id))
		}
	}
	if len(s.wrong) > 0 {
		return 0, fmt.Errorf("links that lead nowhere:\n%s", strings.Join(s.wrong, "\n"))
	}
	return len(s.pages), s.save(out)
}

// render reads a page; what it links to is queued.
func (s *site) render(name string) error {
	source, err := fs.ReadFile(s.tree, name)
	if err != nil {
		return err
	}
	page, err := handbook.Render(source, func(dest string, image bool) (string, bool) { return s.lead(name, dest, image) })
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.pages[name] = page
	return nil
}

// lead says where a link of a page leads on the site.
func (s *site) lead(from, dest string, image bool) (string, bool) {
	if strings.Contains(dest, "://") {
		return dest, !image
	}
	file, id, _ := strings.Cut(dest, "#")
	to := from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	info, err := fs.Stat(s.tree, to)
	if err == nil && info.IsDir() {
		// A folder is its README, if it has one.
		to = path.Join(to, "README.md")
		if info, err = fs.Stat(s.tree, to); err != nil {
			return "", false
		}
	}
	switch {
	case err != nil:
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %s: %v", from, dest, err))
		return "", false
	case path.Ext(to) == ".md":
		s.queue = append(s.queue, to)
		if id != "" {
			s.anchor = append(s.anchor, reference{from, to, id})
		}
	case info.Size() > maxFile:
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %s has %d bytes, too many for the site", from, dest, info.Size()))
	default:
		s.files[to] = true
	}
	if file == "" {
		return dest, true
	}
	to = relative(from, address(to))
	if id != "" {
		to += "#" + id
	}
	return to, true
}

// address is the path of a file on the site.
func address(name string) string {
	dir, file := path.Split(name)
	switch {
	case file == "README.md":
		return dir + "index.html"
	case path.Ext(file) == ".md":
		return dir + strings.TrimSuffix(file, ".md") + ".html"
	}
	return name
}

// relative is the way from a page to an address: the site works in any folder.
func relative(from, to string) string {
	up := strings.Repeat("../", strings.Count(from, "/"))
	if path.Dir(from) == path.Dir(to) {
		return path.Base(to)
	}
	return up + to
}

// save writes all pages and files.
func (s *site) save(out string) error {
	if there, err := os.ReadDir(out); err == nil && len(there) > 0 {
		if _, err := os.Stat(filepath.Join(out, "index.html")); err != nil {
			return fmt.Errorf("empty the folder %s: it has no index.html, so it is no site of this program; name another one, or remove it", out)
		}
	}
	if err := os.RemoveAll(out); err != nil {
		return fmt.Errorf("empty the folder: %w", err)
	}
	put := func(name string, data []byte) error {
		file := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, data, 0o644)
	}
	if err := put(styleFile, handbook.Style); err != nil {
		return err
	}
	for name, page := range s.pages {
		html, err := handbook.View{
			Page: page, Style: relative(name, styleFile), Groups: s.groups(name),
			Home: []handbook.Link{{Text: "syslog-gateway", To: relative(name, "index.html")}, {Text: "What to read when", To: relative(name, address(contents))}},
		}.Document()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := put(address(name), html); err != nil {
			return err
		}
	}
	for name := range s.files {
		data, err := fs.ReadFile(s.tree, name)
		if err != nil {
			return err
		}
		if err := put(name, data); err != nil {
			return err
		}
	}
	return nil
}

// groups are the links of the contents, as they are from a page.
func (s *site) groups(from string) []handbook.Group {
	groups := handbook.Contents(s.pages[contents])
	for _, g := range groups {
		for i, l := range g.Links {
			if !strings.Contains(l.To, "://") {
				file, id, found := strings.Cut(l.To, "#")
				to := relative(from, path.Join(path.Dir(contents), file))
				if found {
					to += "#" + id
				}
				g.Links[i].To = to
			}
		}
	}
	return groups
}
