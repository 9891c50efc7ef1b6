package hecserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run serves until the test ends.
func run(t *testing.T, out io.Writer) *Server {
	t.Helper()
	s, err := Listen(Options{Token: "tok", Out: out})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func post(t *testing.T, url, auth, encoding string, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func zip(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.Bytes()
}

func TestEventsAreWritten(t *testing.T) {
	var out bytes.Buffer
	s := run(t, &out)
	url := s.URL() + "/services/collector/event"
	for _, row := range []struct {
		url, auth, encoding string
		body                []byte
		status              int
		answer              string
	}{
		{url, "Splunk tok", "", []byte("{\"event\":1}\n{\"event\":2}\n"), 200, `"code":0`},
		{url, "Splunk tok", "gzip", zip("{\"event\":3}\n"), 200, `"code":0`},
		{s.URL() + "/services/collector", "Splunk tok", "", []byte(`{"event":4}`), 200, `"code":0`},
		{url, "Splunk no", "", []byte("{}"), 403, `"code":4`},
		{url, "", "", []byte("{}"), 401, `"code":2`},
		{url, "Splunk tok", "gzip", []byte("not gzip"), 400, `"code":6`},
		{url, "Splunk tok", "gzip", zip("{\"event\":3}\n")[:20], 400, `"code":6`},
		{url, "Splunk tok", "br", []byte("x"), 400, `"code":6`},
		{url, "Splunk tok", "gzip", zip("{\"event\":5}\n"), 200, `"code":0`},
		{url, "Splunk tok", "", nil, 400, `"code":5`},
	} {
		status, answer := post(t, row.url, row.auth, row.encoding, row.body)
		if status != row.status || !strings.Contains(answer, row.answer) {
			t.Errorf("%+v: %d %s", row, status, answer)
		}
	}
	want := "{\"event\":1}\n{\"event\":2}\n{\"event\":3}\n{\"event\":4}\n{\"event\":5}\n"
	if out.String() != want {
		t.Errorf("events: %q", out.String())
	}
	resp, err := http.Get(s.URL() + "/services/collector/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health %s", resp.Status)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestOutIsBroken(t *testing.T) {
	s := run(t, broken{})
	status, answer := post(t, s.URL()+"/services/collector/event", "Splunk tok", "", []byte("{}\n"))
	if status != 503 || !strings.Contains(answer, `"code":9`) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestPortIsTaken(t *testing.T) {
	s := run(t, io.Discard)
	if _, err := Listen(Options{Addr: strings.TrimPrefix(s.URL(), "http://")}); err == nil {
		t.Error("two servers on one port")
	}
}
