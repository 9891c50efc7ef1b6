package state

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/testkit"
)

const upid = "UPID:pve:000F4240:0A1B2C3D:6740A1B2:vzcreate:311:root@pam:"

func begin(t *testing.T, d *Dir) *Journal {
	t.Helper()
	return testkit.Try(d.Journal("provision apply", "plan-1"))(t)
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	testkit.Must(t, errors.Join(errs...))
}

type lostAnswer struct{}

func (lostAnswer) Error() string        { return "596" }
func (lostAnswer) UnknownOutcome() bool { return true }

func phases(es []Entry) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "%s=%s ", e.Step, e.Phase)
	}
	return strings.TrimSpace(b.String())
}

func TestJournalKnowsWhatIsOpen(t *testing.T) {
	d := open(t)
	j := begin(t, d)
	check(t, j.Begin("a"), j.Task("a", upid), j.End("a", nil))
	check(t, j.Begin("b"), j.Task("b", upid))
	check(t, j.Begin("c"))
	check(t, j.Begin("d"), j.Task("d", upid), j.End("d", fmt.Errorf("create: %w", lostAnswer{})))
	check(t, j.Begin("e"), j.End("e", errors.New("no space left")))
	const want = "b=task c=begun d=unknown"
	testkit.Equal(t, "open", phases(j.Open()), want)
	check(t, j.Close()) // as by a kill: each line is on disk
	if got, err := d.Interrupted(); err != nil || phases(got) != want {
		t.Errorf("%s, %v", phases(got), err)
	}
	j = begin(t, d)
	testkit.Equal(t, "after a restart", phases(j.Open()), want)
	if e, ok := j.Last("d"); !ok || e.UPID != upid || e.Error != "create: 596" || e.Time.IsZero() {
		t.Errorf("d: %+v", e)
	}
	if e, ok := j.Last("e"); !ok || e.Phase != Failed {
		t.Errorf("e: %+v", e)
	}
	if _, ok := j.Last("nobody"); ok {
		t.Error("knows an unknown guest")
	}
	check(t, j.Begin("d"))
	if e, _ := j.Last("d"); e.UPID != "" {
		t.Error("a step begun anew has the task of before")
	}
	check(t, j.End("b", nil), j.End("c", nil), j.End("d", nil))
	check(t, j.Finish())
	if got, err := d.Interrupted(); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	j = begin(t, d)
	if _, ok := j.Last("a"); ok {
		t.Error("a new apply begins with the journal of the last")
	}
	check(t, j.Close())
}

func TestTornLastLine(t *testing.T) {
	d := open(t)
	j := begin(t, d)
	check(t, j.Begin("a"), j.Begin("b"), j.Close())
	whole := testkit.Try(os.ReadFile(d.file(journalName)))(t)
	last := strings.LastIndex(strings.TrimSuffix(string(whole), "\n"), "\n") + 1
	for cut := last; cut < len(whole); cut++ {
		write(t, d.file(journalName), string(whole[:cut]))
		if got, err := d.Interrupted(); err != nil || phases(got) != "a=begun" {
			t.Fatalf("cut at %d: %s, %v", cut, phases(got), err)
		}
		j := begin(t, d)
		check(t, j.Begin("c"), j.Close())
		if got, err := d.Interrupted(); err != nil || phases(got) != "a=begun c=begun" {
			t.Fatalf("cut at %d, gone on: %s, %v", cut, phases(got), err)
		}
	}
}

func TestADamagedJournalIsNotAnEmptyOne(t *testing.T) {
	d := open(t)
	j := begin(t, d)
	check(t, j.Begin("a"), j.Close())
	whole := testkit.Try(os.ReadFile(d.file(journalName)))(t)
	damaged := strings.Replace(string(whole), `"step"`, `"st`, 1) + `{"step":"b","phase":"begun"}` + "\n"
	write(t, d.file(journalName), damaged)
	testkit.Fails(t, testkit.Err(d.Journal("provision apply", "x")), "line 2", journalName)
	testkit.Fails(t, testkit.Err(d.Interrupted()), "line 2")
	if after, _ := os.ReadFile(d.file(journalName)); string(after) != damaged {
		t.Error("the journal was changed")
	}
}

func TestJournalOfManyAtOnce(t *testing.T) {
	d := open(t)
	j := begin(t, d)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 5 {
				step := fmt.Sprintf("%d/%d", i, n)
				if err := errors.Join(j.Begin(step), j.Task(step, upid), j.End(step, nil)); err != nil {
					t.Error(err)
				}
			}
			if err := j.Begin(fmt.Sprint("open ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check(t, j.Close())
	if got, err := d.Interrupted(); err != nil || len(got) != 8 {
		t.Errorf("%s, %v", phases(got), err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"step\":\"a\",\"phase\":\"begun\"}\n{\"step\":\"a\",\"phase\":\"task\",\"upid\":\"x\"}\n{\"st"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := &Journal{}
		if j.replay(b) != nil {
			return
		}
		if j.size > int64(len(b)) || j.torn != (j.size < int64(len(b))) {
			t.Errorf("%d of %d", j.size, len(b))
		}
		again := &Journal{}
		if err := again.replay(b[:j.size]); err != nil || phases(again.Open()) != phases(j.Open()) {
			t.Errorf("cut at the last whole line it reads otherwise: %v", err)
		}
	})
}
