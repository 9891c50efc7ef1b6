package deadletter

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes and opens a store.
func open(t *testing.T, path string, size int64, log *testkit.Log) *Store {
	t.Helper()
	s, err := New(Options{Path: path, MaxSize: size, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err == nil {
		err = s.Open(t.Context())
	}
	testkit.Must(t, err)
	return s
}

// line is one event with a number.
func line(n int) string {
	return fmt.Sprintf(`{"time":1770000000.%03d,"host":"fw01","index":"firewall","event":"event <%d>"}`, n%1000, n)
}

func letter(n int) Letter {
	return Letter{Time: time.Now().UTC(), Reason: "event_blank", Status: 400, Code: 13, Text: "blank",
		Source: "linux", Endpoint: "https://splunk:8088", Events: 1, Event: json.RawMessage(line(n))}
}

func list(t *testing.T, s *Store) []Letter {
	t.Helper()
	return testkit.Try(s.List())(t)
}

// posted is a post of a replay that delivers all and counts them.
func posted(n *int) func([]Letter) []Letter {
	return func(letters []Letter) []Letter {
		*n += len(letters)
		return nil
	}
}
