package stats

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// refreshSeconds is how often a page without scripts loads itself again.
const refreshSeconds = 5

//go:embed page.html.tmpl
var pageText string

//go:embed sections.html.tmpl
var sectionsText string

//go:embed style.css
var styleText string

// scriptText keeps the page up to date and runs the tap. Without it the page loads
// itself again.
//
//go:embed page.js
var scriptText []byte

// page is the template of /stats with its style, and the policy for a browser that
// allows this style, our script and nothing from elsewhere.
type page struct {
	template *template.Template
	style    template.CSS
	policy   string
}

func newPage() (*page, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"balances": balances,
		"number":   writeNumber,
		"size":     writeSize,
		"seconds":  func(s float64) string { return span(time.Duration(s * float64(time.Second))) },
		"age":      age,
		"moment":   moment,
		"percent":  percent,
		"advice":   bufferAdvice,
		"state":    endpointState,
		"shard":    shardState,
		"join":     strings.Join,
		"within":   within,
		"rate":     writeRate,
		"points":   points,
		"server":   serverName,
		"offset":   offset,
	}).Parse(pageText)
	if err == nil {
		t, err = t.Parse(sectionsText)
	}
	if err != nil {
		return nil, fmt.Errorf("stats: page template: %w", err)
	}
	// What stands between <style> and </style>, byte by byte (CSP level 3,
	// section 8.4).
	digest := sha256.Sum256([]byte(styleText))
	policy := "default-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; " +
		"img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	return &page{template: t, style: template.CSS(styleText), policy: policy}, nil
}

// view is what the template sees.
type view struct {
	status
	Style   template.CSS
	Refresh int // seconds; 0: the page stays as it is
	Scope   string
	OnlyUp  bool
	Admin   bool   // the buttons are shown
	Lines   bool   // the tap is shown
	LogIn   bool   // it would be to a user
	Done    string // what an action came to
	Top     []sender
	Quiet   []sender // who fell silent
}

// Events is where the page hears what has changed.
func (v view) Events() string {
	q := url.Values{}
	if v.Scope != "" {
		q.Set("scope", v.Scope)
	}
	if v.OnlyUp {
		q.Set("up", "1")
	}
	if len(q) == 0 {
		return "/api/v1/events"
	}
	return "/api/v1/events?" + q.Encode()
}

// within reports whether a scope shows what has a name, as HAProxy's box does.
func within(scope, name string) bool { return strings.Contains(name, scope) }

// view makes what a page shows of a new reading.
func (s *Server) view(what shown) view {
	st := s.status()
	c := s.watcher.crowd(st.Snapshot)
	return view{
		status: st, Style: s.page.style, Scope: what.scope, OnlyUp: what.up, Admin: what.admin, Lines: what.lines,
		Top: c.top(what.scope), Quiet: c.silent(what.scope),
	}
}

// scoped reports whether a scope shows anything at all.
func (v view) scoped() bool {
	for _, src := range v.Sources {
		if within(v.Scope, src.Balance.Source) {
			return true
		}
	}
	return within(v.Scope, proxyShards) || within(v.Scope, proxySplunk)
}

// servePage answers /stats and what HAProxy writes behind it: ;csv, ;json, ;norefresh,
// ;up, ;st=DONE and ?scope=. The page is rendered whole before the first byte is sent,
// so an error never ends in half a page.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, may rights) {
	if may.lines && asksToLogIn(r, len(s.users.users) > 0) {
		// With the host, so that a name and password in the page's address are not in
		// the next one: with these a browser waits to be asked each time.
		w.Header().Set("Location", "//"+r.Host+"/stats")
		plain(w, http.StatusSeeOther, "logged in; see /stats\n")
		return
	}
	what := shown{admin: may.admin && s.operator != nil, lines: may.lines, scope: r.URL.Query().Get("scope"), up: r.URL.Query().Has("up")}
	refresh, format, done := refreshSeconds, "", ""
	_, options, some := strings.Cut(r.URL.Path, ";")
	for option := range strings.SplitSeq(options, ";") {
		switch {
		case option == "norefresh":
			refresh = 0
		case option == "up":
			what.up = true
		case option == "csv" || option == "json":
			format = option
		case option == "st=DONE":
			done = "Done."
		case some:
			notFound(w)
			return
		}
	}
	if r.URL.Query().Has("norefresh") {
		refresh = 0
	}
	v := s.view(what)
	v.Refresh, v.Done = refresh, done
	v.LogIn = !may.lines && len(s.users.users) > 0
	if !v.scoped() {
		plain(w, http.StatusNotFound, fmt.Sprintf("no source, shard or endpoint is in the scope %.80q\n", what.scope))
		return
	}
	if format != "" {
		s.serveHAProxy(w, v, format == "json")
		return
	}
	var b bytes.Buffer
	if err := s.page.template.Execute(&b, v); err != nil {
		s.broken(w, "/stats", err)
		return
	}
	write(w, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

func (s *Server) serveScript(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "text/javascript; charset=utf-8", scriptText)
}

// writeNumber is number for whatever whole number a template has.
func writeNumber(n any) string {
	switch n := n.(type) {
	case int:
		return number(n)
	case int64:
		return number(n)
	case uint64:
		return number(n)
	}
	return fmt.Sprint(n)
}

// writeSize is size for whatever whole number a template has.
func writeSize(n any) string {
	switch n := n.(type) {
	case int:
		return size(n)
	case int64:
		return size(n)
	case uint64:
		return size(n)
	}
	return fmt.Sprint(n)
}

// writeRate writes events a second: small rates with a digit behind the point.
func writeRate(r float64) string {
	if r > 0 && r < 10 {
		return fmt.Sprintf("%.1f/s", r)
	}
	return number(int64(r+0.5)) + "/s"
}

// points are the corners of a line of 120 by 24 that shows how values went, the highest
// at the top.
func points(values []float64) string {
	top := 1.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for i, v := range values {
		x := 120 - 2*float64(len(values)-1-i)
		fmt.Fprintf(&b, "%.0f,%.1f ", x, 23-22*v/top)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// age is how long ago t was, and a dash for never.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return span(now.Sub(t))
}

// endpointState is the word for the state of an endpoint.
func endpointState(e Endpoint) string {
	word := "down"
	switch {
	case e.State != "":
		word = e.State
	case e.Up:
		word = "up"
	}
	if e.Aside != "" {
		word += ", " + e.Aside
	}
	return word
}

// shardState is the word for the state of a shard.
func shardState(s Shard) string {
	switch {
	case s.Full && s.Fault == "":
		return "full"
	case s.Stuck:
		return "stuck"
	case s.Aside != "":
		return s.Aside
	case s.Draining:
		return "draining"
	}
	return "ok"
}

// bufferAdvice says what to set where the kernel drops datagrams, or soon may
// because it granted less than was asked for (socket(7), SO_RCVBUF).
func bufferAdvice(s Source) string {
	const set = "sysctl -w net.core.rmem_max=%d"
	granted, wanted := s.ReceiveBuffer, s.ReceiveBufferWanted
	switch {
	case 0 < granted && granted < wanted:
		return fmt.Sprintf("The kernel granted %s of %s bytes: "+set+" and restart", number(granted), number(wanted), wanted)
	case s.KernelDrops > 0 && granted > 0:
		return fmt.Sprintf("Set receive_buffer of this source above %s bytes, "+set+" and restart", number(granted), 2*granted)
	case s.KernelDrops > 0:
		return "Raise receive_buffer of this source and net.core.rmem_max"
	}
	return ""
}

// buttons are what the page offers to set a server to.
type buttons struct {
	Proxy, Name string
	Actions     []string
}

// Buttons are those of one server.
func (v view) Buttons(proxy, name string) buttons {
	return buttons{proxy, name, []string{StateReady, StateDrain, StateMaint}}
}

// shownSender is a sender and the time that its age is told by.
type shownSender struct {
	S   sender
	Now time.Time
}

// Of is a sender of this page.
func (v view) Of(s sender) shownSender { return shownSender{s, v.Now} }
