package help

import (
	"strings"
	"testing"

	"syslog-gateway/docs"
	"syslog-gateway/internal/testkit"
)

// Each section of the real page can be shown, whole, without anything from elsewhere.
func TestOperations(t *testing.T) {
	m := New(docs.Operations)
	if n := len(m.Sections()); n < 30 {
		t.Errorf("%d sections", n)
	}
	for _, s := range m.Sections() {
		html, title, found := m.HTML(s.ID, "/help/")
		if !found || title != s.Title || len(html) < 100 {
			t.Errorf("%s: %v, %d bytes", s.ID, found, len(html))
		}
		testkit.Lacks(t, s.ID, string(html), "<script", "<img", "src=", ".md\"", "](", `href="#`)
		for _, link := range strings.Split(string(html), `href="/help/`)[1:] {
			id, _, _ := strings.Cut(link, `"`)
			if _, known := m.byID[id]; !known {
				t.Errorf("%s links to %q, which there is not", s.ID, id)
			}
		}
		text, found := m.Text(s.ID)
		if !found || strings.Contains(text, "](") {
			t.Errorf("%s as text: %v", s.ID, found)
		}
	}
	html, _, _ := m.HTML("endpoint-down-or-refused", "/help/")
	testkit.Holds(t, "with its subsections", string(html), "<h3>Several servers behind one name</h3>", "<li>")
	html, _, _ = m.HTML("an-endpoint-that-confirms-nothing", "/help/")
	testkit.Lacks(t, "a subsection", string(html), "Queue fills</h2>", "Several servers")
	html, _, _ = m.HTML("events-dropped", "/help/")
	testkit.Holds(t, "a table", string(html), "<table>", "<code>drop_oldest</code>", `<a href="/help/corrupt-records">`)
	if _, _, found := m.HTML("no-such", "/help/"); found {
		t.Error("a section that there is not")
	}
}

func TestDivide(t *testing.T) {
	m := New("# T\nbefore\n## One & only\na [b](#two) [c](x.md#y) [d](https://e.f)\n```sh\n## no heading\n```\n### Two\nx\n## Three\ny\n")
	var ids []string
	for _, s := range m.Sections() {
		ids = append(ids, s.ID)
	}
	testkit.Equal(t, "sections", strings.Join(ids, " "), "one--only two three")
	html, _, _ := m.HTML("one--only", "/h/")
	testkit.Holds(t, "html", string(html), `<a href="/h/two">b</a> c <a href="https://e.f">d</a>`, "## no heading", "<h3>Two</h3>")
	text, _ := m.Text("one--only")
	testkit.Holds(t, "text", text, "a b c d\n")
	testkit.Lacks(t, "text", text, "Three", "before")
}
