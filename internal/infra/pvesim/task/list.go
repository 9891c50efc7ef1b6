package task

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Options are what a [List] needs.
type Options struct {
	Now   func() time.Time
	Delay time.Duration // from a task's start to its end
	Rand  *rand.Rand    // of process numbers
}

// List is all tasks of the cluster. It is not safe for concurrent use.
type List struct {
	opt   Options
	start time.Time
	pid   int
	all   []*Task
}

// NewList is an empty list; process times count from now.
func NewList(o Options) *List { return &List{opt: o, start: o.Now(), pid: 2000} }

// Start begins a task of a user on a node. Its work runs when the task is due.
func (l *List) Start(node, user, kind, id string, work func(*Task) error) *Task {
	now := l.opt.Now()
	l.pid += 1 + l.opt.Rand.IntN(40)
	t := &Task{
		Node: node, Kind: kind, ID: id, User: user, PID: l.pid,
		PStart: 300000 + int64(now.Sub(l.start)/(10*time.Millisecond)),
		Begin:  now, Due: now.Add(l.opt.Delay),
	}
	t.UPID = fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", t.Node, t.PID, t.PStart, now.Unix(), kind, id, t.User)
	t.work = func() error { return work(t) }
	l.all = append(l.all, t)
	return t
}

// Delay is how long a task takes.
func (l *List) Delay() time.Duration { return l.opt.Delay }

// Advance finishes what is due, in the order of the due times.
func (l *List) Advance() {
	now := l.opt.Now()
	for {
		var next *Task
		for _, t := range l.all {
			if !t.Done && !t.Due.After(now) && (next == nil || t.Due.Before(next.Due)) {
				next = t
			}
		}
		if next == nil {
			return
		}
		next.Finish()
	}
}

// Settle finishes every task, however long it still has to run.
func (l *List) Settle() {
	for _, t := range l.all {
		t.Finish()
	}
}

// Find returns the task of a node by its UPID, or nil.
func (l *List) Find(node, upid string) *Task {
	for _, t := range l.all {
		if t.UPID == upid && t.Node == node {
			return t
		}
	}
	return nil
}

// Newest are all tasks, the youngest first.
func (l *List) Newest() iter.Seq2[int, *Task] { return slices.Backward(l.all) }
