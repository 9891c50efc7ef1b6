package hec

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"syslog-gateway/internal/redact"
)

// maxAnswer is as much of an answer as is read. HEC's are shorter than a line.
const maxAnswer = 64 << 10

// newTransport makes connections: which post goes over which is for link.go. HTTP/1.1
// only, for HEC speaks nothing else, and one connection per post keeps a stuck one from
// holding up the others and one server behind a balancer from getting all.
func newTransport(conf *tls.Config) *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            newDialer().dial,
		TLSHandshakeTimeout:    10 * time.Second,
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
// endpoint, connection and time here, and its answer is read and classified here, so
// that an answer is understood once and in one place.
type wire struct{ c *Client }

// RoundTrip makes one attempt of the post that the request's context holds.
func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	c, p := w.c, postOf(req.Context())
	var t attempt
	if t, p.ended = p.acquire(); p.ended != nil {
		return nil, errors.Join(p.ended, req.Body.Close())
	}
	p.endpoint, p.link, p.channel = t.endpoint, t.link, t.channel
	// Before the settings are read: a change that comes while this attempt is on the
	// wire must not be slept over.
	p.wake = c.pool.awake()
	set := c.settings.Load()
	out := req.WithContext(req.Context())
	out.URL, out.Host = p.endpoint.event, ""
	out.Header = c.header(t.auth, p.channel)
	out.Header.Set("Content-Type", "application/json")
	if p.gzip {
		out.Header.Set("Content-Encoding", "gzip")
	}
	began := time.Now()
	got := c.exchange(t.link, out, set.Timeout)
	took := time.Since(began)
	p.answer = got.answer(classify)
	if c.opts.Ack.Enabled {
		p.answer = p.answer.demand()
	}
	p.endpoint.series.observe(p.answer, took)
	p.again = c.pool.done(t, p.answer, took, set.Retry)
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
func (c *Client) header(auth, channel string) http.Header {
	h := http.Header{
		"Authorization":   {auth},
		"User-Agent":      {"syslog-gateway"},
		"Accept-Encoding": {"identity"},
	}
	if c.opts.Ack.Enabled && channel != "" {
		h.Set("X-Splunk-Request-Channel", channel)
	}
	return h
}

// exchanged is what came back of one request.
type exchanged struct {
	status    int
	header    http.Header
	body      []byte
	garbled   error // why the body cannot be read, though it came
	err       error
	closes    bool // the connection cannot be used again
	timedOut  bool
	cancelled bool
	hide      *redact.Secrets
}

// exchange sends a request over a connection, which it makes first where there is none,
// and reads the answer whole, within the timeout.
func (c *Client) exchange(l *link, req *http.Request, timeout time.Duration) exchanged {
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	x := exchanged{hide: &c.secrets}
	resp, err := c.roundTrip(ctx, l, req)
	if err == nil {
		x.status, x.header = resp.StatusCode, resp.Header
		x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		x.closes = resp.Close || len(x.body) > maxAnswer
		resp.Body.Close()
	}
	if err != nil {
		x.err, x.closes = err, true
		x.cancelled = req.Context().Err() != nil
		x.timedOut = !x.cancelled && timedOut(ctx, err)
	}
	if x.closes {
		l.close()
	}
	if req.Body != nil { // which the library leaves open when it has not come to reading it
		req.Body.Close()
	}
	if x.err == nil {
		x.body, x.garbled = decode(x.header, x.body[:min(len(x.body), maxAnswer)])
	}
	return x
}

// roundTrip sends a request with the cookies of its connection, and keeps those that
// the answer sets.
func (c *Client) roundTrip(ctx context.Context, l *link, req *http.Request) (*http.Response, error) {
	if err := c.dial(ctx, l); err != nil {
		return nil, err
	}
	req = req.WithContext(ctx)
	if l.cookies == nil {
		return l.conn.RoundTrip(req)
	}
	for _, cookie := range l.cookies.Cookies(req.URL) {
		req.AddCookie(cookie)
	}
	resp, err := l.conn.RoundTrip(req)
	if err == nil {
		l.cookies.SetCookies(req.URL, resp.Cookies())
	}
	return resp, err
}

func timedOut(ctx context.Context, err error) bool {
	var ne net.Error
	return ctx.Err() != nil || errors.As(err, &ne) && ne.Timeout()
}

// understand reads a whole answer.
type understand func(int, http.Header, []byte, *redact.Secrets) answer

// answer classifies what came back.
func (x exchanged) answer(read understand) (a answer) {
	switch {
	case x.err == nil && x.garbled == nil:
		a = read(x.status, x.header, x.body, x.hide)
	case x.err == nil:
		a = read(x.status, x.header, nil, x.hide)
		a.text = tell(x.hide, "the answer cannot be read: "+x.garbled.Error(), maxTold)
		if a.outcome == retry && x.status >= 200 && x.status < 300 && a.condition == failing {
			a = a.doubt() // most likely the events were taken
		}
	case x.status != 0:
		a = cutOff(x.status, x.err, x.timedOut, x.cancelled, x.hide)
	default:
		a = failed(x.err, x.timedOut, x.cancelled, x.hide)
	}
	a.closes = x.closes
	return a
}
