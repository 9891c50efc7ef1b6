package apply_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/apply"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/testkit"
)

// TestJournal applies with the journal of package state: after it, no step is open.
func TestJournal(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	dir := testkit.Try(state.Open(filepath.Join(t.TempDir(), "state")))(t)
	j := testkit.Try(dir.Journal("apply", "x"))(t)
	testkit.Try(b.apply(b.plan(lean(t), plan.Options{Root: true}), apply.Options{Journal: j}))(t)
	if open := j.Open(); len(open) > 0 {
		t.Errorf("steps are open: %v", open)
	}
	e, ok := j.Last("container/haproxy 1/2 create")
	if !ok || e.Phase != state.Done || !strings.HasPrefix(e.UPID, "UPID:pve:") {
		t.Errorf("the creation is put down as %+v", e)
	}
	testkit.Must(t, j.Close())
}

// TestJournalKnowsWhatWasLost loses an answer for good.
func TestJournalKnowsWhatWasLost(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	dir := testkit.Try(state.Open(filepath.Join(t.TempDir(), "state")))(t)
	j := testkit.Try(dir.Journal("apply", "x"))(t)
	b.sim.Fail(pvesim.Failure{Method: "POST", Path: "/pools", Status: 596, Times: -1})
	if _, err := b.apply(b.plan(lean(t), plan.Options{}), apply.Options{Journal: j}); err == nil {
		t.Fatal("want an error")
	}
	if e, _ := j.Last("pool/logging 1/1 create"); e.Phase != state.Unknown {
		t.Errorf("it is put down as %+v", e)
	}
	testkit.Must(t, j.Close())
}

// full is a journal on a full disk.
type full struct{ apply.Journal }

var errFull = errors.New("no space left on device")

func (full) Begin(string) error { return errFull }

func TestNothingWithoutJournal(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	_, err := b.apply(b.plan(lean(t), plan.Options{}), apply.Options{Journal: full{}})
	if !errors.Is(err, errFull) || len(b.sim.Writes()) > 0 {
		t.Fatalf("%v, and %d writes", err, len(b.sim.Writes()))
	}
}

func TestStepsOfRootNeedRoot(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	_, err := apply.Run(t.Context(), b.client, b.plan(lean(t), plan.Options{Root: true}), apply.Options{})
	var refused *apply.Refused
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "needs root@pam itself") || len(b.sim.Writes()) > 0 {
		t.Fatalf("got %v", err)
	}
}

// TestUploadsTheSnippet puts the cloud-init file on the node before the clone.
func TestUploadsTheSnippet(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	b.sim.RemoveFile(snippet)
	b.filters()
	o := plan.Options{Only: []string{"splunk"}, Upload: func(volume string) ([]byte, bool) { return []byte("#cloud-config"), volume == snippet }}
	var put string
	testkit.Try(b.apply(b.plan(estate(t, "small"), o), apply.Options{
		Upload: func(_ context.Context, node, volume string, content []byte) error {
			put = node + " " + volume + " " + string(content)
			return b.sim.AddFile(volume, int64(len(content)))
		},
	}))(t)
	if put != "pve "+snippet+" #cloud-config" || b.config(200)["cicustom"] != "user="+snippet {
		t.Errorf("put %q, cicustom %q", put, b.config(200)["cicustom"])
	}
}

// TestProgress reports every change's begin and end, and calls Done for each that was done.
func TestProgress(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	p := b.plan(lean(t), plan.Options{Root: true})
	var mu sync.Mutex
	begun, ended, done := map[string]bool{}, map[string]bool{}, 0
	testkit.Try(b.apply(p, apply.Options{
		Progress: func(e apply.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case e.Step == "" && e.State == apply.Begun:
				begun[e.Change.ID()] = true
			case e.State == apply.Finished:
				ended[e.Change.ID()] = begun[e.Change.ID()]
			}
		},
		Done: func(change.Change) error { done++; return nil },
	}))(t)
	for _, c := range p.Changes {
		if !ended[c.ID()] {
			t.Errorf("%s was not reported", c.ID())
		}
	}
	if done != len(p.Changes) {
		t.Errorf("%d done, want %d", done, len(p.Changes))
	}
}

// TestCancelled stops between steps; what was not begun is said.
func TestCancelled(t *testing.T) {
	b := newRig(t, pvesim.Options{Seed: 23})
	p := b.plan(lean(t), plan.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := apply.Run(ctx, b.client, p, apply.Options{})
	if !errors.Is(err, context.Canceled) || r.Count(apply.NotBegun) != len(r.Outcomes) || len(b.sim.Writes()) > 0 {
		t.Fatalf("%v: %+v", err, r)
	}
}
