package handbook

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// runbooks are the pages of which each section can be shown by itself.
var runbooks = []string{"operations.md", "troubleshooting.md"}

// contents is the page that says what to read when.
const contents = "README.md"

// Section is a heading of the second or third level of a runbook, and all up to the next one
// of its level.
type Section struct {
	ID    string // as GitHub writes it: kernel-drops
	Title string
	Text  string // Markdown, with the heading
	Level int    // 2 or 3
	file  string
}

// Manual is a folder of documents, and the sections of its runbooks.
type Manual struct {
	files    fs.FS
	sections []Section
	byID     map[string]int
}

var anyLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]*)\)`)

// New divides the runbooks of a folder into their sections.
func New(files fs.FS) *Manual {
	m := &Manual{files: files, byID: make(map[string]int)}
	for _, name := range runbooks {
		if page, err := fs.ReadFile(files, name); err == nil {
			m.divide(name, string(page))
		}
	}
	return m
}

func (m *Manual) divide(name, page string) {
	fenced := false
	var open [4]int // by level, the index of the section plus 1
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if hashes, title, found := strings.Cut(line, " "); found && !fenced && (hashes == "##" || hashes == "###") {
			title = strings.TrimSpace(title)
			level := len(hashes)
			clear(open[level:])
			m.byID[ID(title)] = len(m.sections)
			m.sections = append(m.sections, Section{ID: ID(title), Title: title, Level: level, file: name})
			open[level] = len(m.sections)
		}
		for _, n := range open {
			if n > 0 {
				m.sections[n-1].Text += line
			}
		}
	}
}

// Sections are all of them, in their order.
func (m *Manual) Sections() []Section { return m.sections }

// Place is where a manual is shown.
type Place struct {
	Root string // of its pages: /help/
	Home Link   // what it belongs to
}

// Document is a page of a manual as a whole HTML document: of a section by its ID, of a file by
// its name, and the contents by "".
func (m *Manual) Document(name string, at Place) (html []byte, found bool, err error) {
	file, text := name, ""
	if n, section := m.byID[name]; section {
		file, text = m.sections[n].file, m.sections[n].Text
	} else {
		if name == "" {
			file = contents
		}
		if !m.has(file) {
			return nil, false, nil
		}
		page, err := fs.ReadFile(m.files, file)
		if err != nil {
			return nil, true, err
		}
		text = string(page)
	}
	whole := file == name
	page, err := Render([]byte(text), func(dest string, image bool) (string, bool) {
		if image {
			return "", false
		}
		return m.lead(file, whole, dest, at.Root)
	})
	if err != nil {
		return nil, true, err
	}
	v := View{Page: page, Style: at.Root + styleName, Home: []Link{at.Home, {Text: "All help", To: at.Root}}}
	if name == "" {
		v.Groups = m.groups(at.Root)
	}
	html, err = v.Document()
	return html, true, err
}

// styleName is the CSS below the root.
const styleName = "style.css"

// IsStyle says that a name below the root is that of the CSS.
func IsStyle(name string) bool { return name == styleName }

// has says whether a document can be shown.
func (m *Manual) has(file string) bool {
	if path.Ext(file) != ".md" || !fs.ValidPath(file) {
		return false
	}
	info, err := fs.Stat(m.files, file)
	return err == nil && info.Mode().IsRegular()
}

// lead says where a link of a file leads: to a section, to a file of the manual, or out. What
// is in none of them is only words. whole says that all of the file is shown.
func (m *Manual) lead(from string, whole bool, dest, root string) (to string, ok bool) {
	if strings.HasPrefix(dest, "https://") || strings.HasPrefix(dest, "http://") {
		return dest, true
	}
	file, id, _ := strings.Cut(dest, "#")
	to = from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	n, section := m.byID[id]
	switch {
	case file == "" && whole:
		return dest, true
	case section && m.sections[n].file == to:
		return root + id, true
	case !m.has(to):
		return "", false
	case id != "":
		return root + to + "#" + id, true
	}
	return root + to, true
}

// groups are the sections of the runbooks.
func (m *Manual) groups(root string) []Group {
	var groups []Group
	for _, file := range runbooks {
		g := Group{Title: map[string]string{"operations.md": "Alarms and what to do", "troubleshooting.md": "What is seen in Splunk"}[file]}
		for _, s := range m.sections {
			if s.file == file {
				g.Links = append(g.Links, Link{Text: s.Title, To: root + s.ID})
			}
		}
		if g.Links != nil {
			groups = append(groups, g)
		}
	}
	return groups
}

// Text is a section for a terminal: its Markdown, in which links are their words.
func (m *Manual) Text(id string) (text string, found bool) {
	n, found := m.byID[id]
	if !found {
		return "", false
	}
	return anyLink.ReplaceAllString(m.sections[n].Text, "$1"), true
}
