package hec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/redact"
)

// table is every answer that Splunk documents, and those of what stands before it.
var table = []struct {
	name   string
	answer hectest.Answer
	want   outcome
	cond   condition
	reason string
}{
	{"0 success", hectest.OK(), delivered, serving, ""},
	{"24 queue nearly full", hectest.Refuse(200, 24, "Queue approaching capacity"), delivered, serving, ""},
	{"25 ack channel nearly full", hectest.Refuse(200, 25, "Ack channel approaching capacity"), delivered, serving, ""},
	{"1 token disabled", hectest.Refuse(403, 1, "Token disabled"), retry, refusing, ""},
	{"2 token required", hectest.Refuse(401, 2, "Token is required"), retry, refusing, ""},
	{"3 invalid authorization", hectest.Refuse(401, 3, "Invalid authorization"), retry, refusing, ""},
	{"4 invalid token", hectest.Refuse(403, 4, "Invalid token"), retry, refusing, ""},
	{"5 no data", hectest.Refuse(400, 5, "No data"), permanent, serving, "no_data"},
	{"6 invalid format", hectest.Refuse(400, 6, "Invalid data format"), permanent, serving, "invalid_data_format"},
	{"7 incorrect index", hectest.Refuse(400, 7, "Incorrect index"), permanent, serving, "incorrect_index"},
	{"8 internal error", hectest.Refuse(500, 8, "Internal server error"), retry, failing, ""},
	{"8 with 400", hectest.Refuse(400, 8, "Internal server error"), retry, failing, ""},
	{"9 busy", hectest.Busy(), retry, busy, ""},
	{"10 channel missing", hectest.Refuse(400, 10, "Data channel is missing"), retry, refusing, ""},
	{"11 invalid channel", hectest.Refuse(400, 11, "Invalid data channel"), retry, refusing, ""},
	{"12 event required", hectest.Refuse(400, 12, "Event field is required"), permanent, serving, "event_required"},
	{"13 event blank", hectest.Refuse(400, 13, "Event field cannot be blank"), permanent, serving, "event_blank"},
	{"14 ack disabled", hectest.Refuse(400, 14, "ACK is disabled"), retry, refusing, ""},
	{"15 indexed fields", hectest.Refuse(400, 15, "Error in handling indexed fields"), permanent, serving, "invalid_fields"},
	{"16 query string", hectest.Refuse(400, 16, "Query string authorization is not enabled"), retry, refusing, ""},
	{"18 queues full", hectest.Refuse(503, 18, "HEC is unhealthy, queues are full"), retry, busy, ""},
	{"19 acks unavailable", hectest.Refuse(503, 19, "HEC is unhealthy, ack service unavailable"), retry, busy, ""},
	{"20 both", hectest.Refuse(503, 20, "HEC is unhealthy"), retry, busy, ""},
	{"21 invalid token", hectest.Refuse(400, 21, "Invalid token"), retry, refusing, ""},
	{"22 token disabled", hectest.Refuse(400, 22, "Token disabled"), retry, refusing, ""},
	{"23 shutting down", hectest.Refuse(503, 23, "Server is shutting down"), retry, failing, ""},
	{"26 queue full", hectest.Refuse(429, 26, "Queue at capacity"), retry, busy, ""},
	{"27 ack channel full", hectest.Refuse(429, 27, "Ack channel at capacity"), retry, busy, ""},
	{"unknown code names an event", hectest.Answer{Status: 400, Code: 77, Invalid: new(0)}, permanent, serving, "refused"},
	{"unknown code", hectest.Refuse(400, 77, "news"), retry, refusing, ""},
	{"200 with an error code", hectest.Refuse(200, 9, "busy"), retry, failing, ""},
	{"200 page", hectest.HTML(200), retry, failing, ""},
	{"200 empty object", hectest.Answer{Status: 200, Body: "{}"}, retry, failing, ""},
	{"200 cut JSON", hectest.Answer{Status: 200, Body: `{"text":"Success","co`}, retry, failing, ""},
	{"302", hectest.Answer{Status: 302, Body: "x", Header: http.Header{"Location": {"/login"}}}, retry, refusing, ""},
	{"307 to nonsense", hectest.Answer{Status: 307, Body: "x", Header: http.Header{"Location": {"http://[::"}}}, retry, refusing, ""},
	{"400 page", hectest.HTML(400), retry, failing, ""},
	{"403 page", hectest.HTML(403), retry, refusing, ""},
	{"404", hectest.HTML(404), retry, failing, ""},
	{"405", hectest.HTML(405), retry, refusing, ""},
	{"408", hectest.HTML(408), retry, failing, ""},
	{"413", hectest.HTML(413), permanent, serving, "too_large"},
	{"429", hectest.HTML(429), retry, busy, ""},
	{"500 page", hectest.HTML(500), retry, failing, ""},
	{"501", hectest.HTML(501), retry, failing, ""},
	{"502", hectest.HTML(502), retry, failing, ""},
	{"503 page", hectest.HTML(503), retry, failing, ""},
	{"504", hectest.HTML(504), retry, failing, ""},
	{"reset", hectest.Answer{Fault: hectest.Reset}, retry, failing, ""},
	{"reset mid-body", hectest.Answer{Fault: hectest.ResetMidBody}, retry, failing, ""},
	{"half an answer", hectest.Answer{Fault: hectest.HalfAnswer}, retry, failing, ""},
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
			letters, err := r.dead.List()
			if err != nil {
				t.Fatal(err)
			}
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
		want   condition
	}{
		{200, `{"text":"HEC is healthy","code":17}`, serving},
		{200, "OK", serving},
		{503, `{"text":"queues full","code":18}`, busy},
		{503, `{"text":"shutting down","code":23}`, failing},
		{503, "<html>", failing},
		{502, "", failing},
		{404, "<html>", unknown},
		{400, `{"text":"Invalid token","code":21}`, unknown},
		{401, "", unknown},
		{302, "", unknown},
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
