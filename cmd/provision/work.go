package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/spec"
	"syslog-gateway/internal/infra/state"
)

// work is a session that holds the lock, and may write.
type work struct {
	*session
	dir     *state.Dir
	lock    *state.Lock
	command string
	in      io.Reader
	out     io.Writer // documents for programs
	talk    io.Writer // what people read
}

// begin loads everything and takes the lock. End it.
func (s *settings) begin(cmd *cobra.Command, wait time.Duration) (*work, error) {
	r, err := s.open(cmd)
	if err != nil {
		return nil, err
	}
	w := &work{session: r, command: strings.Join(append([]string{"provision"}, cmd.CalledAs()), " "),
		in: cmd.InOrStdin(), out: cmd.OutOrStdout(), talk: cmd.OutOrStdout()}
	if s.asJSON {
		w.talk = cmd.ErrOrStderr()
	}
	if w.dir, err = state.Open(s.state()); err != nil {
		r.close()
		return nil, err
	}
	if wait == 0 {
		wait = -1 // for state: do not wait
	}
	w.lock, err = w.dir.Lock(cmd.Context(), state.LockOptions{
		Command: w.command, Wait: wait,
		Held: func(h state.Holder) { fmt.Fprintf(cmd.ErrOrStderr(), "waiting for %s\n", h) },
		Took: func(h state.Holder) { fmt.Fprintf(cmd.ErrOrStderr(), "took the lock of %s, which died\n", h) },
	})
	if err != nil {
		r.close()
		return nil, err
	}
	if w.record, err = w.dir.Load(); err != nil { // again: another run may have changed it
		return nil, errors.Join(err, w.end())
	}
	return w, nil
}

func (w *work) end() error {
	w.close()
	return w.lock.Release()
}

// settle waits for tasks that an interrupted apply has begun.
func (w *work) settle(ctx context.Context) error {
	left, err := w.dir.Interrupted()
	if err != nil || len(left) == 0 {
		return err
	}
	fmt.Fprintf(w.talk, "an earlier apply was interrupted during %d steps; finishing it\n", len(left))
	var tasks []string
	for _, e := range left {
		if e.UPID != "" {
			tasks = append(tasks, e.UPID)
		}
	}
	return apply.Settle(ctx, w.client, tasks)
}

// forgetInterruption ends the journal of an apply that was interrupted when all was done:
// nothing is left to finish.
func (w *work) forgetInterruption() error {
	left, err := w.dir.Interrupted()
	if err != nil || len(left) == 0 {
		return err
	}
	journal, err := w.dir.Journal(w.command, "")
	if err != nil {
		return err
	}
	return journal.Finish()
}

// recordChange puts one change down as soon as it is done.
func (w *work) recordChange(c plan.Change) error {
	kind := string(spec.LXC)
	switch c.Object {
	case plan.ObjectPool:
		w.record.Put(state.Object{Kind: plan.ObjectPool, Key: c.Key, Applied: now()})
		return w.dir.Save(w.record)
	case plan.ObjectVM:
		kind = string(spec.QEMU)
	case plan.ObjectContainer:
	default:
		return nil
	}
	w.forget(c.VMID)
	if c.Action != plan.Destroy {
		for _, g := range w.estate.Guests() {
			if g.VMID == c.VMID && string(g.Kind) == kind {
				w.recordGuest(g)
			}
		}
	}
	w.record.Fingerprint = "" // until the whole declaration is in force again
	return w.dir.Save(w.record)
}

// forget takes a guest out of the record, under whatever key it is there.
func (w *work) forget(vmid int) {
	for o, ok := w.record.Guest(vmid); ok; o, ok = w.record.Guest(vmid) {
		w.record.Remove(o.Kind, o.Key)
	}
}

// recordGuest puts a guest down as it is declared. What it was first booted with stays
// as it was put down then.
func (w *work) recordGuest(g *spec.Guest) {
	object := state.Object{Kind: string(g.Kind), Key: g.Key, VMID: g.VMID, Node: g.Node, Name: g.Name,
		Protected: g.Protection, Applied: now(), Inputs: w.firstBoot(g)}
	if old, known := w.record.Guest(g.VMID); known && old.Kind == object.Kind {
		object.Applied, object.Inputs = old.Applied, old.Inputs
	}
	w.forget(g.VMID)
	w.record.Remove(object.Kind, object.Key) // the key may have been another guest's
	w.record.Put(object)
}

// firstBoot are the inputs that only count when a guest is made.
func (w *work) firstBoot(g *spec.Guest) map[string]string {
	if g.Kind == spec.LXC {
		return map[string]string{"template": w.estate.ContainerTemplate}
	}
	for _, v := range allVMs(w.estate) {
		if v.VMID != g.VMID {
			continue
		}
		inputs := map[string]string{"template": strconv.Itoa(v.Template)}
		if v.Snippet != "" {
			sum := sha256.Sum256([]byte(v.Snippet))
			inputs["cloud_init"] = "sha256:" + hex.EncodeToString(sum[:])
		}
		return inputs
	}
	return nil
}

// now is the time of a record, to the second.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
