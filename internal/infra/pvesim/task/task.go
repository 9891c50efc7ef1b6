// Package task is the workers of a Proxmox VE cluster: UPIDs, logs that grow, exit
// statuses. Nothing runs in the background: a task has a time at which it is due, and
// [List.Advance] does the work of all that are.
//
// What a task does is a function of whoever starts it.
package task

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Task is a worker. Its work is done when the clock has passed Due.
type Task struct {
	UPID, Node, Kind, ID, User string
	PID                        int
	PStart                     int64 // of the process, in hundredths of a second since the node's start
	Begin, Due                 time.Time
	Undo                       func() // what a failure takes back; optional
	Done                       bool
	Status                     string // exit status, once done
	Faults                     Faults

	lines []string     // of the log, as far as known
	work  func() error // runs once
}

// Faults are what goes wrong with a task. The zero value is nothing.
type Faults struct {
	Error     string // the task fails with this text instead of doing its work
	Dies      bool   // half-way, with the status `unexpected status`; its partial work stays
	Warnings  int
	StaysDown bool // a container that is to be started with its creation is not
}

// Logf adds a line to the task's log.
func (t *Task) Logf(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

// Log is the log as it has grown by now: all of it once the task is done.
func (t *Task) Log(now time.Time) []string {
	if t.Done || len(t.lines) == 0 {
		return t.lines
	}
	total := max(t.Due.Sub(t.Begin), 1)
	n := int(int64(len(t.lines)) * int64(now.Sub(t.Begin)) / int64(total))
	return t.lines[:min(max(n, 1), len(t.lines))]
}

// Finish does the work and ends the task, whether it is due or not.
func (t *Task) Finish() {
	if t.Done {
		return
	}
	t.Done = true
	if t.Faults.Dies {
		t.Status = "unexpected status"
		return
	}
	var err error
	if t.Faults.Error != "" {
		err = refusal.Fail("%s", t.Faults.Error)
	} else {
		err = t.work()
	}
	switch {
	case err != nil:
		t.Status = err.Error()
		if e, ok := errors.AsType[*refusal.Error](err); ok {
			t.Status = refusal.OneLine(e.Text())
		}
		if t.Undo != nil {
			t.Undo()
		}
		t.Logf("TASK ERROR: %s", t.Status)
	case t.Faults.Warnings > 0:
		for i := range t.Faults.Warnings {
			t.Logf("WARN: injected warning %d", i+1)
		}
		t.Status = fmt.Sprintf("WARNINGS: %d", t.Faults.Warnings)
		t.Logf("TASK %s", t.Status)
	default:
		t.Status = "OK"
		t.Logf("TASK OK")
	}
}

// upidText is the form of a UPID.
var upidText = regexp.MustCompile(`^UPID:([a-zA-Z0-9-]+):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$`)

// IsUPID reports whether a text has the form of a UPID.
func IsUPID(text string) bool { return upidText.MatchString(text) }

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
