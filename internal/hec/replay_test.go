package hec

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

func open(t *testing.T, path string, size int64, log *testkit.Log) *deadletter.Store {
	t.Helper()
	s, err := deadletter.New(deadletter.Options{Path: path, MaxSize: size, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err == nil {
		err = s.Open(t.Context())
	}
	testkit.Must(t, err)
	return s
}

func letter(n int) deadletter.Letter {
	return deadletter.Letter{Time: time.Now().UTC(), Reason: reasonBlank, Status: 400, Code: 13, Text: "blank",
		Source: "linux", Endpoint: "https://splunk:8088", Events: 1, Event: json.RawMessage(line(n))}
}

func list(t *testing.T, s *deadletter.Store) []deadletter.Letter {
	t.Helper()
	return testkit.Try(s.List())(t)
}

func TestReplay(t *testing.T) {
	s := serve(t, hectest.Options{Check: hectest.Validate})
	r := newRig(t, nil, s)
	var letters []deadletter.Letter
	for n := range 10 {
		letters = append(letters, letter(n))
	}
	letters[4].Event = json.RawMessage(poison(4)) // still bad
	letters[7].Source = "windows"
	rec := record(event.Gzip, line(10), line(11))
	letters = append(letters, deadletter.Letter{Reason: reasonUnreadable, Source: "linux", Events: 2, Body: rec.Body, Encoding: rec.Encoding})
	testkit.Must(t, r.dead.Append(letters))
	testkit.Must(t, r.dead.Append([]deadletter.Letter{letter(12)}))
	res, err := r.Replay(context.Background(), func(l deadletter.Letter) bool { return l.Source == "windows" })
	if err != nil || res != (ReplayResult{Delivered: 1, Kept: 12}) {
		t.Fatalf("%+v, %v", res, err)
	}
	res, err = r.Replay(context.Background(), nil)
	if err != nil || res != (ReplayResult{Delivered: 11, Refused: 1}) {
		t.Fatalf("%+v, %v", res, err)
	}
	arrived(t, 13, map[int]bool{4: true}, s)
	kept := list(t, r.dead)
	if len(kept) != 1 || string(kept[0].Event) != poison(4) || kept[0].Reason != reasonBlank {
		t.Errorf("%+v", kept)
	}
	if n := len(r.ledger.Accounts()); n != 0 {
		t.Error("a replay has changed the ledger")
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
		l := []deadletter.Letter{letter(n)}
		testkit.Must(t, r.dead.Append(l))
		ids[l[0].ID] = true
	}
	s.SetScript(func(req *hectest.Request) hectest.Answer {
		if req.N == 4 {
			testkit.Equal(t, "error", r.dead.Append([]deadletter.Letter{letter(99)}), nil)
			if _, err := r.Replay(context.Background(), nil); !errors.Is(err, deadletter.ErrReplaying) {
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
	kept := list(t, r.dead)
	if len(kept) != 6 {
		t.Fatalf("%d letters left", len(kept))
	}
	for _, l := range kept {
		if !ids[l.ID] && string(l.Event) != line(99) {
			t.Errorf("a new letter %s", l.ID)
		}
	}
	entries := testkit.Try(os.ReadDir(r.folder))(t)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") || strings.HasSuffix(e.Name(), ".replay") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func TestReplayWithAcks(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true})
	r := newRig(t, withAcks(2*time.Millisecond, time.Hour), s)
	r.opts.StopGrace = time.Second
	testkit.Must(t, r.dead.Append([]deadletter.Letter{letter(0), letter(1)}))
	res, err := r.Replay(context.Background(), nil) // without Run beside it
	if err != nil || res.Delivered != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Nothing goes for the want of room while a full store is replayed and all of it is
// refused again: what is refused takes the place of what is replayed.
func TestReplayOfAFullStore(t *testing.T) {
	const size = 20_000
	path := t.TempDir()
	s := open(t, path, size, new(testkit.Log))
	events := make(map[string]bool)
	for n := 0; s.Evicted() == 0; n++ {
		testkit.Must(t, s.Append([]deadletter.Letter{letter(n)}))
	}
	for n := 1000; ; n++ { // up to the brim
		if stored(t, path)+300 > size {
			break
		}
		testkit.Must(t, s.Append([]deadletter.Letter{letter(n)}))
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
	testkit.Must(t, s.Append([]deadletter.Letter{letter(1)}))
	if n := stored(t, path); n > size {
		t.Errorf("%d bytes are stored", n)
	}
}

// stored is the size of the letters in a store.
func stored(t *testing.T, path string) (total int64) {
	t.Helper()
	files := testkit.Try(filepath.Glob(filepath.Join(path, "*.jsonl")))(t)
	for _, f := range files {
		info := testkit.Try(os.Stat(f))(t)
		total += info.Size()
	}
	return total
}
