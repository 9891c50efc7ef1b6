package hec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
)

func open(t *testing.T, path string, size int64, log *syncBuffer) *DeadLetters {
	t.Helper()
	s, err := OpenDeadLetters(DeadLetterOptions{Path: path, MaxSize: size, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letter(n int) Letter {
	return Letter{Time: time.Now().UTC(), Reason: reasonBlank, Status: 400, Code: 13, Text: "blank",
		Source: "linux", Endpoint: "https://splunk:8088", Events: 1, Event: json.RawMessage(line(n))}
}

func list(t *testing.T, s *DeadLetters) []Letter {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDeadLettersSurvive(t *testing.T) {
	path, log := filepath.Join(t.TempDir(), "a", "dead letters"), new(syncBuffer)
	s := open(t, path, 0, log)
	want := letter(1)
	odd := letter(2)
	odd.Event, odd.Body = nil, []byte("\x00no json\n")
	for range 3 {
		if err := s.Append([]Letter{want, odd}); err != nil {
			t.Fatal(err)
		}
	}
	// A power loss tears the last line.
	f, err := os.OpenFile(filepath.Join(path, "000000000001.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"id":"torn","time":"20`)
	f.Close()
	if n := len(list(t, s)); n != 6 {
		t.Errorf("%d letters beside a torn line", n)
	}
	s = open(t, path, 0, log)
	if err := s.Append([]Letter{letter(3)}); err != nil {
		t.Fatal(err)
	}
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
	if !strings.Contains(log.String(), "torn line") {
		t.Errorf("log: %s", log)
	}
}

func TestDeadLettersAreBounded(t *testing.T) {
	path, log := t.TempDir(), new(syncBuffer)
	const size = 20_000
	s := open(t, path, size, log)
	var total int64
	for n := range 500 {
		if err := s.Append([]Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
		files, err := s.files()
		if err != nil {
			t.Fatal(err)
		}
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
	if !strings.Contains(log.String(), "oldest events are gone") {
		t.Error("not logged")
	}
	// One that is larger than the store is kept alone rather than lost at once.
	huge := letter(0)
	huge.Event, huge.Body = nil, make([]byte, 2*size)
	if err := s.Append([]Letter{huge}); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, s)); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestDamagedLettersStay(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(syncBuffer))
	if err := s.Append([]Letter{letter(1), letter(2)}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, "000000000001.jsonl")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = append([]byte("garbage\n\x00\x01\n{}\n"), data...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := s.List()
	if len(all) != 2 || err == nil || !strings.Contains(err.Error(), "3 damaged") {
		t.Errorf("%d letters, %v", len(all), err)
	}
	h := serve(t, hectest.Options{})
	r := newRig(t, func(o *Options) { o.DeadLetter = s }, h)
	res, err := r.Replay(context.Background(), nil)
	if err != nil || res != (ReplayResult{Delivered: 2, Damaged: 3}) {
		t.Errorf("%+v, %v", res, err)
	}
	if data, err = os.ReadFile(file); err != nil || string(data) != "garbage\n\x00\x01\n{}\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// Two stores on one folder, as the gateway and a verb of it.
func TestTwoProcesses(t *testing.T) {
	path, log := t.TempDir(), new(syncBuffer)
	var wg sync.WaitGroup
	for range 2 {
		s := open(t, path, 0, log)
		wg.Go(func() {
			for n := range 50 {
				if err := s.Append([]Letter{letter(n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(list(t, open(t, path, 0, log))); n != 100 {
		t.Errorf("%d letters", n)
	}
}

func TestReplay(t *testing.T) {
	s := serve(t, hectest.Options{Check: hectest.Validate})
	r := newRig(t, nil, s)
	var letters []Letter
	for n := range 10 {
		letters = append(letters, letter(n))
	}
	letters[4].Event = json.RawMessage(poison(4)) // still bad
	letters[7].Source = "windows"
	rec := record(event.Gzip, line(10), line(11))
	letters = append(letters, Letter{Reason: reasonUnreadable, Source: "linux", Events: 2, Body: rec.Body, Encoding: rec.Encoding})
	if err := r.dead.Append(letters); err != nil {
		t.Fatal(err)
	}
	if err := r.dead.Append([]Letter{letter(12)}); err != nil {
		t.Fatal(err)
	}
	res, err := r.Replay(context.Background(), func(l Letter) bool { return l.Source == "windows" })
	if err != nil || res != (ReplayResult{Delivered: 1, Kept: 12}) {
		t.Fatalf("%+v, %v", res, err)
	}
	res, err = r.Replay(context.Background(), nil)
	if err != nil || res != (ReplayResult{Delivered: 11, Refused: 1}) {
		t.Fatalf("%+v, %v", res, err)
	}
	arrived(t, 13, map[int]bool{4: true}, s)
	left := list(t, r.dead)
	if len(left) != 1 || string(left[0].Event) != poison(4) || left[0].Reason != reasonBlank {
		t.Errorf("%+v", left)
	}
	if n := len(r.ledger.Accounts()); n != 0 {
		t.Error("a replay has booked")
	}
}

// A stop in the middle keeps all that was not delivered, under its ID; and the
// gateway can go on writing meanwhile.
func TestReplayStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, hectest.Options{})
	r := newRig(t, nil, s)
	ids := make(map[string]bool)
	for n := range 9 {
		l := []Letter{letter(n)}
		if err := r.dead.Append(l); err != nil {
			t.Fatal(err)
		}
		ids[l[0].ID] = true
	}
	s.SetScript(func(req *hectest.Request) hectest.Answer {
		if req.N == 4 {
			if err := r.dead.Append([]Letter{letter(99)}); err != nil {
				t.Error(err)
			}
			if _, err := r.Replay(context.Background(), nil); !errors.Is(err, ErrReplaying) {
				t.Errorf("a second replay: %v", err)
			}
			cancel()
			return hectest.Busy()
		}
		return hectest.Answer{}
	})
	res, err := r.Replay(ctx, nil)
	if err != nil || res != (ReplayResult{Delivered: 4, Kept: 5}) {
		t.Errorf("%+v, %v", res, err)
	}
	left := list(t, r.dead)
	if len(left) != 6 {
		t.Fatalf("%d letters left", len(left))
	}
	for _, l := range left {
		if !ids[l.ID] && string(l.Event) != line(99) {
			t.Errorf("a new letter %s", l.ID)
		}
	}
	entries, err := os.ReadDir(r.dead.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") || strings.HasSuffix(e.Name(), claimedSuffix) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// A crash between claiming and putting back loses nothing: the next replay goes on.
func TestReplayAfterCrash(t *testing.T) {
	s := serve(t, hectest.Options{})
	r := newRig(t, nil, s)
	if err := r.dead.Append([]Letter{letter(0), letter(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.dead.claim(); err != nil {
		t.Fatal(err)
	}
	if err := r.dead.Append([]Letter{letter(2)}); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, r.dead)); n != 3 {
		t.Errorf("%d letters", n)
	}
	res, err := r.Replay(context.Background(), nil)
	if err != nil || res.Delivered != 3 {
		t.Errorf("%+v, %v", res, err)
	}
	arrived(t, 3, nil, s)
}

func TestReplayWithAcks(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true})
	r := newRig(t, withAcks(2*time.Millisecond, time.Hour), s)
	r.opts.StopGrace = time.Second
	if err := r.dead.Append([]Letter{letter(0), letter(1)}); err != nil {
		t.Fatal(err)
	}
	res, err := r.Replay(context.Background(), nil) // without Run beside it
	if err != nil || res.Delivered != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Nothing goes for the want of room while a full store is replayed and all of it is
// refused again: what is refused takes the place of what is replayed.
func TestReplayOfAFullStore(t *testing.T) {
	const size = 20_000
	s := open(t, t.TempDir(), size, new(syncBuffer))
	events := make(map[string]bool)
	for n := 0; s.Evicted() == 0; n++ {
		if err := s.Append([]Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1000; ; n++ { // up to the brim
		if stored(t, s)+300 > size {
			break
		}
		if err := s.Append([]Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range list(t, s) {
		events[string(l.Event)] = true
	}
	gone := s.Evicted()
	h := serve(t, hectest.Options{Script: hectest.Always(hectest.Refuse(400, 13, "Event field cannot be blank, as was said before"))})
	r := newRig(t, func(o *Options) { o.DeadLetter = s }, h)
	res, err := r.Replay(context.Background(), nil)
	if err != nil || res != (ReplayResult{Refused: len(events)}) {
		t.Errorf("%+v, %v", res, err)
	}
	if s.Evicted() != gone {
		t.Errorf("%d events are gone", s.Evicted()-gone)
	}
	for _, l := range list(t, s) {
		delete(events, string(l.Event))
	}
	if len(events) > 0 {
		t.Errorf("%d letters are lost", len(events))
	}
	// After it the bound holds again.
	if err := s.Append([]Letter{letter(1)}); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, s); n > size {
		t.Errorf("%d bytes are stored", n)
	}
}

// stored is the size of a store.
func stored(t *testing.T, s *DeadLetters) (total int64) {
	t.Helper()
	files, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		total += f.size
	}
	return total
}

// A line that was torn while the store is open, by a verb that was killed, does not
// spoil the next.
func TestTornLineTakesNoOther(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(syncBuffer))
	if err := s.Append([]Letter{letter(1)}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(path, "000000000001.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"id":"torn","time":"20`)
	f.Close()
	for n := 2; n < 4; n++ {
		if err := s.Append([]Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
	}
	all := list(t, s)
	if len(all) != 3 || string(all[1].Event) != line(2) {
		t.Errorf("%d letters: %+v", len(all), all)
	}
}

// What cannot be put back leaves nothing half done.
func TestPutBackFails(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, 0, new(syncBuffer))
	if err := s.Append([]Letter{letter(1), letter(2)}); err != nil {
		t.Fatal(err)
	}
	names, err := s.claim()
	if err != nil {
		t.Fatal(err)
	}
	// The claimed file cannot be replaced.
	claimed := filepath.Join(path, names[0])
	if err := errors.Join(os.Rename(claimed, claimed+".there"), os.MkdirAll(filepath.Join(claimed, "full"), 0o750)); err != nil {
		t.Fatal(err)
	}
	if err := s.putBack(names[0], []byte("{}\n")); err == nil {
		t.Error("it could be replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(path, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := errors.Join(os.RemoveAll(claimed), os.Rename(claimed+".there", claimed)); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, s)); n != 2 {
		t.Errorf("%d letters", n)
	}
}

func FuzzLetters(f *testing.F) {
	l, _ := json.Marshal(letter(1))
	f.Add(append(l, '\n'))
	f.Add([]byte(fmt.Sprintf("%s\n{}\n%s", l, l[:20])))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, "000000000001.jsonl"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, path, 0, new(syncBuffer))
		before, _ := s.List()
		if err := s.Append([]Letter{letter(1)}); err != nil {
			t.Fatal(err)
		}
		after, _ := s.List()
		if len(after) != len(before)+1 {
			t.Fatalf("%d letters became %d", len(before), len(after))
		}
		for _, l := range after {
			l.record(1)
		}
	})
}

// A file that cannot be read now stays, and the next one makes room.
func TestUnreadableFileIsNotEvicted(t *testing.T) {
	path, log := t.TempDir(), new(syncBuffer)
	s := open(t, path, 20_000, log)
	oldest := filepath.Join(path, "000000000001.jsonl")
	if err := os.Mkdir(oldest, 0o750); err != nil { // it opens, and reading it fails
		t.Fatal(err)
	}
	for n := range 300 {
		if err := s.Append([]Letter{letter(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(oldest); err != nil || s.Evicted() == 0 {
		t.Fatalf("%d were evicted, and of the file: %v", s.Evicted(), err)
	}
	if err := os.Remove(oldest); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, s)) + int(s.Evicted()); n != 300 {
		t.Errorf("%d letters are left or counted as gone", n)
	}
}
