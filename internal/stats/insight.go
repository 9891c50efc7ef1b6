package stats

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
)

// The bounds of answers.
const (
	shownVolumes = 50
	shownDrops   = 50
	shownGroups  = 50
	shownEvents  = 200
)

// historyPoint is a point with its rates.
type historyPoint struct {
	history.Point
	Covered       float64 `json:"covered_seconds"` // how much of the step was watched
	ReceivedRate  float64 `json:"received_per_second"`
	DeliveredRate float64 `json:"delivered_per_second"`
	LostRate      float64 `json:"lost_per_second"`
}

// shownPoints adds the rates.
func shownPoints(points []history.Point) []historyPoint {
	all := make([]historyPoint, 0, len(points))
	for _, p := range points {
		one := historyPoint{Point: p, Covered: p.Covered.Seconds()}
		if one.Covered > 0 {
			one.ReceivedRate = float64(p.Received) / one.Covered
			one.DeliveredRate = float64(p.Delivered) / one.Covered
			one.LostRate = float64(p.Lost) / one.Covered
		}
		all = append(all, one)
	}
	return all
}

// serveHistory has what happened over time: ?range= is 15m, 6h, 24h or 7d.
func (a *api) serveHistory(w http.ResponseWriter, r *http.Request) {
	wanted := r.URL.Query().Get("range")
	ranges := history.Ranges()
	n := slices.IndexFunc(ranges, func(one history.Range) bool { return one.Name == wanted || wanted == "" })
	if n < 0 {
		plain(w, http.StatusBadRequest, "range is 15m, 6h, 24h or 7d\n")
		return
	}
	now, chosen, store := time.Now().UTC(), ranges[n], a.monitor.History()
	writeJSON(w, a.errors, "/api/v1/history", struct {
		Now    time.Time       `json:"now"`
		Range  string          `json:"range"`
		Step   float64         `json:"step_seconds"`
		Began  time.Time       `json:"began,omitzero"`
		Points []historyPoint  `json:"points"`
		Before []historyPoint  `json:"week_before"`
		Events []history.Event `json:"events"`
	}{now, chosen.Name, chosen.Step.Seconds(), store.Began(), shownPoints(store.Series(chosen, now)),
		shownPoints(store.WeekBefore(chosen, now)), store.Events(now.Add(-chosen.Span), shownEvents)})
}

// serveVolume has what came by class, sourcetype, index or source: ?by= and ?limit=.
func (a *api) serveVolume(w http.ResponseWriter, r *http.Request) {
	by := monitor.VolumeBy(r.URL.Query().Get("by"))
	if by == "" {
		by = monitor.ByClass
	}
	limit, err := whole(r.URL.Query().Get("limit"), shownVolumes, 1, maxListed)
	if err != nil || !slices.Contains([]monitor.VolumeBy{monitor.ByClass, monitor.BySourcetype, monitor.ByIndex, monitor.BySource}, by) {
		plain(w, http.StatusBadRequest, fmt.Sprintf("by is class, sourcetype, index or source, limit a number from 1 to %d\n", maxListed))
		return
	}
	now := time.Now().UTC()
	writeJSON(w, a.errors, "/api/v1/volume", struct {
		Now time.Time `json:"now"`
		monitor.Volume
	}{now, a.monitor.Volume(now, by, limit)})
}

// serveDrops has what was dropped: ?limit= is how many of each kind.
func (a *api) serveDrops(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(w, r, shownDrops)
	if !ok {
		return
	}
	snap := a.monitor.Snapshot()
	writeJSON(w, a.errors, "/api/v1/drops", struct {
		Now time.Time `json:"now"`
		monitor.Drops
	}{snap.Now, a.monitor.Drops(snap, limit)})
}

// serveCounters has the windows of all counters that health judges by.
func (a *api) serveCounters(w http.ResponseWriter, _ *http.Request) {
	snap := a.monitor.Snapshot()
	writeJSON(w, a.errors, "/api/v1/counters", struct {
		Now time.Time `json:"now"`
		monitor.Counters
	}{snap.Now, a.monitor.Counters(snap)})
}

// serveDeadLetterGroups has what is in the dead-letter store, without lines: ?limit=.
func (a *api) serveDeadLetterGroups(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(w, r, shownGroups)
	if !ok {
		return
	}
	groups, others := a.provider.DeadLetterGroups(limit)
	writeJSON(w, a.errors, "/api/v1/deadletters/groups", struct {
		Now    time.Time                `json:"now"`
		Groups []status.DeadLetterGroup `json:"groups"`
		Others uint64                   `json:"other_events"`
	}{time.Now().UTC(), monitor.OrEmpty(groups), others})
}

// helpRoot is below which the sections of the runbook are.
const helpRoot = "/help/"

// serveHelp shows a section of docs/operations.md, or their list.
func (p *page) serveHelp(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, helpRoot)
	v := struct {
		Style    template.CSS
		Title    string
		Body     any // HTML of our own documentation
		Sections any
	}{Style: p.desk.Style(), Title: "Help", Sections: p.manual.Sections()}
	if id != "" {
		body, title, found := p.manual.HTML(id, helpRoot)
		if !found {
			plain(w, http.StatusNotFound, fmt.Sprintf("there is no help on %.80q; %s lists what there is\n", id, helpRoot))
			return
		}
		v.Title, v.Body, v.Sections = title, ownHTML(body), nil
	}
	p.execute(w, r.URL.Path, "help", v)
}
