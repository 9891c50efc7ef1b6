package stats

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"strings"

	"syslog-gateway/docs"
	"syslog-gateway/internal/handbook"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/tap"
)

// refreshSeconds is how often a page without scripts loads itself again.
const refreshSeconds = 5

//go:embed page.html.tmpl
var pageText string

//go:embed sections.html.tmpl
var sectionsText string

//go:embed style.css
var styleText string

// scriptText keeps the page up to date and runs the tap. Without scripts the page loads
// itself again.
//
//go:embed page.js
var scriptText []byte

// page renders /stats and its sections.
type page struct {
	monitor  *monitor.Monitor
	users    *auth.Users
	operator bool      // there is one: the buttons work
	unknown  *tap.Ring // optional
	errors   *log.Logger

	manual   *handbook.Manual
	template *template.Template
	style    template.CSS
	// policy allows a browser this style, our script and nothing from elsewhere.
	policy string
}

func newPage(m *monitor.Monitor, users *auth.Users, operator bool, unknown *tap.Ring, errors *log.Logger) (*page, error) {
	t, err := template.New("page").Funcs(functions()).Parse(pageText)
	if err == nil {
		t, err = t.Parse(sectionsText)
	}
	if err != nil {
		return nil, fmt.Errorf("stats: page template: %w", err)
	}
	// The digest is of the bytes between <style> and </style> (CSP level 3, section 8.4).
	digest := sha256.Sum256([]byte(styleText))
	return &page{
		manual: handbook.New(docs.Files), monitor: m, users: users, operator: operator, unknown: unknown, errors: errors, template: t, style: template.CSS(styleText),
		policy: "default-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; " +
			"img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	}, nil
}

// shown is what the content of a page depends on.
type shown struct {
	admin, lines, up bool
	scope            string
}

func (p *page) shown(may auth.Rights, scope string, up bool) shown {
	return shown{admin: may.Admin && p.operator, lines: may.Lines, up: up, scope: scope}
}

// view takes a reading for a page.
func (p *page) view(what shown) view {
	st := p.monitor.Status()
	senders := p.monitor.Senders(st.Snapshot)
	v := view{
		Status: st, Style: p.style, Scope: what.scope, OnlyUp: what.up, Admin: what.admin, Lines: what.lines,
		Top: senders.Top(what.scope), Silent: senders.Silent(what.scope),
		Classes: p.monitor.Classes(st.Snapshot, func(source string) bool { return strings.Contains(source, what.scope) }, shownClasses),
		Rules:   p.monitor.Rules(st.Snapshot, shownRules),
	}
	if what.lines {
		v.Unknown = newestUnknown(p.unknown, what.scope)
	}
	return v
}

// serve answers /stats with HAProxy's options. The page is rendered whole before the first
// byte is sent, so an error never ends in half a page.
func (p *page) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	if may.Lines && p.users.AsksToLogIn(r) {
		// The absolute address has no name and password: with these in it a browser asks
		// for them each time.
		w.Header().Set("Location", "//"+r.Host+"/stats")
		plain(w, http.StatusSeeOther, "logged in; see /stats\n")
		return
	}
	o, ok := haproxy.ParseOptions(r.URL.Path, r.URL.Query())
	if !ok {
		notFound(w)
		return
	}
	v := p.view(p.shown(may, o.Scope, o.OnlyUp))
	v.LogIn = !may.Lines && p.users.Any()
	if !o.NoRefresh {
		v.Refresh = refreshSeconds
	}
	if o.Done {
		v.Done = "Done."
	}
	if !v.showsAny() {
		plain(w, http.StatusNotFound, fmt.Sprintf("no source, shard or endpoint is in the scope %.80q\n", o.Scope))
		return
	}
	if o.Format != "" {
		p.serveHAProxy(w, o, v.Status)
		return
	}
	p.execute(w, "/stats", "page", v)
}

// execute answers with a template, whole or not at all.
func (p *page) execute(w http.ResponseWriter, path, name string, v any) {
	var b bytes.Buffer
	if err := p.template.ExecuteTemplate(&b, name, v); err != nil {
		broken(w, p.errors, path, err)
		return
	}
	write(w, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

// serveHAProxy answers /stats;csv and /stats;json.
func (p *page) serveHAProxy(w http.ResponseWriter, o haproxy.Options, st monitor.Status) {
	rows := o.Choose(haproxy.Rows(st, p.monitor.Peaks()))
	if o.Format == "csv" {
		write(w, http.StatusOK, "text/plain; charset=utf-8", haproxy.CSV(rows))
		return
	}
	body, err := haproxy.JSON(rows)
	if err != nil {
		broken(w, p.errors, "/stats;json", err)
		return
	}
	write(w, http.StatusOK, "application/json", body)
}

func serveScript(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "text/javascript; charset=utf-8", scriptText)
}

// sections names the sections of the page, which are sent again when they change, in their
// order.
func sections() []string {
	return []string{"uptime", "health", "books", "sources", "queue", "streams", "endpoints", "classes", "packs", "rules", "senders", "unknown", "problems"}
}

// part is a rendered section, as a server-sent event, and its digest.
type section struct {
	text []byte
	sum  [sha256.Size]byte
}

// render renders all sections.
func (p *page) render(what shown) (map[string]section, error) {
	v := p.view(what)
	rendered := make(map[string]section)
	for _, name := range sections() {
		var b bytes.Buffer
		if err := p.template.ExecuteTemplate(&b, name, v); err != nil {
			return nil, fmt.Errorf("section %s: %w", name, err)
		}
		message, err := sectionJSON(name, v.Health.Level, b.String())
		if err != nil {
			return nil, err
		}
		rendered[name] = section{fmt.Appendf(nil, "event: section\ndata: %s\n\n", message), sha256.Sum256(message)}
	}
	return rendered, nil
}

// sectionJSON encodes a section for the page's script. It is never part of a page, so <
// and > need no escape.
func sectionJSON(id, level, html string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]string{"id": id, "html": html, "level": level})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
