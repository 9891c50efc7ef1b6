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

	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run serves until the test ends.
func run(t *testing.T, out io.Writer) *Server {
	t.Helper()
	s := testkit.Try(Listen(Options{Token: "tok", Out: out}))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		testkit.Equal(t, "error", <-ended, nil)
	})
	return s
}

func post(t *testing.T, url, auth, encoding string, body []byte) (int, string) {
	t.Helper()
	req := testkit.Try(http.NewRequest(http.MethodPost, url, bytes.NewReader(body)))(t)
	req.Header.Set("Authorization", auth)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp := testkit.Try(http.DefaultClient.Do(req))(t)
	defer resp.Body.Close()
	answer := testkit.Try(io.ReadAll(resp.Body))(t)
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
	testkit.Equal(t, "events", out.String(), want)
	resp := testkit.Try(http.Get(s.URL() + "/services/collector/health"))(t)
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
