package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
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
	w.record, err = w.dir.Load() // again: another run may have changed it
	if err == nil {
		err = errors.Join(w.sameDeclaration(w.record), w.sameCluster())
	}
	if err != nil {
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
	fmt.Fprintf(w.talk, "an earlier apply was interrupted during %s; finishing it\n", count(len(left), "step"))
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
func (w *work) recordChange(c change.Change) error {
	kind := string(declaration.LXC)
	switch c.Object {
	case change.ObjectPool:
		w.record.Put(state.Object{Kind: change.ObjectPool, Key: c.Key, Applied: now()})
		return w.save()
	case change.ObjectVM:
		kind = string(declaration.QEMU)
	case change.ObjectContainer:
	default:
		return nil
	}
	w.forget(c.VMID)
	if c.Action != change.Destroy {
		for _, g := range w.estate.Guests() {
			if g.VMID == c.VMID && string(g.Kind) == kind {
				w.recordGuest(g)
			}
		}
	}
	return w.save()
}

// save puts the record down, with what it is of.
func (w *work) save() error {
	place, err := w.place()
	if err != nil {
		return err
	}
	w.record.Deployment, w.record.Cluster = place, w.cluster
	return w.dir.Save(w.record)
}

// forgetGone takes guests out of the record that are neither declared nor there: their
// VMIDs are free, and whoever uses one next is not ours. One that is there under another
// name stays, for somebody to decide about (state forget).
func (w *work) forgetGone(ctx context.Context) error {
	declared := make(map[int]bool)
	for _, g := range w.estate.Guests() {
		declared[g.VMID] = true
	}
	gone := slices.Clone(w.record.Objects)
	gone = slices.DeleteFunc(gone, func(o state.Object) bool { return !guest(o) || declared[o.VMID] })
	if len(gone) == 0 {
		return nil
	}
	live, err := w.client.Resources(ctx)
	if err != nil {
		return fmt.Errorf("which guests of the record are left: %w", err)
	}
	for _, o := range gone {
		if !slices.ContainsFunc(live, func(r pve.Resource) bool { return r.VMID == o.VMID && r.Type == o.Kind }) {
			w.record.Remove(o.Kind, o.Key)
		}
	}
	return nil
}

// guest says whether an object of the record is a container or a VM.
func guest(o state.Object) bool {
	return o.Kind == string(declaration.LXC) || o.Kind == string(declaration.QEMU)
}

// forget takes a guest out of the record, under whatever key it is there.
func (w *work) forget(vmid int) {
	for o, ok := w.record.Guest(vmid); ok; o, ok = w.record.Guest(vmid) {
		w.record.Remove(o.Kind, o.Key)
	}
}

// recordGuest puts a guest down as it is declared. What it was first booted with stays
// as it was put down then.
func (w *work) recordGuest(g *declaration.Guest) {
	object := state.Object{Kind: string(g.Kind), Key: g.Key, VMID: g.VMID, Node: g.Node, Name: g.Name,
		Class: g.Class, Protected: g.Protection, Unprotected: g.ProtectionDeclared && !g.Protection, Applied: now(), Inputs: w.firstBoot(g)}
	if old, known := w.record.Guest(g.VMID); known && old.Kind == object.Kind {
		object.Applied, object.Inputs = old.Applied, old.Inputs
	}
	w.forget(g.VMID)
	w.record.Remove(object.Kind, object.Key) // the key may have been another guest's
	w.record.Put(object)
}

// firstBoot are the inputs that only count when a guest is made.
func (w *work) firstBoot(g *declaration.Guest) map[string]string {
	if g.Kind == declaration.LXC {
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
