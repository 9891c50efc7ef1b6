package stats

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"

	"syslog-gateway/docs"
	"syslog-gateway/internal/handbook"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/desk"
	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
)

// refreshSeconds is how often a page without scripts loads itself again.
const refreshSeconds = 5

// page answers /stats, its script, and /help/.
type page struct {
	desk     *desk.Desk
	live     *live
	monitor  *monitor.Monitor
	users    *auth.Users
	operator bool // there is one: the buttons work
	errors   *log.Logger

	manual *handbook.Manual
	// policy allows a browser this style, our script and nothing from elsewhere.
	policy string
}

func newPage(d *desk.Desk, l *live, m *monitor.Monitor, users *auth.Users, operator bool, errors *log.Logger) *page {
	// The digest is of the bytes between <style> and </style> (CSP level 3, section 8.4).
	digest := sha256.Sum256([]byte(d.Style()))
	return &page{
		desk: d, live: l, manual: handbook.New(docs.Files), monitor: m, users: users, operator: operator, errors: errors,
		policy: "default-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; " +
			"img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	}
}

// choice is what a request asks to see, as far as it may.
func (p *page) choice(r *http.Request, may auth.Rights, scope string, up bool) desk.Choice {
	return desk.Choice{Admin: may.Admin && p.operator, Lines: may.Lines, OnlyUp: up, Scope: scope}.Choose(r.URL.Query())
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
	if o.Format != "" {
		p.serveHAProxy(w, o)
		return
	}
	reading := p.live.reading()
	c := p.choice(r, may, o.Scope, o.OnlyUp).Settle(reading)
	if !c.ShowsAny(reading) {
		noScope(w, o.Scope)
		return
	}
	sections, err := p.live.sections(c)
	if err != nil {
		broken(w, p.errors, "/stats", err)
		return
	}
	f := desk.Frame{LogIn: !may.Lines && p.users.Any()}
	if !o.NoRefresh {
		f.Refresh = refreshSeconds
	}
	if o.Done {
		f.Done = "Done."
	}
	texts := make(map[string]string, len(sections))
	for _, s := range sections {
		texts[s.name] = s.html
	}
	body, err := p.desk.Page(f, reading, c, texts)
	if err != nil {
		broken(w, p.errors, "/stats", err)
		return
	}
	write(w, http.StatusOK, "text/html; charset=utf-8", body)
}

func noScope(w http.ResponseWriter, scope string) {
	plain(w, http.StatusNotFound, fmt.Sprintf("no source, shard or endpoint is in the scope %.80q\n", scope))
}

// serveHAProxy answers /stats;csv and /stats;json.
func (p *page) serveHAProxy(w http.ResponseWriter, o haproxy.Options) {
	st := p.monitor.Status()
	if !(desk.Choice{Scope: o.Scope}).ShowsAny(&desk.Reading{Status: st}) {
		noScope(w, o.Scope)
		return
	}
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

func (p *page) serveScript(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "text/javascript; charset=utf-8", p.desk.Script())
}
