package stats

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// status is the answer of /api/v1/status. Its names are an interface: they are
// added to and never changed.
type status struct {
	Health        health  `json:"health"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Totals        totals  `json:"totals"`
	Snapshot
	Sources []sourceStatus `json:"sources"` // in the place of the snapshot's
}

// sourceStatus adds what is computed of the books. The reasons are repeated because
// those of the balance are left out when there are none.
type sourceStatus struct {
	Source
	Pending     int64             `json:"pending"`
	Difference  int64             `json:"difference"`
	DropReasons map[string]uint64 `json:"drop_reasons"`
	DeadReasons map[string]uint64 `json:"deadletter_reasons"`
}

// status takes a reading of everything.
func (s *Server) status() status {
	snap := s.snapshot()
	t := sum(snap.Sources)
	st := status{
		Health: assess(snap, t), Totals: t, Snapshot: snap,
		UptimeSeconds: snap.Now.Sub(snap.Started).Seconds(),
	}
	for _, src := range snap.Sources {
		st.Sources = append(st.Sources, sourceStatus{
			Source: src, Pending: src.Pending(), Difference: src.Difference(),
			DropReasons: src.DropReasons, DeadReasons: src.DeadReasons,
		})
	}
	return st
}

// filled replaces what JSON would write as null, so that a reader can always walk a
// list or look up a key.
func (st status) filled() status {
	st.Sources = orEmpty(st.Sources)
	for i := range st.Sources {
		src := &st.Sources[i]
		src.Transports = orEmpty(src.Transports)
		src.ByTransport = orEmpty(src.ByTransport)
		src.Connections = orNone(src.Connections)
		src.Rejected = orNone(src.Rejected)
		src.DropReasons = orNone(src.DropReasons)
		src.DeadReasons = orNone(src.DeadReasons)
	}
	st.Shards = orEmpty(st.Shards)
	st.Endpoints = orEmpty(st.Endpoints)
	st.Problems = orEmpty(st.Problems)
	return st
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orNone[N any](counts map[string]N) map[string]N {
	if counts == nil {
		return map[string]N{}
	}
	return counts
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	body, err := json.MarshalIndent(s.status().filled(), "", "  ")
	if err != nil {
		s.broken(w, "/api/v1/status", err)
		return
	}
	write(w, http.StatusOK, "application/json", append(body, '\n'))
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

// serveReady writes one line for each condition: "ok NAME: WHY" or "not ok NAME: WHY".
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	conditions := s.provider.Ready()
	code := http.StatusOK
	if len(conditions) == 0 {
		conditions = []Condition{{Name: "start", Why: "not finished yet"}}
	}
	var b strings.Builder
	for _, c := range conditions {
		word := "ok"
		if !c.OK {
			word, code = "not ok", http.StatusServiceUnavailable
		}
		line := fmt.Sprintf("%s %s", word, oneLine(c.Name))
		if why := oneLine(c.Why); why != "" {
			line += ": " + why
		}
		b.WriteString(line + "\n")
	}
	plain(w, code, b.String())
}
