package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

const killVariable = "STATE_TEST_KILL_DIR"

// TestKilledRuns kills a process that writes the record and the journal, at random
// moments. What it had said to be done must be there, and everything readable.
func TestKilledRuns(t *testing.T) {
	if path := os.Getenv(killVariable); path != "" {
		testkit.Must(t, writeForEver(path))
	}
	d := open(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 8 {
		last := runAndKill(t, d, 1+random.IntN(12))
		r, err := d.Load(t.Context())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if r.Serial < last || r.Serial > last+1 {
			t.Errorf("seed %d: serial %d, reported %d", seed, r.Serial, last)
		}
		opened, err := d.Interrupted()
		if err != nil || len(opened) > 2 {
			t.Errorf("seed %d: %s, %v", seed, phases(opened), err)
		}
	}
	l := testkit.Try(d.Lock(context.Background(), LockOptions{Wait: -1}))(t)
	check(t, l.Release())
	files := testkit.Try(os.ReadDir(d.path))(t)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			t.Errorf("left behind: %s", f.Name())
		}
	}
}

// writeForEver saves record after record, each within a step of the journal, and says
// which it has saved.
func writeForEver(path string) error {
	d, err := Open(path)
	if err != nil {
		return err
	}
	if _, err := d.Lock(context.Background(), LockOptions{Command: "child", Wait: -1}); err != nil {
		return err
	}
	r, err := d.Load(context.Background())
	if err != nil {
		return err
	}
	j, err := d.Journal("child", "x")
	if err != nil {
		return err
	}
	for _, e := range j.Open() { // as a run does that takes up the work again
		if err := j.End(e.Step, nil); err != nil {
			return err
		}
	}
	for {
		r.Put(Object{Kind: "lxc", Key: fmt.Sprint("guest ", r.Serial%50), VMID: 100 + r.Serial})
		step := fmt.Sprint("save ", r.Serial)
		if err := errors.Join(j.Begin(step), d.Save(context.Background(), r), j.End(step, nil)); err != nil {
			return err
		}
		fmt.Printf("saved %d\n", r.Serial)
	}
}

// runAndKill lets a child save lines times, kills it, and returns the last serial reported.
func runAndKill(t *testing.T, d *Dir, lines int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledRuns$")
	cmd.Env = append(os.Environ(), killVariable+"="+d.path)
	out, err := cmd.StdoutPipe()
	check(t, err, cmd.Start())
	last, reported := 0, 0
	for s := bufio.NewScanner(out); s.Scan(); reported++ {
		if _, err := fmt.Sscanf(s.Text(), "saved %d", &last); err != nil {
			t.Fatalf("child said %q", s.Text())
		}
		if reported == lines {
			check(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait()
	if reported < lines {
		t.Fatalf("child ended by itself after %d of %d", reported, lines)
	}
	return last
}
