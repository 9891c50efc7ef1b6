package stats

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// openAPI describes the answers; a test compares them with it.
//
//go:embed openapi.yaml
var openAPI []byte

// status is the answer of /api/v1/status. Its names are an interface: they are
// added to and never changed.
type status struct {
	Health        health  `json:"health"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Totals        totals  `json:"totals"`
	Snapshot
	// in the place of the snapshot's
	Sources   []sourceStatus   `json:"sources"`
	Shards    []shardStatus    `json:"shards"`
	Endpoints []endpointStatus `json:"endpoints"`
	Queue     queueStatus      `json:"queue"`
	Recent    []Problem        `json:"recent_problems"` // of the log, newest first
}

// sourceStatus adds what is computed of the books. The reasons are repeated because
// those of the balance are left out when there are none.
type sourceStatus struct {
	Source
	Pending     int64             `json:"pending"`
	Difference  int64             `json:"difference"`
	DropReasons map[string]uint64 `json:"drop_reasons"`
	DeadReasons map[string]uint64 `json:"deadletter_reasons"`
	Rates       rates             `json:"rates"`
	// History are events received a second, in steps of five seconds, oldest first.
	History []float64 `json:"history"`
	Senders int       `json:"senders"`
	Silent  int       `json:"silent_senders"`
	After   float64   `json:"silent_after_seconds"`
}

// shardStatus adds when the queue is full, of a shard that grows: they share the room.
type shardStatus struct {
	Shard
	FillsInSeconds float64 `json:"fills_in_seconds"` // 0: it does not grow
}

type endpointStatus struct {
	Endpoint
	Rate float64 `json:"requests_per_second"`
}

type queueStatus struct {
	Queue
	FillsInSeconds float64 `json:"fills_in_seconds"` // 0: it does not grow
}

// free is the room that is left: below queue.max_size, and on the disk above queue.min_free.
func (q Queue) free() int64 {
	free := q.CapacityBytes - q.UsedBytes
	if q.FreeDiskBytes > 0 {
		free = min(free, q.FreeDiskBytes-q.MinFreeBytes)
	}
	return max(free, 0)
}

// status takes a reading of everything.
func (s *Server) status() status {
	snap := s.snapshot()
	c := s.watcher.crowd(snap)
	t := sum(snap)
	t.Senders, t.SilentSenders, t.SkewedSenders = c.known(), c.silentCount(), len(c.skewed)
	snap.Problems = append(snap.Problems, c.advice()...)
	st := status{
		Health: assess(snap, t, s.history.trend(snap)), Totals: t, Snapshot: snap,
		UptimeSeconds: snap.Now.Sub(snap.Started).Seconds(),
		Queue:         queueStatus{Queue: snap.Queue},
	}
	if s.problems != nil {
		st.Recent = s.problems.Recent()
	}
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	for _, src := range snap.Sources {
		n := c.counts[src.Source]
		st.Sources = append(st.Sources, sourceStatus{
			Source: src, Pending: src.Pending(), Difference: src.Difference(),
			DropReasons: src.DropReasons, DeadReasons: src.DeadReasons,
			Rates: s.history.rate(src.Source), History: s.history.spark(src.Source),
			Senders: n.known, Silent: n.silent, After: src.SilentAfter.Seconds(),
		})
	}
	st.Queue.FillsInSeconds = full(snap.Queue.free(), s.history.growth(func(x *sample) int64 { return x.queued }))
	for _, sh := range snap.Shards {
		one := shardStatus{Shard: sh}
		if s.history.growth(func(x *sample) int64 { return x.shards[sh.Name] }) > 0 {
			one.FillsInSeconds = st.Queue.FillsInSeconds
		}
		st.Shards = append(st.Shards, one)
	}
	for _, e := range snap.Endpoints {
		st.Endpoints = append(st.Endpoints, endpointStatus{e, s.history.requests(e.URL)})
	}
	return st
}

// Critical reports whether the health is critical, and what it says.
func (s *Server) Critical() (critical bool, summary string) {
	h := s.status().Health
	return h.Level == levelCritical, h.Summary
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
		src.History = orEmpty(src.History)
	}
	st.Shards = orEmpty(st.Shards)
	st.Endpoints = orEmpty(st.Endpoints)
	st.Problems = orEmpty(st.Problems)
	st.Recent = orEmpty(st.Recent)
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

// answer sends a value as JSON.
func (s *Server) answer(w http.ResponseWriter, what string, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.broken(w, what, err)
		return
	}
	write(w, http.StatusOK, "application/json", append(body, '\n'))
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, "/api/v1/status", s.status().filled())
}

// list is a part of the status on its own.
type list[T any] struct {
	Now  time.Time `json:"now"`
	List []T       `json:"-"`
	Name string    `json:"-"`
}

// MarshalJSON writes the list under its name.
func (l list[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"now": l.Now, l.Name: l.List})
}

func (s *Server) serveSources(w http.ResponseWriter, _ *http.Request) {
	st := s.status().filled()
	s.answer(w, "/api/v1/sources", list[sourceStatus]{st.Now, st.Sources, "sources"})
}

func (s *Server) serveShards(w http.ResponseWriter, _ *http.Request) {
	st := s.status().filled()
	s.answer(w, "/api/v1/shards", list[shardStatus]{st.Now, st.Shards, "shards"})
}

func (s *Server) serveEndpoints(w http.ResponseWriter, _ *http.Request) {
	st := s.status().filled()
	s.answer(w, "/api/v1/endpoints", list[endpointStatus]{st.Now, st.Endpoints, "endpoints"})
}

// serveDeadLetters lists the newest events that Splunk refused: ?limit=.
func (s *Server) serveDeadLetters(w http.ResponseWriter, r *http.Request, may rights) {
	if !may.lines {
		forbidLines(w)
		return
	}
	limit, err := whole(r.URL.Query().Get("limit"), 100, 1, maxListed)
	if err != nil {
		plain(w, http.StatusBadRequest, fmt.Sprintf("limit is a number from 1 to %d\n", maxListed))
		return
	}
	letters, err := s.provider.DeadLetters(limit)
	if err != nil {
		s.broken(w, "/api/v1/deadletters", err)
		return
	}
	s.answer(w, "/api/v1/deadletters", list[DeadLetter]{time.Now().UTC(), orEmpty(letters), "deadletters"})
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "application/yaml", openAPI)
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

// allReady reports whether all conditions hold; none at all is a start that is not
// finished.
func allReady(conditions []Condition) bool {
	return len(conditions) > 0 && !slices.ContainsFunc(conditions, func(c Condition) bool { return !c.OK })
}

// serveReady writes one line for each condition: "ok NAME: WHY" or "not ok NAME: WHY".
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	conditions := s.provider.Ready()
	code := http.StatusOK
	if !allReady(conditions) {
		code = http.StatusServiceUnavailable
	}
	if len(conditions) == 0 {
		conditions = []Condition{{Name: "start", Why: "not finished yet"}}
	}
	var b strings.Builder
	for _, c := range conditions {
		word := "ok"
		if !c.OK {
			word = "not ok"
		}
		line := fmt.Sprintf("%s %s", word, oneLine(c.Name))
		if why := oneLine(c.Why); why != "" {
			line += ": " + why
		}
		b.WriteString(line + "\n")
	}
	plain(w, code, b.String())
}
