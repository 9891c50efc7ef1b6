package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// kills is how many random points of an apply are killed, on so many clusters side by
// side.
const (
	kills   = 50
	workers = 5
)

// An apply that is killed at any point is finished by running it again: everything is
// there once, and nothing was created twice.
func TestKilledAtAnyPointConverges(t *testing.T) {
	seed := killSeed(t)
	for worker := range workers {
		t.Run(strconv.Itoa(worker), func(t *testing.T) {
			t.Parallel()
			killAndRepeat(t, seed+uint64(worker))
		})
	}
}

// killAndRepeat kills applies at the points of one seed, each on a fresh cluster: the
// first one, and then the one that was to finish it, if that takes as long.
func killAndRepeat(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	options := pvesim.Options{Seed: seed, TaskDelay: 2 * time.Millisecond}
	w := newWorld(t, options)
	w.expect(0, nil, "apply", "--yes", "--state-dir", "whole")
	total := len(w.Sim.Journal())
	stateDir := ""
	for i, round := 0, 0; i < kills/workers; round++ {
		w.Reset(options)
		stateDir = "state" + strconv.Itoa(round)
		for range 2 {
			point, answered := 1+random.IntN(total), random.IntN(2) == 0
			t.Logf("seed %d, kill %d, at request %d of %d, answered %v", seed, i, point, total, answered)
			if w.killed(point, answered, stateDir) {
				i++
			}
		}
		w.expect(0, nil, "apply", "--yes", "--state-dir", stateDir)
		w.once()
		if t.Failed() {
			t.FailNow()
		}
	}
	a := w.expect(0, []string{"Nothing to do"}, "apply", "--yes", "--state-dir", stateDir)
	testkit.Lacks(t, "what was finished is still reported", a.out, "interrupted")
}

// killed runs an apply and kills it at its nth request, before or after the cluster has
// done what it asks for. It says whether the apply came so far.
func (w *world) killed(n int, answered bool, stateDir string) bool {
	w.T.Helper()
	cmd := w.command("apply", "--yes", "--state-dir", stateDir)
	ended := make(chan struct{})
	var seen atomic.Int64
	hook := func(*http.Request) {
		if seen.Add(1) == int64(n) {
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	started := make(chan struct{})
	guarded := func(r *http.Request) { <-started; hook(r) }
	if answered {
		w.Hooks(nil, guarded)
	} else {
		w.Hooks(guarded, nil)
	}
	testkit.Must(w.T, cmd.Start())
	close(started)
	err := cmd.Wait()
	close(ended)
	w.Hooks(nil, nil)
	testkit.Eventually(w.T, "every request was answered", w.Quiet)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		w.T.Fatal(err)
	}
	if died := cmd.ProcessState.ExitCode() < 0; died || err == nil {
		return died
	}
	w.T.Fatalf("the apply ended by itself: %v", err)
	return false
}

// once checks that every declared guest is there, and was created one time.
func (w *world) once() {
	w.T.Helper()
	created := make(map[string]int)
	for _, r := range w.Sim.Writes() {
		if r.Method != http.MethodPost || r.Status != http.StatusOK {
			continue
		}
		switch {
		case strings.HasSuffix(r.Path, "/lxc"):
			created[r.Params["vmid"]]++
		case strings.HasSuffix(r.Path, "/clone"):
			created[r.Params["newid"]]++
		}
	}
	for _, vmid := range []string{"103", "175", "200", "250"} {
		if created[vmid] != 1 || w.Config(vmid) == "" {
			w.T.Errorf("guest %s was created %d times, its configuration is %q", vmid, created[vmid], w.Config(vmid))
		}
	}
	if len(created) != 4 {
		w.T.Errorf("created: %v", created)
	}
}
