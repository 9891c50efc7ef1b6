package shared

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/infra/amazon"
	"syslog-gateway/internal/infra/state"
)

// The pauses between two tries are Terraform's (statemgr.LockWithContext).
const (
	firstPause = time.Second
	maxPause   = 16 * time.Second
)

// least is how long credentials must last for a run to begin.
const least = 5 * time.Minute

// Lock is the lock of one Terraform state.
type Lock struct {
	account *amazon.Account
	path    string // bucket/key of the state
	places  []place
	pause   time.Duration
}

// NewLock gives the lock of the state at a key: in S3 if inS3 is set, and in
// DynamoDB if there is a table.
func NewLock(account *amazon.Account, bucket *amazon.Bucket, key string, inS3 bool, table string) *Lock {
	l := &Lock{account: account, path: bucket.Name() + "/" + key, pause: firstPause}
	if inS3 {
		l.places = append(l.places, object{bucket, key + ".tflock"})
	}
	if table != "" {
		l.places = append(l.places, item{account.Table(table), l.path})
	}
	return l
}

// Claim is who wants the lock.
type Claim struct {
	Holder  state.Holder
	Version string // of the program
	Journal string // folder of the journal on the holder's host
}

// info is Terraform's statemgr.LockInfo, in its order.
type info struct {
	ID, Operation, Info, Who, Version string
	Created                           time.Time
	Path                              string
}

func (l *Lock) body(c Claim) ([]byte, error) {
	h := c.Holder
	return json.Marshal(info{ID: h.ID, Operation: h.Command, Who: h.User + "@" + h.Host, Version: strings.TrimSpace("provision " + c.Version), Created: h.Since.UTC(),
		Info: fmt.Sprintf("process %d on %s, journal in %s", h.PID, h.Host, c.Journal), Path: l.path})
}

// HeldError says that somebody has the lock.
type HeldError struct {
	Lock   state.StateLock
	Waited time.Duration
	Err    error // why waiting ended early; nil after the whole wait
}

// Error implements error.
func (e *HeldError) Error() string {
	s := fmt.Sprintf("state: %s; waited %s", e.Lock, e.Waited.Round(time.Second))
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": wait for it to end, or, if it no longer runs, use " + breakIt(e.Lock)
}

// Unwrap gives why waiting ended early.
func (e *HeldError) Unwrap() error { return e.Err }

func breakIt(l state.StateLock) string {
	if l.ID == "" {
		return "`provision state unlock --force`"
	}
	return "`provision state unlock " + l.ID + "`"
}

// Ready makes sure that credentials last for a run.
func (l *Lock) Ready(ctx context.Context) error {
	if err := l.account.Lasting(ctx, least); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// Take takes the lock, and waits for another run to end. What the holder's dead
// predecessors left is taken over. release gives it back.
func (l *Lock) Take(ctx context.Context, c Claim, o state.LockOptions) (release func(context.Context) error, err error) {
	body, err := l.body(c)
	if err != nil {
		return nil, fmt.Errorf("state: lock: %w", err)
	}
	began, pause := time.Now(), l.pause
	for reported := false; ; {
		if err := l.Ready(ctx); err != nil {
			return nil, err
		}
		other, err := l.try(ctx, c.Holder, body)
		if err != nil {
			return nil, fmt.Errorf("state: lock: %w", err)
		}
		if other == nil {
			return func(ctx context.Context) error { return l.release(ctx, body, c.Holder.ID) }, nil
		}
		waited := time.Since(began)
		if waited >= o.Wait {
			return nil, &HeldError{Lock: *other, Waited: waited}
		}
		if !reported && o.Waiting != nil {
			o.Waiting(*other)
		}
		reported = true
		select {
		case <-ctx.Done():
			return nil, &HeldError{Lock: *other, Waited: time.Since(began), Err: ctx.Err()}
		case <-time.After(min(pause, o.Wait-waited)):
		}
		pause = min(2*pause, maxPause)
	}
}

// try takes all places in order, or none: then other has one of them.
func (l *Lock) try(ctx context.Context, me state.Holder, body []byte) (other *state.StateLock, err error) {
	for n, p := range l.places {
		other, err = l.one(ctx, p, me, body)
		if other == nil && err == nil {
			continue
		}
		if unknown(err) { // what was sent may be there
			n++
		}
		for _, p := range slices.Backward(l.places[:n]) {
			err = errors.Join(err, l.undo(ctx, p, body, me.ID))
		}
		return other, err
	}
	return nil, nil
}

// one takes one place.
func (l *Lock) one(ctx context.Context, p place, me state.Holder, body []byte) (*state.StateLock, error) {
	for again := true; ; again = false {
		err := p.take(ctx, body)
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, amazon.ErrConflict) && !unknown(err) {
			return nil, err
		}
		found, reading := p.read(ctx)
		switch {
		case reading == nil && bytes.Equal(found, body):
			return nil, nil // ours: its answer was lost
		case unknown(err):
			return nil, err
		case errors.Is(reading, amazon.ErrMissing) && again:
			continue // it was given back meanwhile
		case errors.Is(reading, amazon.ErrMissing):
			return &state.StateLock{Where: p.String(), Who: "somebody who comes and goes"}, nil
		case reading != nil:
			return nil, fmt.Errorf("%s is locked, and by whom is not known: %w", p, reading)
		}
		held := state.ReadLock(p.String(), found)
		if !again || held.ID == "" || !slices.Contains(me.Left, held.ID) {
			return &held, nil
		}
		if err := p.drop(ctx, found); err != nil && !errors.Is(err, amazon.ErrMissing) && !errors.Is(err, amazon.ErrConflict) {
			return nil, fmt.Errorf("take over the lock %s of a run that died here: %w", held.ID, err)
		}
	}
}

// unknown says that a request may have been carried out, although it failed.
func unknown(err error) bool {
	lost, ok := errors.AsType[interface {
		error
		UnknownOutcome() bool
	}](err)
	return ok && lost.UnknownOutcome()
}

// own is a context for giving back: Ctrl-C has ended the run's own.
func own(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// undo gives one place back after a try that failed. It need not be ours.
func (l *Lock) undo(ctx context.Context, p place, body []byte, id string) error {
	err := p.drop(own(ctx), body)
	if err == nil || errors.Is(err, amazon.ErrMissing) || errors.Is(err, amazon.ErrConflict) {
		return nil
	}
	return fmt.Errorf("a lock may be left: %w; then use `provision state unlock %s`", err, id)
}

// release gives the places back, the last one first. All are tried.
func (l *Lock) release(ctx context.Context, body []byte, id string) error {
	var errs []error
	for _, p := range slices.Backward(l.places) {
		if err := l.giveBack(own(ctx), p, body, id); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (l *Lock) giveBack(ctx context.Context, p place, body []byte, id string) error {
	err := p.drop(ctx, body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, amazon.ErrMissing):
		return fmt.Errorf("state: the lock %s of this run was taken away, as by `provision state unlock` or `terraform force-unlock`: see who worked there meanwhile", p)
	case !errors.Is(err, amazon.ErrConflict):
		return fmt.Errorf("state: the lock %s of this run stays: %w; use `provision state unlock %s`", p, err, id)
	}
	found, reading := p.read(ctx)
	switch {
	case reading == nil && errors.Is(err, errOthers):
		return fmt.Errorf("state: the lock of this run was taken away: %s", state.ReadLock(p.String(), found))
	case reading == nil && bytes.Equal(found, body):
		return fmt.Errorf("state: the lock %s of this run stays; use `provision state unlock %s`", p, id)
	case reading != nil && !errors.Is(reading, amazon.ErrMissing):
		return fmt.Errorf("state: whether the lock %s of this run is released is not known: %w", p, reading)
	}
	// It was ours until it was to be deleted. The answer was lost and the SDK asked twice; the next
	// run may have it by now.
	return nil
}

// Holders gives who has the lock, by place; none if it is free.
func (l *Lock) Holders(ctx context.Context) ([]state.StateLock, error) {
	var held []state.StateLock
	for _, p := range l.places {
		found, err := p.read(ctx)
		switch {
		case err == nil:
			held = append(held, state.ReadLock(p.String(), found))
		case !errors.Is(err, amazon.ErrMissing):
			return nil, fmt.Errorf("state: %w", err)
		}
	}
	return held, nil
}

// Break takes the lock away from the runs with these IDs, or with force from anybody. It
// returns what it took away, and an error if somebody else's lock stays.
func (l *Lock) Break(ctx context.Context, ids []string, force bool) (broken []state.StateLock, err error) {
	var errs []error
	for _, p := range slices.Backward(l.places) {
		found, err := p.read(ctx)
		if errors.Is(err, amazon.ErrMissing) {
			continue
		}
		held := state.ReadLock(p.String(), found)
		switch {
		case err != nil: // not read
		case !force && (held.ID == "" || !slices.Contains(ids, held.ID)):
			err = fmt.Errorf("%s: if that no longer runs, use %s", held, breakIt(held))
		default:
			err = p.drop(ctx, found)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("state: unlock: %w", err))
			continue
		}
		broken = append(broken, held)
	}
	return broken, errors.Join(errs...)
}
