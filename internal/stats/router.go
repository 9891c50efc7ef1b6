package stats

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/monitor"
)

// router sets the headers of every answer, checks who asks, and finds the handler.
type router struct {
	routes   map[string]route
	act      route // of POST /stats
	users    *auth.Users
	policy   string // Content-Security-Policy
	refused  *prometheus.CounterVec
	guessLog *log.Logger // of wrong passwords
}

// route answers a request that has some rights.
type route func(http.ResponseWriter, *http.Request, auth.Rights)

func routes(p *page, l *live, a *api, t *tapStreams, u *unknownLines, metrics http.Handler, profiles bool) map[string]route {
	anybody := func(h http.HandlerFunc) route {
		return func(w http.ResponseWriter, r *http.Request, _ auth.Rights) { h(w, r) }
	}
	routes := map[string]route{
		"/":                          anybody(serveRoot),
		"/stats":                     p.serve,
		"/stats.js":                  anybody(p.serveScript),
		"/api/v1/status":             anybody(a.serveStatus),
		"/api/v1/sources":            anybody(a.serveList("sources", func(st monitor.Status) any { return st.Sources })),
		"/api/v1/shards":             anybody(a.serveList("shards", func(st monitor.Status) any { return st.Shards })),
		"/api/v1/endpoints":          anybody(a.serveList("endpoints", func(st monitor.Status) any { return st.Endpoints })),
		"/api/v1/senders":            anybody(a.serveSenders),
		"/api/v1/deadletters":        a.serveDeadLetters,
		"/api/v1/deadletters/groups": anybody(a.serveDeadLetterGroups),
		"/api/v1/history":            anybody(a.serveHistory),
		"/api/v1/volume":             anybody(a.serveVolume),
		"/api/v1/drops":              anybody(a.serveDrops),
		"/api/v1/counters":           anybody(a.serveCounters),
		helpRoot:                     anybody(p.serveHelp),
		"/api/v1/classes":            anybody(a.serveClasses),
		"/api/v1/rules":              anybody(a.serveRules),
		"/api/v1/unparsed":           u.serve,
		"/api/v1/events":             l.serve,
		"/api/v1/tap":                t.serve,
		"/api/v1/openapi.yaml":       anybody(serveOpenAPI),
		"/metrics":                   anybody(metrics.ServeHTTP),
		"/healthz":                   anybody(serveHealth),
		"/readyz":                    anybody(a.serveReady),
	}
	if profiles {
		addProfiles(routes)
	}
	return routes
}

// addProfiles serves net/http/pprof to those who may see lines of messages: a heap holds
// some.
func addProfiles(routes map[string]route) {
	const root = "/debug/pprof/"
	pages := map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	}
	for _, name := range []string{"heap", "goroutine", "allocs", "block", "mutex", "threadcreate"} {
		pages[name] = pprof.Handler(name).ServeHTTP
	}
	for name, h := range pages {
		routes[root+name] = func(w http.ResponseWriter, r *http.Request, may auth.Rights) {
			if !may.Lines {
				forbidLines(w)
				return
			}
			w.Header().Del("Content-Security-Policy") // its index has a style of its own
			h(w, r)
		}
	}
}

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", rt.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // a form without one has no origin either
	h.Set("Cache-Control", "no-store")

	c := connOf(r)
	if c != nil {
		c.busy.Add(1)
		defer c.busy.Add(-1)
	}
	may, ok := rt.admit(w, r, c)
	if !ok {
		return
	}
	// HAProxy writes options of the page into its path: /stats;norefresh
	path := r.URL.Path
	if strings.HasPrefix(path, "/stats;") {
		path = "/stats"
	}
	if strings.HasPrefix(path, helpRoot) {
		path = helpRoot
	}
	handler, ok := rt.routes[path]
	switch {
	case !ok:
		notFound(w)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		handler(w, r, may)
	case path != "/stats":
		h.Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered\n")
	default:
		h.Set("Allow", "GET, HEAD, POST")
		if r.Method == http.MethodPost {
			rt.act(w, r, may)
			return
		}
		plain(w, http.StatusMethodNotAllowed, "only GET, HEAD and POST are answered\n")
	}
}

// admit finds the rights of a request, or answers it.
func (rt *router) admit(w http.ResponseWriter, r *http.Request, c *conn) (may auth.Rights, ok bool) {
	switch {
	case r.URL.Path == "/healthz" || r.URL.Path == "/readyz":
		return may, true
	case c != nil && c.uid >= 0:
		if !auth.Trusted(c.uid) {
			plain(w, http.StatusForbidden, fmt.Sprintf(
				"the control socket answers root and the user that the gateway runs as (UID %d), and you are UID %d\n", os.Geteuid(), c.uid))
			return may, false
		}
		return auth.Rights{Lines: true, Admin: true}, true
	}
	may, ok, err := rt.users.Admit(r, party(r.RemoteAddr))
	if !ok {
		rt.refuse(w, err)
	}
	return may, ok
}

// refuse answers a request that was not admitted.
func (rt *router) refuse(w http.ResponseWriter, err error) {
	wait := new(auth.WaitError)
	switch {
	case errors.As(err, &wait):
		rt.refused.WithLabelValues("wait").Inc()
		w.Header().Set("Retry-After", strconv.Itoa(wait.Seconds()))
		plain(w, http.StatusTooManyRequests, wait.Error()+"\n")
		return
	case err != nil:
		rt.refused.WithLabelValues("password").Inc()
		rt.guessLog.Print(err)
	}
	w.Header().Set("WWW-Authenticate", auth.Challenge)
	plain(w, http.StatusUnauthorized, "user name and password are needed\n")
}

func serveRoot(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "/stats")
	plain(w, http.StatusFound, "see /stats\n")
}

func serveHealth(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }
