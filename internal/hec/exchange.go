package hec

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/redact"
)

// maxAnswer bounds what is read of an answer, in bytes. HEC's are shorter than a line.
const maxAnswer = 64 << 10

// request makes a request with what every request carries.
func (c *Client) request(method string, to *url.URL, auth, channel string) *retryablehttp.Request {
	h := http.Header{
		"Authorization":   {auth},
		"User-Agent":      {"syslog-gateway"},
		"Accept-Encoding": {"identity"},
	}
	if c.opts.Ack.Enabled && channel != "" {
		h.Set("X-Splunk-Request-Channel", channel)
	}
	return &retryablehttp.Request{Request: &http.Request{Method: method, URL: to, Header: h}}
}

// exchanged is what came back of one request.
type exchanged struct {
	status    int
	header    http.Header
	body      []byte
	garbled   error // why the body cannot be read, though it came
	err       error
	closes    bool // the connection cannot be used again
	reading   bool // the request's body may still be read
	timedOut  bool
	cancelled bool
	hide      *redact.Secrets
}

// exchange sends a request over a connection once, and reads the answer whole, within the
// timeout.
func (c *Client) exchange(ctx context.Context, conn *endpoints.Conn, req *retryablehttp.Request, timeout time.Duration) exchanged {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	x := exchanged{hide: &c.secrets}
	var sent atomic.Bool // or given up
	req = req.WithContext(httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { sent.Store(true) },
	}))
	resp, err := conn.Do(req)
	if err == nil {
		x.status, x.header = resp.StatusCode, resp.Header
		x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		x.closes = resp.Close || len(x.body) > maxAnswer
		resp.Body.Close()
	}
	if err != nil {
		x.err, x.closes = err, true
		x.cancelled = ctx.Err() != nil
		x.timedOut = !x.cancelled && timedOut(limited, err)
	}
	x.reading = !sent.Load()
	x.closes = x.closes || x.reading
	if x.closes {
		conn.Close()
	}
	if x.err == nil {
		x.body, x.garbled = decode(x.header, x.body[:min(len(x.body), maxAnswer)])
	}
	return x
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
		a.text = oneLine(x.hide, "the answer cannot be read: "+x.garbled.Error(), maxShown)
		if a.outcome == retry && x.status >= 200 && x.status < 300 && a.condition == endpoints.Failing {
			a = a.unconfirm() // most likely the events were accepted
		}
	case x.status != 0:
		a = cutOff(x.status, x.err, x.timedOut, x.cancelled, x.hide)
	default:
		a = failed(x.err, x.timedOut, x.cancelled, x.hide)
	}
	a.closes = x.closes
	return a
}
