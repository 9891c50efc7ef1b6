package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"syslog-gateway/bench/mark"
)

// tally counts the arrivals of each number. Its methods are safe for concurrent use.
type tally struct {
	seen    []atomic.Uint32
	unique  atomic.Int64
	twice   atomic.Int64 // arrivals beyond the first of a number
	foreign atomic.Int64 // events without a mark, or with a number out of range, or without their begin
	noise   bool         // events without a mark are expected
}

func newTally(n int) *tally { return &tally{seen: make([]atomic.Uint32, n)} }

// take books one event.
func (t *tally) take(line []byte) {
	m, _, ok := mark.Find(line)
	switch {
	case !ok && t.noise:
	case !ok || m.Seq >= uint64(len(t.seen)) || !bytes.Contains(line, []byte(lineBegin)):
		t.foreign.Add(1)
	case t.seen[m.Seq].Add(1) == 1:
		t.unique.Add(1)
	default:
		t.twice.Add(1)
	}
}

func (t *tally) has(seq int) bool { return t.seen[seq].Load() > 0 }

// numbers is a set of message numbers.
type numbers map[int]bool

// add takes the number of each line.
func (n numbers) add(data []byte) {
	for line := range bytes.Lines(data) {
		if m, _, ok := mark.Find(line); ok {
			n[int(m.Seq)] = true
		}
	}
}

// deadLetters reads the numbers in the dead-letter store.
func (b *bed) deadLetters() (numbers, error) {
	files, err := filepath.Glob(filepath.Join(b.deadPath(), "*.jsonl"))
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
