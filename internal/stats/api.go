package stats

import (
	_ "embed"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
)

// openAPI describes the answers; a test compares them with it.
//
//go:embed openapi.yaml
var openAPI []byte

// maxListed is how many senders or dead letters one answer lists.
const maxListed = 1000

// api answers /api/v1, except its streams, and /readyz.
type api struct {
	monitor  *monitor.Monitor
	provider Provider
	errors   *log.Logger
}

func (a *api) serveStatus(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, a.errors, "/api/v1/status", a.monitor.Status().Filled())
}

// serveList sends one list of the status under its name.
func (a *api) serveList(name string, of func(monitor.Status) any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		st := a.monitor.Status().Filled()
		a.writeList(w, name, st.Now, of(st))
	}
}

func (a *api) writeList(w http.ResponseWriter, name string, now time.Time, list any) {
	writeJSON(w, a.errors, "/api/v1/"+name, map[string]any{"now": now, name: list})
}

// serveSenders lists senders: ?source=, ?silent=, ?skewed=, ?floods= and ?text= choose, ?sort=
// is events or rate, ?limit= and ?offset= page through them.
func (a *api) serveSenders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), 100, 1, maxListed)
	offset, err2 := whole(q.Get("offset"), 0, 0, 1<<30)
	chosen := func(key string, is bool) bool { return q.Get(key) == "" || q.Get(key) == strconv.FormatBool(is) }
	wrong := slices.ContainsFunc([]string{"silent", "skewed", "floods"}, func(key string) bool { return !chosen(key, true) && !chosen(key, false) })
	order := q.Get("sort")
	if err != nil || err2 != nil || wrong || order != "" && order != "events" && order != "rate" {
		plain(w, http.StatusBadRequest, "limit is a number from 1 to 1000, offset one from 0 on, silent, skewed and floods are true or false, "+
			"sort is events or rate\n")
		return
	}
	all := a.monitor.Senders(a.monitor.Snapshot())
	source, text := q.Get("source"), q.Get("text")
	want := func(one monitor.Sender) bool {
		return (source == "" || source == one.Source) && chosen("silent", one.Silent) && chosen("skewed", one.Skewed) && chosen("floods", one.Floods) &&
			(text == "" || strings.Contains(one.Name, text) || strings.Contains(one.Address, text))
	}
	var list []monitor.Sender
	if order == "rate" {
		list = all.ByRate(want)
	} else {
		list = all.Pick(len(all.All), want)
	}
	total := len(list)
	list = list[min(offset, total):min(offset+limit, total)]
	writeJSON(w, a.errors, "/api/v1/senders", struct {
		Time    time.Time        `json:"time"`
		Total   int              `json:"total"`
		Silent  int              `json:"silent"`
		Skewed  int              `json:"skewed"`
		Senders []monitor.Sender `json:"senders"`
	}{all.At, total, all.SilentCount(), len(all.Skewed), list})
}

// So many classes are shown by themselves, and so many rules.
const (
	shownClasses = 50
	shownRules   = 50
)

// limitOf reads ?limit=; without one the limit is usual. It answers a request with a wrong one.
func limitOf(w http.ResponseWriter, r *http.Request, usual int) (n int, ok bool) {
	n, err := whole(r.URL.Query().Get("limit"), usual, 1, maxListed)
	if err != nil {
		plain(w, http.StatusBadRequest, fmt.Sprintf("limit is a number from 1 to %d\n", maxListed))
	}
	return n, err == nil
}

// serveClasses has the volume by class, and the packs: ?source= is of one source, ?limit= is
// how many classes are shown by themselves.
func (a *api) serveClasses(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, ok := limitOf(w, r, shownClasses)
	if !ok {
		return
	}
	snap := a.monitor.Snapshot()
	snap.Packs.Site = monitor.OrEmpty(snap.Packs.Site)
	writeJSON(w, a.errors, "/api/v1/classes", struct {
		Now time.Time `json:"now"`
		monitor.Classes
		Packs status.Packs `json:"packs"`
	}{snap.Now, a.monitor.Classes(snap, func(source string) bool { return q.Get("source") == "" || q.Get("source") == source }, limit), snap.Packs})
}

// serveRules has the rules in force: ?limit= is how many are listed.
func (a *api) serveRules(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(w, r, shownRules)
	if !ok {
		return
	}
	snap := a.monitor.Snapshot()
	writeJSON(w, a.errors, "/api/v1/rules", struct {
		Now time.Time `json:"now"`
		monitor.Rules
	}{snap.Now, a.monitor.Rules(snap, limit)})
}

// serveDeadLetters lists the newest events that Splunk refused: ?limit=.
func (a *api) serveDeadLetters(w http.ResponseWriter, r *http.Request, may auth.Rights) {
	if !may.Lines {
		forbidLines(w)
		return
	}
	limit, ok := limitOf(w, r, 100)
	if !ok {
		return
	}
	letters, err := a.provider.DeadLetters(limit)
	if err != nil {
		broken(w, a.errors, "/api/v1/deadletters", err)
		return
	}
	a.writeList(w, "deadletters", time.Now().UTC(), monitor.OrEmpty(letters))
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "application/yaml", openAPI)
}

// allReady reports whether all conditions hold. No condition at all means that the start
// is not finished.
func allReady(conditions []status.Condition) bool {
	return len(conditions) > 0 && !slices.ContainsFunc(conditions, func(c status.Condition) bool { return !c.OK })
}

// serveReady writes one line for each condition: "ok NAME: WHY" or "not ok NAME: WHY".
func (a *api) serveReady(w http.ResponseWriter, _ *http.Request) {
	conditions := a.provider.Ready()
	code := http.StatusOK
	if !allReady(conditions) {
		code = http.StatusServiceUnavailable
	}
	if len(conditions) == 0 {
		conditions = []status.Condition{{Name: "start", Why: "not finished yet"}}
	}
	var b strings.Builder
	for _, c := range conditions {
		word := "ok"
		if !c.OK {
			word = "not ok"
		}
		line := fmt.Sprintf("%s %s", word, printable.Fold(c.Name))
		if why := printable.Fold(c.Why); why != "" {
			line += ": " + why
		}
		b.WriteString(line + "\n")
	}
	plain(w, code, b.String())
}

// whole reads a whole number between two bounds; an empty text is the default.
func whole(s string, byDefault, least, most int) (int, error) {
	if s == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}
