package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/bench/powerloss/disk"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/testkit"
)

// powerLosses is how often the machine of provision loses its power with each model of a
// disk, unless POWERLOSS_CUTS says otherwise.
const powerLosses = 10

// The machine loses its power in the middle of an apply, and the cluster goes on. Whatever
// the disk has kept of record and journal, the next apply finishes the work: everything is
// there once, nothing was created twice, and the record is what is there. POWERLOSS_SEED
// plays a cut again.
func TestPowerLossDuringApply(t *testing.T) {
	if err := disk.Usable(); err != nil {
		t.Skip(err)
	}
	cuts := number(t, "POWERLOSS_CUTS", powerLosses)
	first := number(t, "POWERLOSS_SEED", 1)
	for _, model := range []disk.Model{disk.Journal, disk.Strict} {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pvesim.Options{})
			w.expect(0, nil, "apply", "--yes", "--state-dir", "whole")
			total := len(w.Sim.Journal())
			for done, seed := 0, uint64(first); done < cuts; seed++ {
				done += w.finishAfterCuts(model, seed, total)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// A disk that lies about fsync loses record and journal, and the test sees it: an apply
// that has created guests knows nothing of them any more.
func TestLostRecordIsSeen(t *testing.T) {
	if err := disk.Usable(); err != nil {
		t.Skip(err)
	}
	w := newWorld(t, pvesim.Options{})
	d := disk.New(disk.Options{Lies: true})
	w.onDisk(d, func(state string) { w.expect(0, nil, "apply", "--yes", "--state-dir", state) })
	if n := len(recorded(t, d)); n != 4 {
		t.Fatalf("%d guests are recorded before the cut", n)
	}
	if got := recorded(t, d.After(rand.New(rand.NewPCG(1, 1)))); len(got) != 0 {
		t.Fatalf("the disk lied about every fsync, and the record has %v", got)
	}
}

func number(t *testing.T, name string, fallback int) int {
	t.Helper()
	if os.Getenv(name) == "" {
		return fallback
	}
	return testkit.Try(strconv.Atoi(os.Getenv(name)))(t)
}

// finishAfterCuts cuts one apply, and often the one that was to finish it, too, on a fresh
// cluster and a fresh disk. It returns how many cuts hit.
func (w *world) finishAfterCuts(model disk.Model, seed uint64, total int) (cuts int) {
	w.T.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	options := pvesim.Options{Seed: seed, TaskDelay: 2 * time.Millisecond}
	w.Reset(options)
	d := disk.New(disk.Options{Model: model})
	for range 1 + random.IntN(2) {
		hit := false
		point, answered := 1+random.IntN(total), random.IntN(2) == 0
		w.onDisk(d, func(state string) { hit = w.cut(d, point, answered, state) })
		if hit {
			cuts++
		}
		d.Off()
		d = d.After(random)
	}
	unrecorded := false
	for _, vmid := range []string{"103", "175", "200", "250"} {
		there, known := w.Config(vmid) != "", recorded(w.T, d)[vmid]
		if known && !there {
			w.T.Errorf("guest %s is recorded and not there", vmid)
		}
		unrecorded = unrecorded || there && !known
	}
	w.onDisk(d, func(state string) {
		if a := w.provision("plan", "--state-dir", state); a.code != 0 && a.code != 2 {
			w.T.Errorf("a plan after the cut: exit code %d\n%s%s", a.code, a.out, a.errs)
		}
		a := w.expect(0, nil, "apply", "--yes", "--state-dir", state)
		if says := a.out + a.errs; unrecorded && !strings.Contains(says, "an earlier apply") {
			w.T.Errorf("a guest is there and not recorded, and the apply does not say why:\n%s", says)
		}
		a = w.expect(0, []string{"Nothing to do"}, "plan", "--state-dir", state)
		testkit.Lacks(w.T, "what was finished is still reported", a.out+a.errs, "interrupted")
	})
	w.once()
	if got := recorded(w.T, d); len(got) != 4 {
		w.T.Errorf("recorded in the end: %v", got)
	}
	return cuts
}

// onDisk mounts a disk for as long as do runs, which gets the state folder on it.
func (w *world) onDisk(d *disk.Disk, do func(stateDir string)) {
	w.T.Helper()
	dir := testkit.Try(os.MkdirTemp(w.Dir, "disk-"))(w.T)
	m := testkit.Try(d.Mount(dir))(w.T)
	defer func() { testkit.Must(w.T, m.Close()) }()
	do(filepath.Join(dir, "state"))
}

// cut runs an apply and takes the power at its nth request, before or after the cluster
// has done what it asks for. It says whether the apply came so far.
func (w *world) cut(d *disk.Disk, n int, answered bool, stateDir string) (hit bool) {
	w.T.Helper()
	cmd := w.command("apply", "--yes", "--state-dir", stateDir)
	var seen atomic.Int64
	var started sync.WaitGroup
	started.Add(1)
	hook := func(*http.Request) {
		started.Wait()
		if seen.Add(1) == int64(n) {
			d.Off()
			_ = cmd.Process.Kill()
		}
	}
	if answered {
		w.Hooks(nil, hook)
	} else {
		w.Hooks(hook, nil)
	}
	testkit.Must(w.T, cmd.Start())
	started.Done()
	err := cmd.Wait()
	w.Hooks(nil, nil)
	testkit.Eventually(w.T, "every request was answered", w.Quiet)
	if seen.Load() >= int64(n) {
		return true
	}
	testkit.Must(w.T, err)
	return false
}

// recorded are the VMIDs in the record of a disk. There is none after a cut before the
// first one was stored. A record is never torn.
func recorded(t *testing.T, d *disk.Disk) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, f := range d.Files() {
		if f.Path != "state/record.json" {
			continue
		}
		var record struct{ Objects []struct{ VMID int } }
		if err := json.Unmarshal(f.Data, &record); err != nil {
			t.Errorf("the record: %v: %s", err, strings.TrimSpace(string(f.Data)))
		}
		for _, o := range record.Objects {
			if o.VMID != 0 {
				all[strconv.Itoa(o.VMID)] = true
			}
		}
	}
	return all
}
