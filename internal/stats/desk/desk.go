package desk

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
)

//go:embed templates style script
var files embed.FS

// Options say what the desk shows. Monitor is required.
type Options struct {
	Monitor *monitor.Monitor
	// Letters returns at most n groups of what is in the dead-letter store, and how many events
	// are in others.
	Letters func(n int) (groups []status.DeadLetterGroup, others uint64)
	// Unknown are the last messages that no rule knows; optional.
	Unknown *tap.Ring
}

// Desk renders the page. It is safe for concurrent use.
type Desk struct {
	monitor   *monitor.Monitor
	letters   func(int) ([]status.DeadLetterGroup, uint64)
	unknown   *tap.Ring
	templates *template.Template
	style     template.CSS
	script    []byte

	mu    sync.Mutex
	shown map[string]bool // the senders that the last reading showed
}

// New parses the templates.
func New(o Options) (*Desk, error) {
	t, err := template.New("").Funcs(functions()).ParseFS(files, "templates/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("desk: templates: %w", err)
	}
	return &Desk{
		monitor: o.Monitor, letters: o.Letters, unknown: o.Unknown, templates: t,
		style: template.CSS(joined("style/*.css")), script: []byte("\"use strict\";\n" + joined("script/*.js")),
	}, nil
}

// joined are all files of a pattern, in the order of their names.
func joined(pattern string) string {
	var b strings.Builder
	names, _ := fs.Glob(files, pattern) // the pattern is well formed
	for _, name := range names {
		text, _ := fs.ReadFile(files, name) // it is embedded
		b.Write(text)
	}
	return b.String()
}

// Style is the style of the page, which its policy has the digest of.
func (d *Desk) Style() template.CSS { return d.style }

// Script keeps an open page up to date, and runs its charts and its tap.
func (d *Desk) Script() []byte { return d.script }

// Reading is one reading of the gateway, for all who look.
type Reading struct {
	monitor.Status
	senders monitor.Senders
	began   time.Time // of the history
}

// Read takes a reading.
func (d *Desk) Read() *Reading {
	st := d.monitor.Status()
	return &Reading{st, d.monitor.Senders(st.Snapshot), d.monitor.History().Began()}
}

// Section is a part of the page.
type Section struct {
	Name string
	// Every is how many readings apart it is rendered: lists that people read change every
	// fifth second.
	Every int
	of    func(Choice) Choice
	view  func(*Desk, *Reading, Choice) any
}

// Key is the part of a choice that the section depends on.
func (s Section) Key(c Choice) Choice { return s.of(c) }

// Sections are all sections, in the order of the page.
func Sections() []Section {
	const slow = 5
	return []Section{
		{"top", 1, onNothing, (*Desk).topView},
		{"health", 1, onNothing, (*Desk).healthView},
		{"flow", 1, onScope, (*Desk).flowView},
		{"time", slow, onLinks, (*Desk).timeView},
		{"volume", slow, onLinks, (*Desk).volumeView},
		{"senders", slow, onScope, (*Desk).sendersView},
		{"letters", slow, onNothing, (*Desk).lettersView},
		{"unknown", slow, onLines, (*Desk).unknownView},
		{"drops", slow, onNothing, (*Desk).dropsView},
		{"rules", slow, onNothing, (*Desk).rulesView},
		{"log", slow, onNothing, (*Desk).logView},
		{"endpoints", 1, onServers, (*Desk).endpointsView},
		{"streams", 1, onNothing, (*Desk).streamsView},
		{"shards", 1, onServers, (*Desk).shardsView},
		{"sources", slow, onScope, (*Desk).sourcesView},
		{"books", 1, onScope, (*Desk).booksView},
		{"packs", slow, onNothing, (*Desk).packsView},
	}
}

// Render renders a section.
func (d *Desk) Render(s Section, r *Reading, c Choice) (string, error) {
	var b bytes.Buffer
	if err := d.templates.ExecuteTemplate(&b, s.Name, s.view(d, r, s.Key(c))); err != nil {
		return "", fmt.Errorf("section %s: %w", s.Name, err)
	}
	return b.String(), nil
}

// Frame is what is around the sections.
type Frame struct {
	Refresh int    // seconds after which a page without scripts loads itself again; 0: never
	Done    string // the result of an action
	LogIn   bool   // a user would see the tap
}

// frame is what the template of the page sees.
type frame struct {
	Frame
	*Reading
	Choice Choice
	Style  template.CSS
	Parts  map[string]template.HTML
	Order  string // when the order of the senders was made
}

// Page renders a page of sections that were rendered before, by name.
func (d *Desk) Page(f Frame, r *Reading, c Choice, sections map[string]string) ([]byte, error) {
	parts := make(map[string]template.HTML, len(sections))
	for name, text := range sections {
		parts[name] = template.HTML(text) // of our own templates
	}
	var b bytes.Buffer
	v := frame{f, r, c, d.style, parts, r.Now.UTC().Format("15:04")}
	if err := d.templates.ExecuteTemplate(&b, "page", v); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return b.Bytes(), nil
}

func (d *Desk) topView(r *Reading, _ Choice) any { return r }
