package hec

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/redact"
)

// outcome is what an answer means for the posted events.
type outcome uint8

const (
	retry     outcome = iota // nothing is known to be delivered: post again
	delivered                // all of it was accepted
	permanent                // at least one event will never be accepted
)

// Reasons of dead letters: the values of the label of
// gateway_deadlettered_events_total.
const (
	reasonNoData     = "no_data"
	reasonFormat     = "invalid_data_format"
	reasonIndex      = "incorrect_index"
	reasonMissing    = "event_required"
	reasonBlank      = "event_blank"
	reasonFields     = "invalid_fields"
	reasonTooLarge   = "too_large"
	reasonRefused    = "refused"
	reasonUnreadable = "unreadable_body"
)

// Reasons are the reasons of all dead letters.
func Reasons() []string {
	return []string{
		reasonNoData, reasonFormat, reasonIndex, reasonMissing, reasonBlank, reasonFields, reasonTooLarge, reasonRefused, reasonUnreadable,
	}
}

// answer is one classified answer, or what came instead of one.
type answer struct {
	outcome   outcome
	condition endpoints.Condition
	status    int    // HTTP; 0 when there was no answer
	code      int    // HEC; -1 when the answer holds none
	text      string // what HEC said, or the error; short, for people
	reason    string // of the dead letter when permanent
	invalid   int    // index of the refused event, -1 when not named
	ackID     int64  // -1 when there is none
	slowDown  bool   // accepted, but its queues fill up
	// unconfirmed says that the events seem to be accepted, and that this cannot be relied
	// on.
	unconfirmed bool
	closes      bool // the connection cannot be used again
	timeout     bool // no answer within the time of an attempt
	cancelled   bool // we ended the attempt
	after       time.Duration
}

// maxRetryAfter bounds what a server may ask for; Splunk sends no Retry-After,
// proxies do, and one that asks for a day would stop delivery for a day.
const maxRetryAfter = time.Minute

// String is the answer as people read it.
func (a answer) String() string {
	switch {
	case a.status == 0:
		return a.text
	case a.code >= 0:
		return fmt.Sprintf("%d %s (HEC code %d)", a.status, a.text, a.code)
	}
	return fmt.Sprintf("%d %s", a.status, a.text)
}

// label is the value of the metrics label code.
func (a answer) label() string {
	switch {
	case a.timeout:
		return "timeout"
	case a.status == 0:
		return "error"
	}
	return strconv.Itoa(a.status)
}

// verdict is what the answer says about its endpoint.
func (a answer) verdict() endpoints.Verdict {
	return endpoints.Verdict{
		Condition: a.condition, Text: a.String(), Label: a.label(), Retry: a.outcome == retry,
		SlowDown: a.slowDown, Answered: a.status != 0, Timeout: a.timeout, Cancelled: a.cancelled,
		Closes: a.closes, After: a.after, Unconfirmed: a.unconfirmed,
	}
}

// demandAckID makes an answer that accepted events, but gave no ackId, unconfirmed.
func (a answer) demandAckID() answer {
	if a.outcome != delivered || a.ackID >= 0 {
		return a
	}
	a.text += ", without an ackId: the token has no indexer acknowledgement"
	return a.unconfirm()
}

// unconfirm makes an answer one that confirms nothing.
func (a answer) unconfirm() answer {
	a.outcome, a.condition, a.unconfirmed, a.slowDown = retry, endpoints.Refusing, true, false
	return a
}

// hecAnswer is the JSON that every HEC answer holds.
type hecAnswer struct {
	Text    string `json:"text"`
	Code    *int   `json:"code"`
	Invalid *int   `json:"invalid-event-number"`
	AckID   *int64 `json:"ackId"`
}

// parseAnswer reads the body of an answer; false when HEC did not write it.
func parseAnswer(body []byte) (hecAnswer, bool) {
	var h hecAnswer
	if err := json.Unmarshal(body, &h); err != nil || h.Code == nil {
		return hecAnswer{}, false
	}
	return h, true
}

// classify decides what the answer to a post means. It is total: whatever comes
// back has an outcome, and only an answer that HEC itself wrote can be delivered
// or, but for 413, permanent.
func classify(status int, header http.Header, body []byte, hide *redact.Secrets) answer {
	a := answer{status: status, code: -1, invalid: -1, ackID: -1, condition: endpoints.Failing}
	h, isHEC := parseAnswer(body)
	if isHEC {
		a.code, a.text = *h.Code, oneLine(hide, h.Text, maxShown)
		if h.Invalid != nil && *h.Invalid >= 0 {
			a.invalid = *h.Invalid
		}
		if h.AckID != nil && *h.AckID >= 0 {
			a.ackID = *h.AckID
		}
	} else {
		a.text = foreign(status, body, hide)
	}
	switch {
	case status >= 200 && status < 300:
		a.accepted(isHEC)
	case status == http.StatusBadRequest:
		a.badRequest(isHEC)
	case status == http.StatusRequestEntityTooLarge:
		a.outcome, a.condition, a.reason = permanent, endpoints.Serving, reasonTooLarge
	case status == http.StatusNotFound, status == http.StatusRequestTimeout:
		// An indexer that restarts behind a load balancer, or the balancer itself.
	case status == http.StatusTooManyRequests:
		a.condition = endpoints.Busy
	case status >= 500:
		a.unavailable()
	default:
		// 401 and 403 (token), 3xx and all other 4xx (the server is no HEC).
		a.condition = endpoints.Refusing
	}
	if a.outcome == retry {
		a.after = retryAfter(header, time.Now())
	}
	return a
}

// accepted classifies a 2xx. A login page with status 200 has delivered nothing.
func (a *answer) accepted(isHEC bool) {
	if !isHEC {
		return
	}
	switch a.code {
	case 24, 25: // queue, ack channel approaching capacity
		a.slowDown = true
		fallthrough
	case 0:
		a.outcome, a.condition = delivered, endpoints.Serving
	}
}

// badRequest classifies a 400 by the HEC code.
func (a *answer) badRequest(isHEC bool) {
	if !isHEC {
		return
	}
	reasons := map[int]string{
		5: reasonNoData, 6: reasonFormat, 7: reasonIndex,
		12: reasonMissing, 13: reasonBlank, 15: reasonFields,
	}
	a.reason = reasons[a.code]
	switch {
	case a.reason != "":
	case a.code == 8:
		return
	case a.invalid >= 0 && !configuration(a.code):
		a.reason = reasonRefused
	default:
		a.condition = endpoints.Refusing
		return
	}
	a.outcome, a.condition = permanent, endpoints.Serving
}

// configuration reports whether the code of a 400 is about the channel, the token or the
// authentication, never about an event.
func configuration(code int) bool {
	switch code {
	case 1, 2, 3, 4, 10, 11, 14, 16, 21, 22:
		return true
	}
	return false
}

// unavailable classifies a 5xx.
func (a *answer) unavailable() {
	switch a.code {
	case 9, 18, 19, 20, 26, 27: // busy; queues full, acks unavailable, both; at capacity
		a.condition = endpoints.Busy
	}
}

// failed is the answer of an exchange that ended without one. It names the cause
// but nothing of the request.
func failed(err error, timedOut, cancelled bool, hide *redact.Secrets) answer {
	a := answer{code: -1, invalid: -1, ackID: -1, condition: endpoints.Failing, timeout: timedOut, cancelled: cancelled}
	var cert *tls.CertificateVerificationError
	switch {
	case cancelled:
		a.condition, a.text = endpoints.Unknown, "the attempt was ended because the sender stops"
	case timedOut:
		a.text = "no answer within the timeout of an attempt"
	case errors.As(err, &cert):
		// A person must act, yet a renewed certificate must be enough to go on.
		a.condition, a.text = endpoints.Refusing, "the certificate is not accepted: "+oneLine(hide, cert.Err.Error(), maxShown)
	default:
		a.text = oneLine(hide, err.Error(), maxShown)
	}
	return a
}

// cutOff is the answer whose status came but whose body did not. Not even a 200 counts
// then.
func cutOff(status int, err error, timedOut, cancelled bool, hide *redact.Secrets) answer {
	a := failed(err, timedOut, cancelled, hide)
	a.status = status
	if !timedOut && !cancelled {
		a.text = "the answer was cut off: " + a.text
	}
	return a
}

// classifyHealth decides what the answer to GET …/health means for the endpoint.
// An answer that a proxy may give instead of HEC says nothing: posts will show.
func classifyHealth(status int, _ http.Header, body []byte, hide *redact.Secrets) answer {
	a := answer{status: status, code: -1, condition: endpoints.Unknown}
	h, isHEC := parseAnswer(body)
	if isHEC {
		a.code, a.text = *h.Code, oneLine(hide, h.Text, maxShown)
	} else {
		a.text = foreign(status, body, hide)
	}
	switch {
	case status == http.StatusOK:
		a.condition = endpoints.Serving
	case status == http.StatusTooManyRequests:
		a.condition = endpoints.Busy
	case status >= 500:
		a.condition = endpoints.Failing
		a.unavailable()
	}
	return a
}

// parseAcks reads the answer to a poll of acknowledgements. Its error holds text of the
// server: show it by oneLine only.
func parseAcks(status int, body []byte) (map[int64]bool, error) {
	var reply struct {
		Acks map[int64]bool `json:"acks"`
	}
	if status == http.StatusOK && json.Unmarshal(body, &reply) == nil && reply.Acks != nil {
		return reply.Acks, nil
	}
	if h, ok := parseAnswer(body); ok {
		return nil, fmt.Errorf("%d %s (HEC code %d)", status, h.Text, *h.Code)
	}
	return nil, fmt.Errorf("%d, not an answer of HEC: %q", status, body)
}

// retryAfter reads the header in both forms of RFC 9110 section 10.2.3.
func retryAfter(header http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(header.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseUint(v, 10, 63); err == nil {
		return time.Duration(min(s, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(t.Sub(now), 0), maxRetryAfter)
}

// foreign describes an answer that HEC did not write.
func foreign(status int, body []byte, hide *redact.Secrets) string {
	what := "with no text"
	if len(body) > 0 {
		what = "with " + strconv.Quote(oneLine(hide, string(bytes.TrimSpace(body[:min(len(body), maxRead)])), 120))
	}
	return strings.TrimSpace(http.StatusText(status) + ", not an answer of HEC, " + what)
}

const (
	// maxRead bounds what is read of a text of a server, maxShown what is shown of it.
	maxRead  = 4 << 10
	maxShown = 200
)

// oneLine makes one line of the text of a server or of an error: without secrets, then
// truncated.
func oneLine(hide *redact.Secrets, s string, most int) string {
	if s == "Success" { // what HEC says to nearly every post
		return s
	}
	s = hide.Text(s[:min(len(s), maxRead)])
	if len(s) > most {
		s = s[:most] + "…"
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
