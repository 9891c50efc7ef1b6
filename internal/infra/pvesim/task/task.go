package task

import (
	"errors"
	"fmt"
	"regexp"
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
