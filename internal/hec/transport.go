package hec

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer is as much of an answer as is read. HEC's are shorter than a line.
const maxAnswer = 64 << 10

// newTransport makes connections that are kept: as many per endpoint as were ever
// in use at once, for the standard library's two would be torn down all the time.
// HTTP/1.1 only, for HEC speaks nothing else and one connection per post keeps a
// stuck one from holding up the others.
func newTransport(conf *tls.Config) *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    1024,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		WriteBufferSize:        64 << 10,
		MaxResponseHeaderBytes: maxAnswer,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if conf != nil {
		t.TLSClientConfig = conf.Clone()
	}
	return t
}

// wire is the http.RoundTripper under go-retryablehttp. Each attempt gets its own
// endpoint and its own time here, and its answer is read and classified here,
// so that an answer is understood once and in one place. It has no
// CloseIdleConnections: the library calls that when one post fails for whatever
// reason.
type wire struct{ c *Client }

// RoundTrip makes one attempt of the post that the request's context holds.
func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	c, p := w.c, postOf(req.Context())
	var t attempt
	if t, p.ended = p.acquire(); p.ended != nil {
		return nil, errors.Join(p.ended, req.Body.Close())
	}
	p.endpoint, p.channel = t.endpoint, t.channel
	// Before the settings are read: a change that comes while this attempt is on the
	// wire must not be slept over.
	p.wake = c.pool.awake()
	set := c.settings.Load()
	out := req.WithContext(req.Context())
	out.URL, out.Host = p.endpoint.event, ""
	out.Header = c.header(p.endpoint, set, p.channel)
	out.Header.Set("Content-Type", "application/json")
	if p.gzip {
		out.Header.Set("Content-Encoding", "gzip")
	}
	began := time.Now()
	got := c.exchange(out, set.Timeout)
	took := time.Since(began)
	p.answer = got.answer(classify)
	p.answer.text = redact(p.answer.text, set.Token, p.endpoint)
	p.endpoint.series.observe(p.answer.label(), took)
	c.pool.done(t, p.answer, took, set.Retry)
	if p.answer.timeout { // what fell silent may have taken the idle ones with it
		c.transport.CloseIdleConnections()
	}
	if got.err != nil {
		return nil, got.err
	}
	// Without its headers: a Location would be read, and may be unreadable.
	return &http.Response{
		Status: http.StatusText(got.status), StatusCode: got.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody, Request: req,
	}, nil
}

// header is what every request carries.
func (c *Client) header(e *endpoint, set *Settings, channel string) http.Header {
	h := http.Header{
		"Authorization": {e.authorization(set.Token)},
		"User-Agent":    {"syslog-gateway"},
	}
	if c.opts.Ack.Enabled {
		h.Set("X-Splunk-Request-Channel", channel)
	}
	return h
}

// exchanged is what came back of one request.
type exchanged struct {
	status    int
	header    http.Header
	body      []byte
	err       error
	timedOut  bool
	cancelled bool
}

// exchange sends a request and reads the answer whole, within the timeout. The
// connection is kept when the answer ends within maxAnswer.
func (c *Client) exchange(req *http.Request, timeout time.Duration) exchanged {
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	var x exchanged
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err == nil {
		defer resp.Body.Close()
		x.status, x.header = resp.StatusCode, resp.Header
		x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	if err != nil {
		x.err = err
		x.cancelled = req.Context().Err() != nil
		x.timedOut = !x.cancelled && timedOut(ctx, err)
	}
	return x
}

func timedOut(ctx context.Context, err error) bool {
	var ne net.Error
	return ctx.Err() != nil || errors.As(err, &ne) && ne.Timeout()
}

// answer classifies what came back; understand reads a whole answer.
func (x exchanged) answer(understand func(int, http.Header, []byte) answer) answer {
	switch {
	case x.err == nil:
		return understand(x.status, x.header, x.body)
	case x.status != 0:
		return cutOff(x.status, x.err, x.timedOut, x.cancelled)
	}
	return failed(x.err, x.timedOut, x.cancelled)
}

// redact takes the token out of what a server said: some proxies repeat the
// request in their error pages.
func redact(text, token string, e *endpoint) string {
	for _, secret := range []string{token, strings.TrimPrefix(e.basic, "Basic ")} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "<secret>")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "<secret>")
		}
	}
	return text
}
