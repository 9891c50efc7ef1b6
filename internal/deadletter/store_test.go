package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/testkit"
)

func TestDeadLettersSurvive(t *testing.T) {
	path, log := filepath.Join(t.TempDir(), "a", "dead letters"), new(testkit.Log)
	s := open(t, path, 0, log)
	want := letter(1)
	odd := letter(2)
	odd.Event, odd.Body = nil, []byte("\x00no json\n")
	for range 3 {
		testkit.Must(t, s.Append([]Letter{want, odd}))
	}
	// A power loss tears the last line.
	f := testkit.Try(os.OpenFile(filepath.Join(path, "000000000001.jsonl"), os.O_APPEND|os.O_WRONLY, 0))(t)
	f.WriteString(`{"id":"torn","time":"20`)
	f.Close()
	testkit.Equal(t, "letters beside a torn line", len(list(t, s)), 6)
	s = open(t, path, 0, log)
	testkit.Must(t, s.Append([]Letter{letter(3)}))
	all := list(t, s)
	if len(all) != 7 {
		t.Fatalf("%d letters", len(all))
	}
	ids := make(map[string]bool)
	for _, l := range all {
		ids[l.ID] = true
		again, err := s.Show(l.ID)
		if err != nil || again.ID != l.ID {
			t.Errorf("show: %v", err)
		}
	}
	if len(ids) != 7 {
		t.Errorf("IDs: %v", ids)
	}
	if string(all[0].Event) != line(1) || !all[0].Time.Equal(want.Time) || all[0].Reason != want.Reason {
		t.Errorf("%+v", all[0])
	}
	if !bytes.Equal(all[1].Body, odd.Body) {
		t.Errorf("%+v", all[1])
	}
	if _, err := s.Show("nobody"); !errors.Is(err, ErrNoLetter) {
		t.Errorf("error %v", err)
	}
	testkit.Holds(t, "log", log.String(), "torn line")
}

func TestDeadLettersAreBounded(t *testing.T) {
	path, log := t.TempDir(), new(testkit.Log)
	const size = 20_000
	s := open(t, path, size, log)
	var total int64
	for n := range 500 {
		testkit.Must(t, s.Append([]Letter{letter(n)}))
		files := testkit.Try(s.files())(t)
		total = 0
		for _, f := range files {
			total += f.size
		}
		if total > size {
			t.Fatalf("%d bytes after %d letters", total, n+1)
		}
	}
	if total < size*3/4 {
		t.Errorf("only %d bytes are used", total)
	}
	all := list(t, s)
	if len(all)+int(s.Evicted()) != 500 || s.Evicted() == 0 {
		t.Errorf("%d letters and %d evicted", len(all), s.Evicted())
	}
	if last := all[len(all)-1]; string(last.Event) != line(499) {
		t.Errorf("the newest is %s", last.Event)
	}
	testkit.Holds(t, "not logged", log.String(), "oldest events are gone")
	// One that is larger than the store is kept alone rather than lost at once.
	huge := letter(0)
	huge.Event, huge.Body = nil, make([]byte, 2*size)
	testkit.Must(t, s.Append([]Letter{huge}))
	testkit.Equal(t, "letters", len(list(t, s)), 1)
}

func TestDamagedLettersStay(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(testkit.Log))
	testkit.Must(t, s.Append([]Letter{letter(1), letter(2)}))
	file := filepath.Join(path, "000000000001.jsonl")
	data := testkit.Try(os.ReadFile(file))(t)
	data = append([]byte("garbage\n\x00\x01\n{}\n"), data...)
	testkit.Must(t, os.WriteFile(file, data, 0o600))
	all, err := s.List()
	if len(all) != 2 || err == nil || !strings.Contains(err.Error(), "3 damaged") {
		t.Errorf("%d letters, %v", len(all), err)
	}
	n := 0
	kept, err := s.Replay(nil, posted(&n))
	if err != nil || n != 2 || kept != (Kept{Damaged: 3}) {
		t.Errorf("%d are posted, %+v, %v", n, kept, err)
	}
	if data, err = os.ReadFile(file); err != nil || string(data) != "garbage\n\x00\x01\n{}\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// Two stores on one folder, as the gateway and a verb of it.
func TestTwoProcesses(t *testing.T) {
	path, log := t.TempDir(), new(testkit.Log)
	var wg sync.WaitGroup
	for range 2 {
		s := open(t, path, 0, log)
		wg.Go(func() {
			for n := range 50 {
				testkit.Equal(t, "error", s.Append([]Letter{letter(n)}), nil)
			}
		})
	}
	wg.Wait()
	testkit.Equal(t, "letters", len(list(t, open(t, path, 0, log))), 100)
}

// A crash between claiming and putting back loses nothing: the next replay goes on.
func TestReplayAfterCrash(t *testing.T) {
	s := open(t, t.TempDir(), 0, new(testkit.Log))
	testkit.Must(t, s.Append([]Letter{letter(0), letter(1)}))
	testkit.Try(s.claim())(t)
	testkit.Must(t, s.Append([]Letter{letter(2)}))
	testkit.Equal(t, "letters", len(list(t, s)), 3)
	var events []string
	kept, err := s.Replay(nil, func(letters []Letter) []Letter {
		for _, l := range letters {
			events = append(events, string(l.Event))
		}
		return nil
	})
	if want := []string{line(0), line(1), line(2)}; err != nil || kept != (Kept{}) || !slices.Equal(events, want) {
		t.Errorf("%+v, %v; posted %q", kept, err, events)
	}
	testkit.Equal(t, "letters are left", len(list(t, s)), 0)
}

// A line that was torn while the store is open, by a verb that was killed, does not
// spoil the next.
func TestTornLineTakesNoOther(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(testkit.Log))
	testkit.Must(t, s.Append([]Letter{letter(1)}))
	f := testkit.Try(os.OpenFile(filepath.Join(path, "000000000001.jsonl"), os.O_APPEND|os.O_WRONLY, 0))(t)
	f.WriteString(`{"id":"torn","time":"20`)
	f.Close()
	for n := 2; n < 4; n++ {
		testkit.Must(t, s.Append([]Letter{letter(n)}))
	}
	all := list(t, s)
	if len(all) != 3 || string(all[1].Event) != line(2) {
		t.Errorf("%d letters: %+v", len(all), all)
	}
}

// What cannot be put back leaves nothing half done.
func TestPutBackFails(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(testkit.Log))
	testkit.Must(t, s.Append([]Letter{letter(1), letter(2)}))
	names := testkit.Try(s.claim())(t)
	// The claimed file cannot be replaced.
	claimed := filepath.Join(path, names[0])
	testkit.Must(t, errors.Join(os.Rename(claimed, claimed+".there"), os.MkdirAll(filepath.Join(claimed, "full"), 0o750)))
	if err := s.putBack(names[0], []byte("{}\n")); err == nil {
		t.Error("it could be replaced")
	}
	if files, _ := filepath.Glob(filepath.Join(path, "*.tmp")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	testkit.Must(t, errors.Join(os.RemoveAll(claimed), os.Rename(claimed+".there", claimed)))
	testkit.Equal(t, "letters", len(list(t, s)), 2)
}

func FuzzLetters(f *testing.F) {
	l, _ := json.Marshal(letter(1))
	f.Add(append(l, '\n'))
	f.Add([]byte(fmt.Sprintf("%s\n{}\n%s", l, l[:20])))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := t.TempDir()
		testkit.Must(t, os.WriteFile(filepath.Join(path, "000000000001.jsonl"), data, 0o600))
		s := open(t, path, 0, new(testkit.Log))
		before, _ := s.List()
		testkit.Must(t, s.Append([]Letter{letter(1)}))
		after, _ := s.List()
		if len(after) != len(before)+1 {
			t.Fatalf("%d letters became %d", len(before), len(after))
		}
		for _, l := range after {
			l.Record(1)
		}
	})
}

// A file that cannot be read now stays, and the next one makes room.
func TestUnreadableFileIsNotEvicted(t *testing.T) {
	path, log := t.TempDir(), new(testkit.Log)
	s := open(t, path, 20_000, log)
	oldest := filepath.Join(path, "000000000001.jsonl")
	if err := os.Mkdir(oldest, 0o750); err != nil { // it opens, and reading it fails
		t.Fatal(err)
	}
	for n := range 300 {
		testkit.Must(t, s.Append([]Letter{letter(n)}))
	}
	if _, err := os.Stat(oldest); err != nil || s.Evicted() == 0 {
		t.Fatalf("%d were evicted, and of the file: %v", s.Evicted(), err)
	}
	testkit.Must(t, os.Remove(oldest))
	testkit.Equal(t, "letters are left or counted as gone", len(list(t, s))+int(s.Evicted()), 300)
}

// What a crash in the middle of a replay has left is removed at the next start.
func TestLeftoversAreRemoved(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"000000000001.tmp", ".000000000001.replay.123.tmp"} {
		testkit.Must(t, os.WriteFile(filepath.Join(path, name), []byte("torn"), 0o600))
	}
	open(t, path, 0, new(testkit.Log))
	if files, _ := filepath.Glob(filepath.Join(path, "*.tmp")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestLatestLetters(t *testing.T) {
	s := open(t, t.TempDir(), 0, new(testkit.Log))
	if got, err := s.Latest(3); err != nil || len(got) != 0 {
		t.Errorf("of an empty store: %v, %v", got, err)
	}
	for i := range 10 {
		testkit.Must(t, s.Append([]Letter{{Reason: string(rune('a' + i)), Events: 1, Event: []byte(`{"event":"x"}`), Encoding: event.Identity}}))
	}
	got, err := s.Latest(3)
	if err != nil || len(got) != 3 || got[0].Reason != "j" || got[2].Reason != "h" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _ := s.Latest(100); len(got) != 10 {
		t.Errorf("%d letters, want all", len(got))
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s := testkit.Try(New(Options{Path: t.TempDir(), Registerer: reg}))(t)
	s.evicted.Add(3)
	s.unreadable.Add(2)
	families, err := reg.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	for i, want := range []string{"gateway_deadletter_evicted_events_total 3", "gateway_deadletter_unreadable_files 2"} {
		m := families[i].GetMetric()[0]
		if got := fmt.Sprint(families[i].GetName(), " ", m.GetCounter().GetValue()+m.GetGauge().GetValue()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if _, err := New(Options{Registerer: reg}); err == nil {
		t.Error("two stores register the same metrics")
	}
}
