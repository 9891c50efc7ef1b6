// Package handbook shows the documentation: Markdown as HTML and as text. The statistics page
// serves parts of it at /help/, a terminal prints sections, and docs/site writes all of it as
// a static site.
//
// What is rendered is ours, but nothing here trusts it: HTML in the Markdown becomes text, and
// a link leads only where its reader says (CommonMark 0.31, GitHub Flavored Markdown 0.29).
package handbook

import (
	"bytes"
	_ "embed"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Style is the CSS of all pages.
//
//go:embed style.css
var Style []byte

//go:embed page.html.tmpl
var layoutText string

var layout = template.Must(template.New("page").Parse(layoutText))

// Link is a place and its name. Under is the ID of the heading above it.
type Link struct{ Text, To, Under string }

// Heading is one of a page, of level 1 to 6.
type Heading struct {
	ID, Title string
	Level     int
}

// Page is a rendered document.
type Page struct {
	Title    string // of the first heading
	Headings []Heading
	Links    []Link // in their order; To as Render's lead has returned it
	HTML     template.HTML
}

// Lead says where a link of a text leads, or where its image is; with ok false only the words
// are shown.
type Lead func(dest string, image bool) (to string, ok bool)

// Render makes HTML of Markdown.
func Render(source []byte, lead Lead) (Page, error) {
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(plainHTML{}, 100))),
	)
	doc := md.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(&ids{taken: make(map[string]bool)}))))
	page := gather(doc, source, lead)
	var out bytes.Buffer
	err := md.Renderer().Render(&out, source, doc)
	page.HTML = template.HTML(out.String())
	return page, err
}

// gather notes headings and links, and sets where these lead.
func gather(doc ast.Node, source []byte, lead Lead) Page {
	var page Page
	var wordsOnly []ast.Node
	under := ""
	follow := func(n ast.Node, dest *[]byte, image bool) {
		to, ok := lead(string(*dest), image)
		if !ok {
			wordsOnly = append(wordsOnly, n)
			return
		}
		*dest = []byte(to)
		page.Links = append(page.Links, Link{words(n, source), to, under})
	}
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			id, _ := n.AttributeString("id")
			name, _ := id.([]byte)
			under = string(name)
			h := Heading{under, words(n, source), n.Level}
			if page.Title == "" {
				page.Title = h.Title
			}
			page.Headings = append(page.Headings, h)
		case *ast.Link:
			follow(n, &n.Destination, false)
		case *ast.Image:
			follow(n, &n.Destination, true)
		case *ast.AutoLink:
			// <Severity:component> would be one, too.
			if to := string(n.URL(source)); !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") {
				n.AppendChild(n, ast.NewString(n.Label(source)))
				wordsOnly = append(wordsOnly, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range wordsOnly {
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			n.Parent().InsertBefore(n.Parent(), n, child)
		}
		n.Parent().RemoveChild(n.Parent(), n)
	}
	return page
}

// words are the text below a node, without markup.
func words(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Value(source))
				if n.SoftLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
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

// ids gives headings of one page their IDs: a second one of the same words gets a number.
type ids struct{ taken map[string]bool }

// Generate implements parser.IDs.
func (g *ids) Generate(value []byte, _ ast.NodeKind) []byte {
	base := ID(strings.TrimSpace(string(value)))
	id := base
	for n := 1; g.taken[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	g.taken[id] = true
	return []byte(id)
}

// Put implements parser.IDs.
func (g *ids) Put(value []byte) { g.taken[string(value)] = true }

// plainHTML shows HTML in Markdown as text. A comment is left out; a break of a line is one.
type plainHTML struct{}

var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

// RegisterFuncs implements renderer.NodeRenderer.
func (plainHTML) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			writePlain(w, n.(*ast.RawHTML).Segments.Value(source))
		}
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			block := n.(*ast.HTMLBlock)
			html := block.Lines().Value(source)
			if block.HasClosure() {
				html = append(html, block.ClosureLine.Value(source)...)
			}
			if html = comment.ReplaceAll(html, nil); len(bytes.TrimSpace(html)) > 0 {
				_, _ = w.WriteString("<p>")
				writePlain(w, html)
				_, _ = w.WriteString("</p>\n")
			}
		}
		return ast.WalkContinue, nil
	})
}

func writePlain(w util.BufWriter, html []byte) {
	rest := comment.ReplaceAll(html, nil)
	if string(rest) != "<br>" {
		rest = util.EscapeHTML(rest)
	}
	_, _ = w.Write(rest)
}

// Group is a part of the contents.
type Group struct {
	Title string
	Links []Link
}

// View is a page with what stands around it.
type View struct {
	Page
	Style  string // where the CSS is
	Home   []Link // above everything
	Groups []Group
}

// Deep are the headings that the page's own contents show: too many are no contents.
func (v View) Deep() []Heading {
	var all, upper []Heading
	for _, h := range v.Headings {
		if h.Level == 2 || h.Level == 3 {
			all = append(all, h)
		}
		if h.Level == 2 {
			upper = append(upper, h)
		}
	}
	if len(all) > 40 {
		all = upper
	}
	if len(all) < 3 {
		return nil
	}
	return all
}

// Document is the whole HTML.
func (v View) Document() ([]byte, error) {
	var out bytes.Buffer
	err := layout.Execute(&out, v)
	return out.Bytes(), err
}

// Contents are the links of a page by the headings of the second level above them.
func Contents(page Page) []Group {
	var groups []Group
	for _, h := range page.Headings {
		g := Group{Title: h.Title}
		for _, l := range page.Links {
			if l.Under == h.ID {
				g.Links = append(g.Links, l)
			}
		}
		if h.Level == 2 && len(g.Links) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}
