package hec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/testkit"
)

// table is every answer that Splunk documents, and those of what stands before it.
var table = []struct {
	name   string
	answer hectest.Answer
	want   outcome
	cond   endpoints.Condition
	reason string
}{
	{"0 success", hectest.OK(), delivered, endpoints.Serving, ""},
	{"24 queue nearly full", hectest.Refuse(200, 24, "Queue approaching capacity"), delivered, endpoints.Serving, ""},
	{"25 ack channel nearly full", hectest.Refuse(200, 25, "Ack channel approaching capacity"), delivered, endpoints.Serving, ""},
	{"1 token disabled", hectest.Refuse(403, 1, "Token disabled"), retry, endpoints.Refusing, ""},
	{"2 token required", hectest.Refuse(401, 2, "Token is required"), retry, endpoints.Refusing, ""},
	{"3 invalid authorization", hectest.Refuse(401, 3, "Invalid authorization"), retry, endpoints.Refusing, ""},
	{"4 invalid token", hectest.Refuse(403, 4, "Invalid token"), retry, endpoints.Refusing, ""},
	{"5 no data", hectest.Refuse(400, 5, "No data"), permanent, endpoints.Serving, "no_data"},
	{"6 invalid format", hectest.Refuse(400, 6, "Invalid data format"), permanent, endpoints.Serving, "invalid_data_format"},
	{"7 incorrect index", hectest.Refuse(400, 7, "Incorrect index"), permanent, endpoints.Serving, "incorrect_index"},
	{"8 internal error", hectest.Refuse(500, 8, "Internal server error"), retry, endpoints.Failing, ""},
	{"8 with 400", hectest.Refuse(400, 8, "Internal server error"), retry, endpoints.Failing, ""},
	{"9 busy", hectest.Busy(), retry, endpoints.Busy, ""},
	{"10 channel missing", hectest.Refuse(400, 10, "Data channel is missing"), retry, endpoints.Refusing, ""},
	{"11 invalid channel", hectest.Refuse(400, 11, "Invalid data channel"), retry, endpoints.Refusing, ""},
	{"12 event required", hectest.Refuse(400, 12, "Event field is required"), permanent, endpoints.Serving, "event_required"},
	{"13 event blank", hectest.Refuse(400, 13, "Event field cannot be blank"), permanent, endpoints.Serving, "event_blank"},
	{"14 ack disabled", hectest.Refuse(400, 14, "ACK is disabled"), retry, endpoints.Refusing, ""},
	{"15 indexed fields", hectest.Refuse(400, 15, "Error in handling indexed fields"), permanent, endpoints.Serving, "invalid_fields"},
	{"16 query string", hectest.Refuse(400, 16, "Query string authorization is not enabled"), retry, endpoints.Refusing, ""},
	{"18 queues full", hectest.Refuse(503, 18, "HEC is unhealthy, queues are full"), retry, endpoints.Busy, ""},
	{"19 acks unavailable", hectest.Refuse(503, 19, "HEC is unhealthy, ack service unavailable"), retry, endpoints.Busy, ""},
	{"20 both", hectest.Refuse(503, 20, "HEC is unhealthy"), retry, endpoints.Busy, ""},
	{"21 invalid token", hectest.Refuse(400, 21, "Invalid token"), retry, endpoints.Refusing, ""},
	{"22 token disabled", hectest.Refuse(400, 22, "Token disabled"), retry, endpoints.Refusing, ""},
	{"23 shutting down", hectest.Refuse(503, 23, "Server is shutting down"), retry, endpoints.Failing, ""},
	{"26 queue full", hectest.Refuse(429, 26, "Queue at capacity"), retry, endpoints.Busy, ""},
	{"27 ack channel full", hectest.Refuse(429, 27, "Ack channel at capacity"), retry, endpoints.Busy, ""},
	{"unknown code names an event", hectest.Answer{Status: 400, Code: 77, Invalid: new(0)}, permanent, endpoints.Serving, "refused"},
	{"unknown code", hectest.Refuse(400, 77, "news"), retry, endpoints.Refusing, ""},
	{"200 with an error code", hectest.Refuse(200, 9, "busy"), retry, endpoints.Failing, ""},
	{"200 page", hectest.HTML(200), retry, endpoints.Failing, ""},
	{"200 empty object", hectest.Answer{Status: 200, Body: "{}"}, retry, endpoints.Failing, ""},
	{"200 cut JSON", hectest.Answer{Status: 200, Body: `{"text":"Success","co`}, retry, endpoints.Failing, ""},
	{"302", hectest.Answer{Status: 302, Body: "x", Header: http.Header{"Location": {"/login"}}}, retry, endpoints.Refusing, ""},
	{"307 to nonsense", hectest.Answer{Status: 307, Body: "x", Header: http.Header{"Location": {"http://[::"}}}, retry, endpoints.Refusing, ""},
	{"400 page", hectest.HTML(400), retry, endpoints.Failing, ""},
	{"403 page", hectest.HTML(403), retry, endpoints.Refusing, ""},
	{"404", hectest.HTML(404), retry, endpoints.Failing, ""},
	{"405", hectest.HTML(405), retry, endpoints.Refusing, ""},
	{"408", hectest.HTML(408), retry, endpoints.Failing, ""},
	{"413", hectest.HTML(413), permanent, endpoints.Serving, "too_large"},
	{"429", hectest.HTML(429), retry, endpoints.Busy, ""},
	{"500 page", hectest.HTML(500), retry, endpoints.Failing, ""},
	{"501", hectest.HTML(501), retry, endpoints.Failing, ""},
	{"502", hectest.HTML(502), retry, endpoints.Failing, ""},
	{"503 page", hectest.HTML(503), retry, endpoints.Failing, ""},
	{"504", hectest.HTML(504), retry, endpoints.Failing, ""},
	{"reset", hectest.Answer{Fault: hectest.Reset}, retry, endpoints.Failing, ""},
	{"reset mid-body", hectest.Answer{Fault: hectest.ResetMidBody}, retry, endpoints.Failing, ""},
	{"half an answer", hectest.Answer{Fault: hectest.HalfAnswer}, retry, endpoints.Failing, ""},
}

// Each answer comes once, then the endpoint is healthy: whatever the answer, every
// event is delivered or, where HEC would never take it, a dead letter.
func TestEveryAnswer(t *testing.T) {
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hectest.Options{Script: hectest.Sequence(row.answer)})
			r := newRig(t, nil, s)
			src := newMemory(record(event.Gzip, line(0)))
			b := r.all(src)
			letters := testkit.Try(r.dead.List())(t)
			if row.want == permanent {
				if b.DeadReasons[row.reason] != 1 || b.Delivered != 0 || s.Requests() != 1 {
					t.Errorf("dead %v, delivered %d, requests %d", b.DeadReasons, b.Delivered, s.Requests())
				}
				if len(letters) != 1 || string(letters[0].Event) != line(0) || letters[0].Reason != row.reason ||
					letters[0].Source != "cisco_asa" || letters[0].Endpoint != s.URL() {
					t.Errorf("letters: %+v", letters)
				}
				return
			}
			want := 2
			if row.want == delivered {
				want = 1
			}
			if b.Delivered != 1 || b.Deadlettered != 0 || s.Requests() != want || len(letters) != 0 {
				t.Errorf("delivered %d, dead %d, requests %d, letters %d", b.Delivered, b.Deadlettered, s.Requests(), len(letters))
			}
			arrived(t, 1, nil, s)
		})
	}
}

func TestClassify(t *testing.T) {
	for _, row := range table {
		if row.answer.Fault != hectest.None {
			continue
		}
		body := row.answer.Body
		if body == "" {
			j, _ := json.Marshal(map[string]any{"text": row.answer.Text, "code": row.answer.Code, "invalid-event-number": row.answer.Invalid})
			body = string(j)
		}
		a := classify(row.answer.Status, nil, []byte(body), new(redact.Secrets))
		if a.outcome != row.want || a.condition != row.cond || a.reason != row.reason {
			t.Errorf("%s: %+v", row.name, a)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "86400": time.Minute, "99999999999999999999": 0, "-5": 0, "soon": 0,
		"9223372036854775807":                            time.Minute,
		now.Add(5 * time.Second).Format(http.TimeFormat): 5 * time.Second,
		now.Add(24 * time.Hour).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Hour).Format(http.TimeFormat):      0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

func TestHealthAnswers(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		want   endpoints.Condition
	}{
		{200, `{"text":"HEC is healthy","code":17}`, endpoints.Serving},
		{200, "OK", endpoints.Serving},
		{503, `{"text":"queues full","code":18}`, endpoints.Busy},
		{503, `{"text":"shutting down","code":23}`, endpoints.Failing},
		{503, "<html>", endpoints.Failing},
		{502, "", endpoints.Failing},
		{404, "<html>", endpoints.Unknown},
		{400, `{"text":"Invalid token","code":21}`, endpoints.Unknown},
		{401, "", endpoints.Unknown},
		{302, "", endpoints.Unknown},
	} {
		if a := classifyHealth(row.status, nil, []byte(row.body), new(redact.Secrets)); a.condition != row.want {
			t.Errorf("%d %s: %+v", row.status, row.body, a)
		}
	}
}

// Whatever a server answers: only an answer of HEC itself delivers, or condemns an
// event; and what is shown is one short line.
func FuzzClassify(f *testing.F) {
	for _, row := range table {
		f.Add(row.answer.Status, []byte(row.answer.Body), "7")
		f.Add(row.answer.Status, []byte(fmt.Sprintf(`{"text":"x","code":%d}`, row.answer.Code)), "86400")
	}
	f.Add(400, []byte(`{"text":"x","code":6,"invalid-event-number":-4,"ackId":9e99}`), "")
	f.Fuzz(func(t *testing.T, status int, body []byte, after string) {
		a := classify(status, http.Header{"Retry-After": {after}}, body, new(redact.Secrets))
		if a.outcome == delivered && (status < 200 || status > 299 || (a.code != 0 && a.code != 24 && a.code != 25)) {
			t.Errorf("delivered by %d %q", status, body)
		}
		if a.outcome == permanent && (a.reason == "" || status != 400 && status != 413) {
			t.Errorf("permanent by %d %q", status, body)
		}
		if a.after < 0 || a.after > maxRetryAfter || a.invalid < -1 || a.ackID < -1 {
			t.Errorf("out of range: %+v", a)
		}
		for _, c := range a.String() {
			if c < ' ' {
				t.Errorf("a control character in %q", a.String())
			}
		}
		if len(a.String()) > 700 {
			t.Errorf("long: %q", a.String())
		}
		classifyHealth(status, nil, body, new(redact.Secrets))
		parseAcks(status, body)
	})
}
