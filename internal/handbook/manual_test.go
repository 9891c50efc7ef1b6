package handbook

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"syslog-gateway/docs"
	"syslog-gateway/internal/testkit"
)

var place = Place{Root: "/help/", Home: Link{Text: "Statistics", To: "/stats"}}

func document(t *testing.T, m *Manual, name string) string {
	t.Helper()
	page, found, err := m.Document(name, place)
	if err != nil || !found {
		t.Fatalf("%s: found %v, %v", name, found, err)
	}
	return string(page)
}

// Each page and section that the program has can be shown, holds no element that could do
// anything, and its links lead to what there is.
func TestShipped(t *testing.T) {
	m := New(docs.Files)
	names := []string{""}
	testkit.Must(t, fs.WalkDir(docs.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	for _, s := range m.Sections() {
		names = append(names, s.ID)
		text, found := m.Text(s.ID)
		if !found || strings.Contains(text, "](") {
			t.Errorf("%s as text: %v", s.ID, found)
		}
	}
	if len(names) < 70 || len(m.byID) != len(m.sections) {
		t.Errorf("%d pages and sections, %d IDs for %d sections", len(names), len(m.byID), len(m.sections))
	}
	seen := make(map[string]map[string]bool) // IDs by page
	for _, name := range names {
		seen[name] = idsOf(t, name, document(t, m, name))
	}
	links := 0
	for _, name := range names {
		for _, to := range linksOf(document(t, m, name)) {
			page, id, _ := strings.Cut(to, "#")
			if page == "" {
				page = "/help/" + name
			}
			page, ours := strings.CutPrefix(page, "/help/")
			if !ours {
				continue
			}
			links++
			if ids, known := seen[page]; !known || id != "" && !ids[id] {
				t.Errorf("%s links to %q, which there is not", name, to)
			}
		}
	}
	if links < 500 {
		t.Errorf("only %d links were seen", links)
	}
}

// harmless are the elements and attributes that a page may have.
var harmless = map[string][]string{
	"html": {"lang"}, "head": nil, "meta": {"charset", "name", "content"}, "title": nil, "link": {"rel", "href"}, "body": nil, "header": nil, "div": {"class"},
	"main": nil, "nav": {"id", "aria-label"}, "details": {"class"}, "summary": nil, "h1": {"id"}, "h2": {"id"}, "h3": {"id"}, "h4": {"id"}, "p": nil, "ul": nil, "ol": {"start"},
	"li": {"class"}, "a": {"href", "class"}, "code": {"class"}, "pre": nil, "em": nil, "strong": nil, "br": nil, "hr": nil, "blockquote": nil,
	"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"style"}, "td": {"style"},
}

// idsOf checks the elements of a page and returns its IDs.
func idsOf(t *testing.T, name, page string) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	for _, wrong := range elements(page, func(id string) { ids[id] = true }) {
		t.Errorf("%s: %s", name, wrong)
	}
	return ids
}

func elements(page string, id func(string)) (wrong []string) {
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		token := z.Token()
		if token.Type == html.CommentToken {
			wrong = append(wrong, "a comment: "+token.Data)
		}
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		may, known := harmless[token.Data]
		if !known {
			wrong = append(wrong, "the element "+token.Data)
		}
		for _, a := range token.Attr {
			if !slices.Contains(may, a.Key) || a.Key == "href" && !regexp.MustCompile(`^(https?://|/help/|/stats$|#)`).MatchString(a.Val) {
				wrong = append(wrong, token.Data+" with "+a.Key+"="+a.Val)
			}
			if a.Key == "id" {
				id(a.Val)
			}
		}
	}
	return wrong
}

func linksOf(page string) (all []string) {
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		for _, a := range z.Token().Attr {
			if a.Key == "href" && a.Val != "/help/style.css" {
				all = append(all, a.Val)
			}
		}
	}
	return all
}

// HTML and links that could do something are text, whoever wrote them.
func TestHostileMarkdown(t *testing.T) {
	const hostile = "# T <script>alert(1)</script>\n\n<script>alert(2)</script>\n\n<!-- note --> <img src=x onerror=alert(3)>\n\n" +
		"[a](javascript:alert(4)) [b](data:text/html,x) <javascript:alert(5)> ![c](https://example.com/c.png) [d](//example.com) [e](../../etc/passwd.md)\n\n" +
		"<a href=\"x\" onclick=\"alert(6)\">f</a> <https://example.com/>\n\n| a<br>b | <b>c</b> |\n|---|---|\n| <svg onload=alert(7)> | d |\n\n<div onclick=x\n\n## <i>x</i> {onclick=alert(8)}\n"
	m := New(fstest.MapFS{"x.md": {Data: []byte(hostile)}})
	page := document(t, m, "x.md")
	for _, wrong := range elements(page, func(string) {}) {
		t.Error(wrong)
	}
	testkit.Holds(t, "page", page, "&lt;script&gt;alert(2)&lt;/script&gt;", "a<br>b", "&lt;svg onload=alert(7)&gt;", `href="https://example.com/"`)
	testkit.Lacks(t, "page", page, "<script", "<svg", "<img", "note", "<div onclick", `href="javascript`, `href="data`, "passwd.md\"", "href=\"//")
	if len(elements(`<p onclick="x"><script></script><a href="javascript:x">`, func(string) {})) != 3 {
		t.Error("control: the check of elements finds nothing")
	}
}

func TestFilesOutsideAreNotShown(t *testing.T) {
	m := New(fstest.MapFS{"x.md": {Data: []byte("# x")}, "y.txt": {Data: []byte("y")}, "d.md/z.md": {Data: []byte("z")}})
	for _, name := range []string{"", "../x.md", "/x.md", "y.txt", "d.md", "x.md/", "no-such", "./x.md"} {
		if page, found, err := m.Document(name, place); found || err != nil {
			t.Errorf("%q: %s, %v", name, page, err)
		}
	}
	document(t, m, "x.md") // the control
}

func TestSections(t *testing.T) {
	m := New(docs.Files)
	page := document(t, m, "endpoint-down-or-refused")
	testkit.Holds(t, "with its subsections", page, `<h3 id="several-servers-behind-one-name">Several servers behind one name</h3>`, "<li>")
	page = document(t, m, "an-endpoint-that-confirms-nothing")
	testkit.Lacks(t, "a subsection", page, "Queue fills</h2>", ">Several servers")
	page = document(t, m, "events-dropped")
	testkit.Holds(t, "a table", page, "<table>", "<code>drop_oldest</code>", `<a href="/help/corrupt-records">`)
	page = document(t, m, "")
	testkit.Holds(t, "the contents", page, `href="/help/kernel-drops"`, `href="/help/devices/README.md"`)
}

func TestDivide(t *testing.T) {
	const text = "# T\nbefore\n## One & only\na [b](#two) [c](x.md#y) [d](https://e.f) [g](z.md#y)\n```sh\n## no heading\n```\n### Two\nx\n## Three\ny\n"
	m := New(fstest.MapFS{"operations.md": {Data: []byte(text)}, "z.md": {Data: []byte("## y")}})
	var ids []string
	for _, s := range m.Sections() {
		ids = append(ids, s.ID)
	}
	testkit.Equal(t, "sections", strings.Join(ids, " "), "one--only two three")
	page := document(t, m, "one--only")
	testkit.Holds(t, "html", page, `<a href="/help/two">b</a> c <a href="https://e.f">d</a> <a href="/help/z.md#y">g</a>`, "## no heading", ">Two</h3>")
	text2, _ := m.Text("one--only")
	testkit.Holds(t, "text", text2, "a b c d g\n")
	testkit.Lacks(t, "text", text2, "Three", "before")
}

func FuzzRender(f *testing.F) {
	f.Add("# a\n[b](c) <br> <!-- x --> | d |\n|---|\n")
	f.Add("<script>\n```\n# x\n# x\n")
	f.Fuzz(func(t *testing.T, text string) {
		page, err := Render([]byte(text), func(to string, _ bool) (string, bool) { return "#" + ID(to), true })
		if err != nil {
			t.Fatal(err)
		}
		for z := html.NewTokenizer(strings.NewReader(string(page.HTML))); z.Next() != html.ErrorToken; {
			if name, _ := z.TagName(); string(name) == "script" {
				t.Errorf("a script: %q", page.HTML)
			}
		}
	})
}
