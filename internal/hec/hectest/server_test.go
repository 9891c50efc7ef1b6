package hectest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func call(t *testing.T, s *Server, path, channel, body string) (int, string, error) {
	t.Helper()
	req := testkit.Try(http.NewRequest(http.MethodPost, s.URL()+path, strings.NewReader(body)))(t)
	req.Header.Set("Authorization", "Splunk tok")
	if channel != "" {
		req.Header.Set("X-Splunk-Request-Channel", channel)
	}
	resp, err := s.HTTP().Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(bytes.TrimSpace(answer)), err
}

const events = "/services/collector/event"

func TestRules(t *testing.T) {
	var handed []string
	s := New(Options{Token: "tok", Check: Validate, Keep: true, OnEvent: func(l []byte) { handed = append(handed, string(l)) }})
	defer s.Close()
	for _, row := range []struct{ body, want string }{
		{"{\"event\":\"a\"}\n{\"event\":\"b\"}\n", `{"text":"Success","code":0}`},
		{"", `{"text":"No data","code":5}`},
		{"{\"event\":\"a\"}\n{\n", `{"text":"refused by the check","code":6,"invalid-event-number":1}`},
		{"{}\n", `{"text":"refused by the check","code":12,"invalid-event-number":0}`},
		{"{\"event\":\"\"}\n", `{"text":"refused by the check","code":13,"invalid-event-number":0}`},
		{"{\"event\":1,\"fields\":{\"a\":{}}}\n", `{"text":"refused by the check","code":15,"invalid-event-number":0}`},
	} {
		if _, got, err := call(t, s, events, "", row.body); got != row.want || err != nil {
			t.Errorf("%q: %s %v", row.body, got, err)
		}
	}
	if s.Taken() != 2 || s.Requests() != 6 || len(s.Events()) != 2 || len(handed) != 2 {
		t.Errorf("taken %d, requests %d, kept %d", s.Taken(), s.Requests(), len(s.Events()))
	}
}

func TestFaults(t *testing.T) {
	s := New(Options{Script: Sequence(
		Answer{Fault: Reset}, Answer{Fault: HalfAnswer, Taken: true}, Answer{Fault: ResetMidBody},
		HTML(502), Busy(), Answer{Status: 307, Body: "x"}, OK())})
	defer s.Close()
	for range 3 {
		if _, _, err := call(t, s, events, "", "{}\n"); err == nil {
			t.Error("no fault")
		}
	}
	for _, want := range []int{502, 503, 307, 200, 200} {
		if got, _, err := call(t, s, events, "", "{}\n"); got != want || err != nil {
			t.Errorf("%d, want %d, %v", got, want, err)
		}
	}
	testkit.Equal(t, "taken", s.Taken(), 3)
	s.SetDown(true)
	if _, _, err := call(t, s, events, "", "{}\n"); err == nil {
		t.Error("it is not down")
	}
	s.SetDown(false)
	if got, _, err := call(t, s, events, "", "{}\n"); got != 200 {
		t.Errorf("%d %v", got, err)
	}
}

func TestAcks(t *testing.T) {
	s := New(Options{Acks: true})
	defer s.Close()
	if got, _, _ := call(t, s, events, "", "{}\n"); got != 400 {
		t.Errorf("without a channel: %d", got)
	}
	for _, want := range []string{`"ackId":0`, `"ackId":1`} {
		if _, got, _ := call(t, s, events, "c", "{}\n"); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, want := range []string{`{"acks":{"0":true,"7":false}}`, `{"acks":{"0":false,"7":false}}`} {
		if _, got, _ := call(t, s, "/services/collector/ack?channel=c", "c", `{"acks":[0,7]}`); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestHangEndsWithTheServer(t *testing.T) {
	came := make(chan struct{})
	s := New(Options{TLS: true, Script: func(*Request) Answer {
		close(came)
		return Answer{Fault: Hang}
	}})
	ended := make(chan error, 1)
	go func() {
		_, _, err := call(t, s, events, "", "{}\n")
		ended <- err
	}()
	<-came
	s.Close()
	<-ended
}
