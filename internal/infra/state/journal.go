package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/durable"
)

// Phase is how far a step has come.
type Phase string

// The phases of a step.
const (
	Begun   Phase = "begun"   // may have been sent
	Tasked  Phase = "task"    // sent; UPID is its task
	Unknown Phase = "unknown" // sent; its answer was lost
	Failed  Phase = "failed"  // ended without being done
	Done    Phase = "done"
)

// Entry is one line of the journal.
type Entry struct {
	Time  time.Time `json:"time"`
	Step  string    `json:"step,omitempty"`
	Phase Phase     `json:"phase,omitempty"`
	UPID  string    `json:"upid,omitempty"`
	Error string    `json:"error,omitempty"`

	// Only in the first line of a run.
	Run         string `json:"run,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the plan
	Command     string `json:"command,omitempty"`
}

// Journal is what an apply did, step by step; an entry is on disk before the apply goes
// on. After an interruption the next run finds the steps (Open) and adds to the journal.
// It may be used by several goroutines.
type Journal struct {
	path string

	mu    sync.Mutex
	f     *os.File
	size  int64 // of the whole lines
	order []string
	steps map[string]Entry // the last entry of each
	torn  bool
}

// Journal opens the journal and begins a run in it. fingerprint is the plan's. The caller
// holds the lock.
func (d *Dir) Journal(command, fingerprint string) (*Journal, error) {
	j, err := openJournal(d.file(journalName))
	if err != nil {
		return nil, err
	}
	if err := j.add(Entry{Run: newID(), Command: command, Fingerprint: fingerprint}); err != nil {
		j.f.Close()
		return nil, err
	}
	if err := durable.SyncDir(d.path); err != nil {
		j.f.Close()
		return nil, fmt.Errorf("state: journal: %w", err)
	}
	return j, nil
}

// Interrupted gives the steps that an earlier run began and did not end; none after an
// apply that succeeded. It changes nothing.
func (d *Dir) Interrupted() ([]Entry, error) {
	data, err := os.ReadFile(d.file(journalName))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: journal: %w", err)
	}
	j := &Journal{path: d.file(journalName)}
	if err := j.replay(data); err != nil {
		return nil, err
	}
	return j.Open(), nil
}

func openJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, fileMode)
	if err != nil {
		return nil, fmt.Errorf("state: journal: %w", err)
	}
	j := &Journal{path: path, f: f}
	data, err := io.ReadAll(f)
	if err == nil {
		err = j.replay(data)
	}
	if err == nil && j.torn {
		err = f.Truncate(j.size)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("state: journal: %w", err)
	}
	return j, nil
}

// replay reads the lines. What follows the last newline is a line that a killed run did
// not finish: it sent nothing after it.
func (j *Journal) replay(data []byte) error {
	j.steps = make(map[string]Entry)
	whole := bytes.LastIndexByte(data, '\n') + 1
	j.size, j.torn = int64(whole), whole < len(data)
	n := 0
	for line := range bytes.Lines(data[:whole]) {
		n++
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s line %d cannot be read: %w; find out which of its steps were done, then move the file away", j.path, n, err)
		}
		j.take(e)
	}
	return nil
}

func (j *Journal) take(e Entry) {
	if e.Step == "" {
		return
	}
	last, known := j.steps[e.Step]
	if !known {
		j.order = append(j.order, e.Step)
	}
	if e.UPID == "" && e.Phase != Begun { // the task belongs to the step until it begins again
		e.UPID = last.UPID
	}
	j.steps[e.Step] = e
}

// Begin records that a step is about to be sent.
func (j *Journal) Begin(step string) error { return j.add(Entry{Step: step, Phase: Begun}) }

// Task records the task that a step became.
func (j *Journal) Task(step, upid string) error {
	return j.add(Entry{Step: step, Phase: Tasked, UPID: upid})
}

// End records how a step ended: done, failed, or unknown if err has an UnknownOutcome
// method that returns true.
func (j *Journal) End(step string, err error) error {
	if err == nil {
		return j.add(Entry{Step: step, Phase: Done})
	}
	e := Entry{Step: step, Phase: Failed, Error: err.Error()}
	var lost interface{ UnknownOutcome() bool }
	if errors.As(err, &lost) && lost.UnknownOutcome() {
		e.Phase = Unknown
	}
	return j.add(e)
}

func (j *Journal) add(e Entry) error {
	e.Time = time.Now().UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("state: journal: %w", err)
	}
	line = append(line, '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err = j.f.WriteAt(line, j.size); err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("state: journal: %w", err)
	}
	j.size += int64(len(line))
	j.take(e)
	return nil
}

// Last gives a step's last entry; false if there is none.
func (j *Journal) Last(step string) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.steps[step]
	return e, ok
}

// Open gives the last entry of each step that was begun and neither done nor failed, in
// the order in which they first began.
func (j *Journal) Open() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var open []Entry
	for _, s := range j.order {
		if e := j.steps[s]; slices.Contains([]Phase{Begun, Tasked, Unknown}, e.Phase) {
			open = append(open, e)
		}
	}
	return open
}

// Close keeps the journal for the next run.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.f.Close()
}

// Finish ends the journal of an apply that succeeded: the file is renamed to *.done, in
// place of the previous one, and the next apply begins a new journal.
func (j *Journal) Finish() error {
	err := j.Close()
	if err == nil {
		err = os.Rename(j.path, j.path+".done")
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(j.path))
	}
	if err != nil {
		return fmt.Errorf("state: journal: %w", err)
	}
	return nil
}
