package haproxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// Options are what a client writes behind /stats: ;csv, ;json, ;norefresh, ;up, ;st=DONE,
// and the query ?scope=, ?up, ?norefresh.
type Options struct {
	Format    string // csv, json or empty for the page
	NoRefresh bool
	OnlyUp    bool
	Done      bool   // an action has just been done
	Scope     string // shows only what has this text in its name
}

// ParseOptions reads a path that begins with /stats. It reports false for an option that
// HAProxy does not have.
func ParseOptions(path string, query url.Values) (o Options, ok bool) {
	o = Options{Scope: query.Get("scope"), OnlyUp: query.Has("up"), NoRefresh: query.Has("norefresh")}
	_, options, some := strings.Cut(path, ";")
	if !some {
		return o, true
	}
	for option := range strings.SplitSeq(options, ";") {
		switch option {
		case "norefresh":
			o.NoRefresh = true
		case "up":
			o.OnlyUp = true
		case "csv", "json":
			o.Format = option
		case "st=DONE":
			o.Done = true
		default:
			return o, false
		}
	}
	return o, true
}

// Shows reports whether the scope has something of a name, as HAProxy's box does.
func (o Options) Shows(name string) bool { return strings.Contains(name, o.Scope) }

// Choose returns the rows that the options show.
func (o Options) Choose(rows []Row) (chosen []Row) {
	for _, row := range rows {
		if o.Shows(fmt.Sprint(row["pxname"])) && !(o.OnlyUp && row["status"] == "DOWN") {
			chosen = append(chosen, row)
		}
	}
	return chosen
}

// Action sets the mode of servers: a POST to /stats with the fields s (a server, may be
// repeated), b (its proxy, by name or as #id) and action.
type Action struct {
	Mode    string // status.Ready, Drain or Maint
	Proxy   string // Shards or Splunk
	Servers []string
}

// RequestError is an action that cannot be done, with the HTTP status for it.
type RequestError struct {
	Code int
	text string
}

// Error implements error.
func (e *RequestError) Error() string { return e.text }

// Errorf makes a RequestError.
func Errorf(code int, format string, args ...any) error {
	return &RequestError{code, fmt.Sprintf(format, args...)}
}

// ErrorCode is the HTTP status for an error of an action.
func ErrorCode(err error) (code int, text string) {
	if wrong := new(RequestError); errors.As(err, &wrong) {
		return wrong.Code, wrong.text
	}
	return http.StatusInternalServerError, "the action could not be done: " + err.Error()
}

// ParseAction reads the body of the form and finds the servers that it names. The
// error is a *RequestError.
func ParseAction(body string, snap status.Snapshot) (Action, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return Action{}, Errorf(http.StatusBadRequest, "the body is not a form (application/x-www-form-urlencoded)")
	}
	a := Action{Mode: form.Get("action"), Proxy: form.Get("b")}
	if !slices.Contains([]string{status.Ready, status.Drain, status.Maint}, a.Mode) {
		return a, Errorf(http.StatusBadRequest, "action %.40q is not one of ready, drain, maint", a.Mode)
	}
	known := make(map[string]string) // a name in the form → its name in the gateway
	switch a.Proxy {
	case Shards, "#" + strconv.Itoa(len(snap.Sources)+firstID):
		a.Proxy = Shards
		for _, sh := range snap.Shards {
			known[sh.Name] = sh.Name
		}
	case Splunk, "#" + strconv.Itoa(len(snap.Sources)+firstID+1):
		a.Proxy = Splunk
		for _, e := range snap.Endpoints {
			known[text.HostPort(e.URL)], known[e.URL] = e.URL, e.URL
		}
	default:
		return a, Errorf(http.StatusNotFound, "b=%.40q is not one of %s, %s", a.Proxy, Shards, Splunk)
	}
	if len(form["s"]) == 0 {
		return a, Errorf(http.StatusBadRequest, "s names no server")
	}
	for _, name := range form["s"] {
		if known[name] == "" {
			return a, Errorf(http.StatusNotFound, "there is no %.80q in %s", name, a.Proxy)
		}
		a.Servers = append(a.Servers, known[name])
	}
	return a, nil
}
