package deadletter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/testkit"
)

// Events counts what is in the store, whoever has put it there or taken it out.
func TestEventsAreWhatIsInTheStore(t *testing.T) {
	dir, log := t.TempDir(), new(testkit.Log)
	s, other := open(t, dir, 0, log), open(t, dir, 0, log)
	letter := Letter{Reason: "refused", Text: `she said "events": and ,"events":99`, Events: 1, Event: json.RawMessage(`{"event":"a","fields":{"x":"y"},"events":7}`)}
	expect := func(want uint64) {
		t.Helper()
		testkit.Equal(t, "events are counted", s.Events(), want)
		letters, err := s.List()
		var listed uint64
		for _, l := range letters {
			listed += uint64(l.Events)
		}
		if err == nil && listed != want {
			t.Errorf("%d are listed, want %d", listed, want)
		}
	}
	store := func(s *Store, letters ...Letter) {
		t.Helper()
		testkit.Must(t, s.Append(letters))
	}
	expect(0)
	whole := letter
	whole.Events, whole.Event, whole.Body = 41, nil, []byte("bytes")
	store(s, letter, whole)
	expect(42)
	store(other, letter)
	expect(43)
	file := filepath.Join(dir, "000000000001.jsonl")
	f := testkit.Try(os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0))(t)
	testkit.Try(f.WriteString("no letter\n" + `{"id":"x","events":5`))(t)
	expect(43)
	testkit.Try(f.WriteString(",\"time\":\"2026-01-01T00:00:00Z\"}\n"))(t)
	f.Close()
	expect(48)
	names, err := s.claim()
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	expect(48)
	store(s, letter)
	expect(49)
	testkit.Must(t, s.putBack(names[0], nil))
	expect(1)
	testkit.Must(t, os.RemoveAll(dir))
	if got := s.Events(); got != 1 {
		t.Errorf("a store that cannot be read holds %d", got)
	}
}
