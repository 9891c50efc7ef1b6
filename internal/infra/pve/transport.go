package pve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/printable"
)

const (
	readTries  = 4                      // of a GET
	readPause  = 200 * time.Millisecond // before the second; tripled for each further one
	maxAnswer  = 64 << 20               // bytes; a storage's content list is the longest
	maxExcerpt = 200                    // of a strange answer, in an error
)

// transport signs, counts, repeats and logs requests, and makes an *Error of every
// answer that is not a success. It implements http.RoundTripper with one difference:
// such an answer is an error, so that no caller can overlook it.
type transport struct {
	base    string // https://host:8006/api2/json
	next    http.RoundTripper
	auth    auth
	timeout time.Duration
	sleep   func(context.Context, time.Duration) error
	log     *slog.Logger

	reads, writes, repeats atomic.Uint64
}

// RoundTrip implements http.RoundTripper. The body of the answer is in memory.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	pause, renewed := readPause, false
	for try := 1; ; try++ {
		sign, unsigned := t.auth.sign(req.Context())
		if unsigned != nil {
			return nil, unsigned
		}
		res, err := t.once(req, sign)
		if err == nil {
			return res, nil
		}
		switch {
		case err.Status == http.StatusUnauthorized && !renewed && repeatable(req) && t.auth.refused(sign):
			renewed = true // the work is not begun before the login check
		case req.Method == http.MethodGet && try < readTries && passing(err):
			t.log.Debug("trying again", "method", req.Method, "path", err.Path, "in", pause, "reason", err.Reason)
			if t.sleep(req.Context(), pause) != nil {
				return nil, err
			}
			pause *= 3
		default:
			return nil, err
		}
		t.repeats.Add(1)
	}
}

func repeatable(req *http.Request) bool { return req.Body == nil || req.GetBody != nil }

// passing reports whether a read that failed so may well succeed soon.
func passing(e *Error) bool {
	if e.Status != 0 {
		return e.Status == http.StatusTooManyRequests || fromTheWay(e.Status)
	}
	return !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, context.DeadlineExceeded) && !refusesCertificate(e.Err)
}

// once sends req one time, with its own time limit.
func (t *transport) once(req *http.Request, sign http.Header) (*http.Response, *Error) {
	if err := req.Context().Err(); err != nil {
		return nil, t.broken(req, err, false)
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), t.timeout, fmt.Errorf("no answer within %s", t.timeout))
	defer cancel()
	out := req.Clone(ctx)
	for k, v := range sign {
		out.Header[k] = v
	}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, t.broken(req, err, false)
		}
		out.Body = body
	}
	t.count(req.Method)
	began := time.Now()
	res, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, t.broken(req, because(ctx, err), !neverSent(err))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	res.Body.Close()
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if err != nil {
		return nil, t.broken(req, because(ctx, err), true)
	}
	t.logAnswer(req, res.StatusCode, time.Since(began))
	if res.StatusCode >= 300 {
		e := t.refusal(req, res, body)
		unsign(e, sign)
		return nil, e
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// because gives the reason of our own time limit in place of "deadline exceeded".
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.DeadlineExceeded) {
		return cause
	}
	return err
}

func (t *transport) count(method string) {
	if method == http.MethodGet {
		t.reads.Add(1)
		return
	}
	t.writes.Add(1)
}

// broken is the error of a request that got no usable answer.
func (t *transport) broken(req *http.Request, err error, sent bool) *Error {
	e := &Error{Method: req.Method, Path: t.path(req.URL), Err: err, Unknown: sent && req.Method != http.MethodGet}
	e.Reason = "no answer: " + err.Error()
	t.log.Debug("request", "method", e.Method, "path", e.Path, "error", err)
	return e
}

// neverSent is true where the request cannot have reached the API.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" || refusesCertificate(err)
}

func refusesCertificate(err error) bool {
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return cert || authority || host || record
}

func (t *transport) path(u *url.URL) string {
	_, below, ok := strings.Cut(u.EscapedPath(), "/api2/json")
	if !ok {
		return u.EscapedPath()
	}
	return below
}

// logAnswer logs a request that was answered, never its body or the answer's.
func (t *transport) logAnswer(req *http.Request, status int, took time.Duration) {
	if !t.log.Enabled(req.Context(), slog.LevelDebug) {
		return
	}
	params := req.URL.Query()
	if req.GetBody != nil && req.Header.Get("Content-Type") == formType {
		if r, err := req.GetBody(); err == nil {
			b, _ := io.ReadAll(r)
			form, _ := url.ParseQuery(string(b))
			for k, v := range form {
				params[k] = v
			}
		}
	}
	t.log.Debug("request", "method", req.Method, "path", t.path(req.URL), "params", shown(params), "status", status, "took", took)
}

func (t *transport) closeIdle() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refusal makes an error of an answer with a status of 300 or more. Current versions
// say why in the body, older ones only in the reason phrase; before the login check
// there is no body, and a proxy in between may have replaced either.
func (t *transport) refusal(req *http.Request, res *http.Response, body []byte) *Error {
	e := &Error{Method: req.Method, Path: t.path(req.URL), Status: res.StatusCode}
	e.Unknown = fromTheWay(e.Status) && e.Method != http.MethodGet
	var answer struct {
		Message string
		Errors  map[string]any
	}
	isAPI := json.Unmarshal(body, &answer) == nil
	if len(answer.Errors) > 0 {
		e.Params = make(map[string]string, len(answer.Errors))
		for k, v := range answer.Errors {
			e.Params[k] = strings.TrimSpace(fmt.Sprint(v))
		}
	}
	_, phrase, _ := strings.Cut(res.Status, " ")
	phrase = strings.TrimSpace(phrase)
	switch message := strings.TrimSpace(answer.Message); {
	case message != "":
		e.Reason = message
	case phrase != "" && phrase != http.StatusText(e.Status):
		e.Reason = phrase
	case !isAPI && len(body) > 0:
		e.Reason = reasonOf(e.Status) + ": " + strange(res, body)
	default:
		e.Reason = reasonOf(e.Status)
	}
	if e.Status < 400 {
		e.Reason = fmt.Sprintf("redirected to %q: PROXMOX_VE_ENDPOINT must name the API itself", res.Header.Get("Location"))
	}
	return e
}

var tags = regexp.MustCompile(`(?s)<(?:script|style).*?</(?:script|style)>|<[^>]*>`)

// strange describes, in one line, an answer that did not come from the API.
func strange(res *http.Response, body []byte) string {
	if len(body) > 64*maxExcerpt {
		body = body[:64*maxExcerpt]
	}
	text := printable.Cut(printable.Fold(tags.ReplaceAllString(strings.ToValidUTF8(string(body), "?"), " ")), maxExcerpt)
	if text == "" {
		return "an empty body"
	}
	return fmt.Sprintf("%s %q", strings.TrimSpace("a body of "+res.Header.Get("Content-Type")), text)
}
