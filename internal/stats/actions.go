package stats

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/haproxy"
	"syslog-gateway/internal/stats/monitor"
)

// Operator sets the mode of shards and endpoints: status.Ready, Drain or Maint.
type Operator interface {
	SetShard(name, mode string) error
	SetEndpoint(url, mode string) error
}

// maxForm bounds the body of an action, in bytes.
const maxForm = 16 << 10

// actions sets the mode of shards and endpoints on behalf of a user.
type actions struct {
	operator Operator // nil if there is none
	monitor  *monitor.Monitor
	logger   *slog.Logger
	done     func() // is called after each action
}

// serve does what a POST to /stats asks for. The answer is 303 to /stats;st=DONE, as
// HAProxy's, or a status and a sentence.
func (a *actions) serve(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	action, err := a.do(r, may)
	if err != nil {
		code, text := haproxy.ErrorCode(err)
		plain(w, code, text+"\n")
		return
	}
	a.logger.Info("an operator set the mode of servers", "action", action.Mode, "proxy", action.Proxy,
		"servers", strings.Join(action.Servers, " "), "from", requester(r))
	a.done()
	w.Header().Set("Location", "/stats;st=DONE")
	plain(w, http.StatusSeeOther, "done; see /stats\n")
}

// do checks everything before it sets the first mode.
func (a *actions) do(r *http.Request, may auth.Rights) (haproxy.Action, error) {
	switch {
	case a.operator == nil || !may.Admin:
		return haproxy.Action{}, haproxy.Errorf(http.StatusForbidden, "this needs a user with the admin right: set stats.username with stats.admin, or stats.admin_username, and log in")
	case auth.CrossSite(r):
		return haproxy.Action{}, haproxy.Errorf(http.StatusForbidden, "the request was made by another site's page, and is refused")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	switch {
	case err != nil:
		return haproxy.Action{}, haproxy.Errorf(http.StatusBadRequest, "the body could not be read")
	case len(body) > maxForm:
		return haproxy.Action{}, haproxy.Errorf(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", maxForm)
	}
	action, err := haproxy.ParseAction(string(body), a.monitor.Snapshot())
	if err != nil {
		return action, err
	}
	set := a.operator.SetShard
	if action.Proxy == haproxy.Splunk {
		set = a.operator.SetEndpoint
	}
	for _, name := range action.Servers {
		if err := set(name, action.Mode); err != nil {
			return action, err
		}
	}
	return action, nil
}

// requester is who asked, for the log.
func requester(r *http.Request) string {
	if c := connOf(r); c != nil && c.uid >= 0 {
		return fmt.Sprintf("UID %d by the control socket", c.uid)
	}
	return r.RemoteAddr
}
