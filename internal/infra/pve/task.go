package pve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// UPID is the identity of a task, in its fields.
// UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>: with numbers in hex.
type UPID struct {
	Node  string
	Start time.Time
	Type  string // vzcreate, qmclone, …
	ID    string // often the VMID; may be empty
	User  string
}

var upidForm = regexp.MustCompile(`^UPID:([a-zA-Z0-9][a-zA-Z0-9-]*):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$`)

// ParseUPID reads the identity of a task.
func ParseUPID(s string) (UPID, error) {
	m := upidForm.FindStringSubmatch(s)
	if m == nil {
		return UPID{}, fmt.Errorf("pve: %q is not the identity of a task (UPID:node:…)", s)
	}
	sec, err := strconv.ParseInt(m[2], 16, 64)
	if err != nil {
		return UPID{}, fmt.Errorf("pve: start time in %q: %w", s, err)
	}
	return UPID{Node: m[1], Start: time.Unix(sec, 0), Type: m[3], ID: m[4], User: m[5]}, nil
}

// TaskOf gives the task that a write's answer names, if it does. Synchronous writes
// answer null or an object.
func TaskOf(data json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(data, &s) != nil {
		return "", false
	}
	_, err := ParseUPID(s)
	return s, err == nil
}

// TaskStatus is how far a task is.
type TaskStatus struct {
	UPID    string
	Type    string
	ID      string
	Node    string
	Running bool
	Exit    string        // when not running: OK, WARNINGS: n, or what went wrong
	Waited  time.Duration // by us
	Lines   []string      // of the log, since the last report
}

// OK reports whether the task ended well, warnings included.
func (s TaskStatus) OK() bool {
	return !s.Running && (s.Exit == "OK" || strings.HasPrefix(s.Exit, "WARNINGS: "))
}

// TaskError is a task that failed, or cannot be followed.
type TaskError struct {
	UPID string
	Exit string   // the task's error
	Log  []string // its last lines
	// Unknown is true where the work may have been done, in whole or in part.
	Unknown bool
	Err     error // why the task cannot be followed
}

// Error implements error.
func (e *TaskError) Error() string {
	what := e.UPID
	path := ""
	if u, err := ParseUPID(e.UPID); err == nil {
		what = strings.TrimSpace(u.Type+" "+u.ID) + " on " + u.Node
		if strings.HasPrefix(u.Type, "vz") {
			path = "/lxc"
		}
	}
	var b strings.Builder
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, "pve: task %s cannot be followed and may go on (%s): %v", what, e.UPID, e.Err)
	case e.Unknown:
		fmt.Fprintf(&b, "pve: task %s died (%s): check what it left before you repeat it; task %s", what, e.Exit, e.UPID)
	default:
		fmt.Fprintf(&b, "pve: task %s failed: %s", what, e.Exit)
	}
	if hint := hintLock(e, path); hint != "" {
		b.WriteString(" (" + hint + ")")
	}
	if len(e.Log) > 0 {
		b.WriteString("; its log ends: " + strings.Join(e.Log, " | "))
	}
	return b.String()
}

// Unwrap gives why the task cannot be followed.
func (e *TaskError) Unwrap() error { return e.Err }

const (
	pollFirst  = 20 * time.Millisecond
	pollMax    = 2 * time.Second
	followFor  = time.Minute // without an answer, before a task is given up
	logPage    = 500         // lines of a read
	lastLines  = 5           // of the log, in an error
	workerDied = "unexpected status"
)

// Wait follows a task to its end: nil when it ended OK or with warnings, else a
// *TaskError. It asks often at first, then every two seconds. progress is
// optional; it is called after each poll, with the new lines of the log. It tolerates a node
// that does not answer for a minute. If ctx ends, the task continues: its outcome is unknown.
func (c *Client) Wait(ctx context.Context, upid string, progress func(TaskStatus)) error {
	id, err := ParseUPID(upid)
	if err != nil {
		return err
	}
	w := &follower{c: c, upid: upid, id: id, path: Path("nodes", id.Node, "tasks", upid)}
	silent := time.Duration(0)
	for pause := pollFirst; ; pause = min(pause*8/5, pollMax) {
		if err := c.t.sleep(ctx, pause); err != nil {
			return w.lost(err)
		}
		w.waited += pause
		st, err := w.status(ctx)
		if err != nil {
			silent += pause
			if e, ok := errors.AsType[*Error](err); !ok || !passing(e) || silent >= followFor {
				return w.lost(err)
			}
			continue
		}
		silent = 0
		if progress != nil || !st.Running && st.Exit != "OK" {
			st.Lines = w.lines(ctx, st)
		}
		if progress != nil {
			progress(st)
		}
		if !st.Running {
			return w.verdict(st)
		}
	}
}

// follower is a task being waited for.
type follower struct {
	c      *Client
	upid   string
	id     UPID
	path   string
	waited time.Duration
	seen   int      // lines of the log
	tail   []string // the last of them
}

func (w *follower) lost(err error) error {
	return &TaskError{UPID: w.upid, Unknown: true, Log: w.tail, Err: err}
}

func (w *follower) status(ctx context.Context) (TaskStatus, error) {
	var answer struct{ Status, ExitStatus string }
	if err := w.c.Get(ctx, w.path+"/status", nil, &answer); err != nil {
		return TaskStatus{}, err
	}
	st := TaskStatus{UPID: w.upid, Type: w.id.Type, ID: w.id.ID, Node: w.id.Node, Waited: w.waited}
	switch {
	case answer.Status == "running":
		st.Running = true
	case answer.ExitStatus != "":
		st.Exit = answer.ExitStatus
	default: // stopped without an exit status
		st.Exit = workerDied
	}
	return st, nil
}

// lines reads the new lines of the log. The log is optional: if it cannot be
// read, the task is still followed. It is not read for a task that ended well
// before the first poll.
func (w *follower) lines(ctx context.Context, st TaskStatus) []string {
	if st.Exit == "OK" && w.seen == 0 {
		return nil
	}
	var fresh []string
	for {
		var lines []struct {
			N Int
			T string
		}
		query := url.Values{"start": {strconv.Itoa(w.seen)}, "limit": {strconv.Itoa(logPage)}}
		if err := w.c.Get(ctx, w.path+"/log", query, &lines); err != nil {
			return fresh
		}
		if len(lines) == 1 && lines[0].T == "no content" { // Proxmox VE says so of an empty log
			return fresh
		}
		for _, l := range lines {
			fresh = append(fresh, l.T)
		}
		w.seen += len(lines)
		w.tail = append(w.tail, fresh[len(fresh)-len(lines):]...)
		if n := len(w.tail); n > lastLines {
			w.tail = append([]string(nil), w.tail[n-lastLines:]...)
		}
		if len(lines) < logPage {
			return fresh
		}
	}
}

func (w *follower) verdict(st TaskStatus) error {
	if st.OK() {
		return nil
	}
	log := make([]string, 0, len(w.tail))
	for _, l := range w.tail {
		if l = strings.TrimSpace(l); l != "" && l != "TASK ERROR: "+st.Exit {
			log = append(log, l)
		}
	}
	return &TaskError{UPID: w.upid, Exit: st.Exit, Log: log, Unknown: st.Exit == workerDied}
}
