package faults

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"syslog-gateway/bench/marker"
)

// tally counts the arrivals of each number. Its methods are safe for concurrent use.
type tally struct {
	seen    []atomic.Uint32
	unique  atomic.Int64
	twice   atomic.Int64 // arrivals beyond the first of a number
	foreign atomic.Int64 // events without a marker, or with a number out of range, or without their begin
	noise   bool         // events without a marker are expected

	at    []atomic.Int64 // when each number arrived last, Unix microseconds
	kills atomic.Pointer[[]death]
	grace time.Duration // how long before a kill it was answered what may come again
	late  atomic.Int64  // arrivals of what may not
	worst atomic.Int64  // the longest time between arrival and kill of what came again, microseconds
}

func newTally(n int) *tally {
	return &tally{seen: make([]atomic.Uint32, n), at: make([]atomic.Int64, n), grace: syncInterval}
}

// death is a kill of the gateway and the start that follows it, Unix microseconds. What
// arrives in between was on its way.
type death struct{ at, until int64 }

// freezeAndKill says that the gateway is killed now. What arrived by grace before that and
// comes again is late: the gateway had the time to store that it is delivered.
func (t *tally) killed() {
	var kills []death
	if before := t.kills.Load(); before != nil {
		kills = slices.Clone(*before)
	}
	kills = append(kills, death{time.Now().UnixMicro(), math.MaxInt64})
	t.kills.Store(&kills)
}

// started says that the gateway is started again.
func (t *tally) started() {
	if before := t.kills.Load(); before != nil {
		kills := slices.Clone(*before)
		kills[len(kills)-1].until = time.Now().UnixMicro()
		t.kills.Store(&kills)
	}
}

// again counts a duplicate of a message that first arrived at that time, Unix microseconds.
// Its age is taken at the first kill after that time.
func (t *tally) again(at int64) {
	t.twice.Add(1)
	kills := t.kills.Load()
	if kills == nil {
		return
	}
	i := slices.IndexFunc(*kills, func(d death) bool { return at < d.until })
	if i < 0 {
		return
	}
	before := (*kills)[i].at - at
	for worst := t.worst.Load(); before > worst && !t.worst.CompareAndSwap(worst, before); worst = t.worst.Load() {
	}
	if before > t.grace.Microseconds() {
		t.late.Add(1)
	}
}

// take counts one event.
func (t *tally) take(line []byte) {
	m, _, ok := marker.Find(line)
	switch {
	case !ok && t.noise:
		return
	case !ok || m.Seq >= uint64(len(t.seen)) || !bytes.Contains(line, []byte(lineBegin)):
		t.foreign.Add(1)
		return
	}
	before := t.at[m.Seq].Swap(time.Now().UnixMicro())
	if t.seen[m.Seq].Add(1) == 1 {
		t.unique.Add(1)
		return
	}
	t.again(before)
}

func (t *tally) has(seq int) bool { return t.seen[seq].Load() > 0 }

// numbers is a set of message numbers.
type numbers map[int]bool

// add adds the number of each line.
func (n numbers) add(data []byte) {
	for line := range bytes.Lines(data) {
		if m, _, ok := marker.Find(line); ok {
			n[int(m.Seq)] = true
		}
	}
}

// deadLetters reads the numbers in the dead-letter store.
func (r *rig) deadLetters() (numbers, error) {
	files, err := filepath.Glob(filepath.Join(r.deadPath(), "*.jsonl"))
	if err != nil {
		return nil, err
	}
	dead := make(numbers)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read the dead letters: %w", err)
		}
		dead.add(data)
	}
	return dead, nil
}
