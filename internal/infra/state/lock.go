package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"syslog-gateway/internal/durable"
)

// DefaultWait is how long a run waits for another one to end, if it does not say.
const DefaultWait = 10 * time.Minute

const lockPoll = 250 * time.Millisecond

// maxLeft bounds Holder.Left.
const maxLeft = 15

// Holder is the run that has the lock.
type Holder struct {
	ID      string    `json:"id"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user,omitempty"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	Boot    string    `json:"boot,omitempty"`  // identity of the host's boot
	Start   string    `json:"start,omitempty"` // when the process started, in the kernel's unit
	// Left are the IDs of dead runs whose lock was taken over one after the other. What
	// they hold elsewhere under these IDs may be taken over, too.
	Left []string `json:"left,omitempty"`
}

// String names the holder for people.
func (h Holder) String() string {
	if h.PID <= 0 {
		return fmt.Sprintf("somebody (the lock file is damaged), since %s", h.Since.Local().Format(time.DateTime))
	}
	who := fmt.Sprintf("process %d on %s", h.PID, h.Host)
	if h.User != "" {
		who += " (" + h.User + ")"
	}
	return fmt.Sprintf("%s, `%s`, since %s", who, h.Command, h.Since.Local().Format(time.DateTime))
}

// HeldError says that the lock did not become free in time.
type HeldError struct {
	Holder Holder
	Waited time.Duration
	Path   string
	Err    error // why waiting ended early; nil after the whole wait
}

// Error implements error.
func (e *HeldError) Error() string {
	s := fmt.Sprintf("state: %s is held by %s; waited %s", e.Path, e.Holder, e.Waited.Round(time.Second))
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": wait for it to end, or, if it no longer runs, use `provision state unlock`"
}

// Unwrap gives why waiting ended early.
func (e *HeldError) Unwrap() error { return e.Err }

// LockOptions says how to wait.
type LockOptions struct {
	Command string        // what the run is, for others to see; no secrets
	Version string        // of the program, for others to see
	Wait    time.Duration // 0: DefaultWait; negative: not at all
	// Waiting is called with the holder when waiting for another run begins; optional.
	Waiting func(fmt.Stringer)
	// Took is called with the dead holder whose lock was taken over; optional.
	Took func(fmt.Stringer)
}

// Lock is a lock that this process holds.
type Lock struct {
	d      *Dir
	holder Holder
}

// Lock takes the lock, and waits for another run to end. The lock of a process that died
// on this host is taken over. Whether a process of another host lives cannot be known:
// Unlock is for that. The error is a *HeldError if the lock did not become free.
func (d *Dir) Lock(ctx context.Context, o LockOptions) (*Lock, error) {
	if err := d.create(); err != nil {
		return nil, err
	}
	me := self(o.Command)
	o.Wait = cmp.Or(o.Wait, DefaultWait)
	began := time.Now()
	for reported := false; ; {
		other, err := d.try(&me, o.Took)
		if err != nil {
			return nil, err
		}
		if other == nil {
			return &Lock{d: d, holder: me}, nil
		}
		if waited := time.Since(began); waited >= o.Wait {
			return nil, &HeldError{Holder: *other, Waited: waited, Path: d.file(lockName)}
		}
		if !reported && o.Waiting != nil {
			o.Waiting(*other)
		}
		reported = true
		select {
		case <-ctx.Done():
			return nil, &HeldError{Holder: *other, Waited: time.Since(began), Path: d.file(lockName), Err: ctx.Err()}
		case <-time.After(min(lockPoll, max(o.Wait-time.Since(began), 0))):
		}
	}
}

// Holder is this run.
func (l *Lock) Holder() Holder { return l.holder }

// try takes the lock if it is free or its holder died; otherwise it gives the holder.
func (d *Dir) try(me *Holder, took func(fmt.Stringer)) (other *Holder, err error) {
	err = d.guarded(func() error {
		h, held, err := d.read()
		if err != nil {
			return err
		}
		if held && !h.dead() {
			other = &h
			return nil
		}
		if me.Left = nil; held && h.ID != "" {
			me.Left = append(h.Left[max(0, len(h.Left)-maxLeft):], h.ID)
		}
		data, err := json.MarshalIndent(me, "", "  ")
		if err != nil {
			return err
		}
		if err := durable.WriteFile(d.file(lockName), append(data, '\n'), fileMode); err != nil {
			return err
		}
		d.sweep()
		if held && took != nil {
			took(h)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("state: lock: %w", err)
	}
	return other, nil
}

// sweep removes temporary files that killed runs left. Only the holder of the lock writes
// such files.
func (d *Dir) sweep() {
	for _, name := range []string{recordName, lockName} {
		paths, _ := filepath.Glob(d.file("." + name + ".*")) // the pattern is good
		for _, path := range paths {
			os.Remove(path)
		}
	}
}

// guarded runs do with the kernel's lock on a second file, so that reading the lock and
// taking it are one step. The kernel frees that one when the process ends.
func (d *Dir) guarded(do func() error) error {
	f, err := os.OpenFile(d.file(guardName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := durable.Lock(f); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return do()
}

// read gives the holder. A damaged file means that an unknown run holds the lock.
func (d *Dir) read() (Holder, bool, error) {
	data, err := os.ReadFile(d.file(lockName))
	if missing(err) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, err
	}
	var h Holder
	if json.Unmarshal(data, &h) != nil || h.PID <= 0 {
		h = Holder{} // the file is damaged
		if info, err := os.Stat(d.file(lockName)); err == nil {
			h.Since = info.ModTime()
		}
	}
	return h, true, nil
}

// Unlock takes the lock away from its holder, which it returns; was is false if there is
// none, or if an ID is given and it is another one's. A holder that still runs on this host
// keeps the lock, unless force is set.
func (d *Dir) Unlock(id string, force bool) (holder Holder, was bool, err error) {
	if _, err := os.Stat(d.path); missing(err) {
		return Holder{}, false, nil
	}
	err = d.guarded(func() error {
		holder, was, err = d.read()
		if err != nil || !was {
			return err
		}
		if was = id == "" || id == holder.ID; !was {
			return nil
		}
		if holder.local() && !holder.dead() && !force {
			return fmt.Errorf("%s still runs: end it first", holder)
		}
		return d.drop()
	})
	if err != nil {
		return holder, was, fmt.Errorf("state: unlock: %w", err)
	}
	return holder, was, nil
}

func (d *Dir) drop() error {
	if err := os.Remove(d.file(lockName)); err != nil && !missing(err) {
		return err
	}
	return durable.SyncDir(d.path)
}

// Release gives the lock back. If somebody took it away by Unlock, that is an error and
// the present holder keeps it.
func (l *Lock) Release() error {
	err := l.d.guarded(func() error {
		if err := l.mine(); err != nil {
			return err
		}
		return l.d.drop()
	})
	if err != nil {
		return fmt.Errorf("state: release the lock: %w", err)
	}
	return nil
}

// mine returns an error if Unlock has removed the lock.
func (l *Lock) mine() error {
	h, held, err := l.d.read()
	switch {
	case err != nil:
		return err
	case !held:
		return errors.New("it was taken away by `provision state unlock`")
	case h.ID != l.holder.ID:
		return fmt.Errorf("it was taken away and is now held by %s", h)
	}
	return nil
}

// newID is a UUID (RFC 9562, version 4), as Terraform's lock has one.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
