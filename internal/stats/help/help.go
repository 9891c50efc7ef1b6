// Package help shows the sections of a page of the documentation, each by itself: as HTML
// for the statistics page, and as text for a terminal.
package help

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/russross/blackfriday/v2"
)

// Section is a heading of the second or third level, and all up to the next one of its level.
type Section struct {
	ID    string // as GitHub writes it: kernel-drops
	Title string
	Text  string // Markdown, with the heading
	Level int    // 2 or 3
}

// Manual are the sections of a page.
type Manual struct {
	sections []Section
	byID     map[string]int
}

var (
	inside  = regexp.MustCompile(`\]\(#([^)\s]+)\)`)
	outside = regexp.MustCompile(`\[([^\]]+)\]\(([^)/#][^):\s]*)\)`) // a file of the documentation
	anyLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]*)\)`)
)

// New divides a page into its sections.
func New(page string) *Manual {
	m := &Manual{byID: make(map[string]int)}
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
			m.sections = append(m.sections, Section{ID: ID(title), Title: title, Level: level})
			open[level] = len(m.sections)
		}
		for _, n := range open {
			if n > 0 {
				m.sections[n-1].Text += line
			}
		}
	}
	return m
}

// ID is the address of a heading, as GitHub makes it.
func ID(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// Sections are all of them, in their order.
func (m *Manual) Sections() []Section { return m.sections }

// HTML is a section. Links to other sections go to root and their ID; those to other files
// are only text.
func (m *Manual) HTML(id, root string) (html []byte, title string, found bool) {
	n, found := m.byID[id]
	if !found {
		return nil, "", false
	}
	s := m.sections[n]
	text := outside.ReplaceAllString(s.Text, "$1")
	text = inside.ReplaceAllString(text, "]("+root+"$1)")
	const extensions = blackfriday.Tables | blackfriday.FencedCode | blackfriday.NoIntraEmphasis | blackfriday.SpaceHeadings | blackfriday.NoEmptyLineBeforeBlock
	return blackfriday.Run([]byte(text), blackfriday.WithExtensions(extensions)), s.Title, true
}

// Text is a section for a terminal: its Markdown, in which links are their words.
func (m *Manual) Text(id string) (text string, found bool) {
	n, found := m.byID[id]
	if !found {
		return "", false
	}
	return anyLink.ReplaceAllString(m.sections[n].Text, "$1"), true
}
