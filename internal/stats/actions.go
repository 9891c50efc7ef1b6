package stats

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxForm bounds the body of an action.
const maxForm = 16 << 10

// wrong is an action that cannot be done, with the status that says so.
type wrong struct {
	code int
	text string
}

func (w *wrong) Error() string { return w.text }

func wrongf(code int, format string, args ...any) error {
	return &wrong{code, fmt.Sprintf(format, args...)}
}

// serveAction does what a POST to /stats asks for, as HAProxy takes it: s is a server,
// or several, b its proxy by name or as #id, action what to do. The answer is 303 to
// /stats;st=DONE, or a status and a sentence.
func (s *Server) serveAction(w http.ResponseWriter, r *http.Request, may rights) {
	done, err := s.act(r, may)
	if err != nil {
		failed := new(wrong)
		if !errors.As(err, &failed) {
			failed = &wrong{http.StatusInternalServerError, "the action could not be done: " + err.Error()}
		}
		plain(w, failed.code, failed.text+"\n")
		return
	}
	s.logger.Info("set by hand on the statistics page", "action", done.action, "proxy", done.proxy, "servers", strings.Join(done.servers, " "), "from", who(r))
	s.refresh()
	w.Header().Set("Location", "/stats;st=DONE")
	plain(w, http.StatusSeeOther, "done; see /stats\n")
}

// who is whom an action is logged for.
func who(r *http.Request) string {
	if c := connOf(r); c != nil && c.uid >= 0 {
		return fmt.Sprintf("UID %d by the control socket", c.uid)
	}
	return r.RemoteAddr
}

// order is an action that has been understood.
type order struct {
	action, proxy string
	servers       []string
}

func (s *Server) act(r *http.Request, may rights) (order, error) {
	switch {
	case s.operator == nil || !may.admin:
		return order{}, wrongf(http.StatusForbidden, "this needs a user with the admin right: set stats.username with stats.admin, or stats.admin_username, and log in")
	case foreign(r):
		return order{}, wrongf(http.StatusForbidden, "the request was made by another site's page, and is refused")
	}
	o, err := s.order(r)
	if err != nil {
		return o, err
	}
	set := s.operator.SetShard
	if o.proxy == proxySplunk {
		set = s.operator.SetEndpoint
	}
	for _, name := range o.servers {
		if err := set(name, o.action); err != nil {
			return o, err
		}
	}
	return o, nil
}

// order reads the form and finds what it names; nothing has been done when it fails.
func (s *Server) order(r *http.Request) (order, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return order{}, wrongf(http.StatusBadRequest, "the body could not be read")
	}
	if len(body) > maxForm {
		return order{}, wrongf(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", maxForm)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return order{}, wrongf(http.StatusBadRequest, "the body is no form (application/x-www-form-urlencoded)")
	}
	o := order{action: form.Get("action"), proxy: form.Get("b")}
	if !slices.Contains([]string{StateReady, StateDrain, StateMaint}, o.action) {
		return o, wrongf(http.StatusBadRequest, "action %.40q is not one of ready, drain, maint", o.action)
	}
	snap := s.now()
	known := make(map[string]string) // as it may be named → as the stages call it
	switch o.proxy {
	case proxyShards, "#" + strconv.Itoa(len(snap.Sources)+2):
		o.proxy = proxyShards
		for _, sh := range snap.Shards {
			known[sh.Name] = sh.Name
		}
	case proxySplunk, "#" + strconv.Itoa(len(snap.Sources)+3):
		o.proxy = proxySplunk
		for _, e := range snap.Endpoints {
			known[serverName(e.URL)], known[e.URL] = e.URL, e.URL
		}
	default:
		return o, wrongf(http.StatusNotFound, "b=%.40q is not one of %s, %s", o.proxy, proxyShards, proxySplunk)
	}
	if len(form["s"]) == 0 {
		return o, wrongf(http.StatusBadRequest, "s names no server")
	}
	for _, name := range form["s"] {
		if known[name] == "" {
			return o, wrongf(http.StatusNotFound, "there is no %.80q in %s", name, o.proxy)
		}
		o.servers = append(o.servers, known[name])
	}
	return o, nil
}
