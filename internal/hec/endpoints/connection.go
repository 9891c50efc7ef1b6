package endpoints

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Conn is one connection to one of the servers behind an endpoint, with all that belongs to
// it alone. It is used for one post at a time.
type Conn struct {
	Endpoint *Endpoint
	client   *retryablehttp.Client
	jar      http.CookieJar   // of a balancer; nil without acknowledgements
	conn     *http.ClientConn // of whoever has the Conn; nil until the first request

	// The mutex of the pool guards what follows.
	until   time.Time // its greatest age
	channel string    // of acknowledgements: ackIds count per channel and server
	good    time.Time // its last good answer to a post; zero before the first
	began   time.Time // of the post under way; zero without one
	idle    time.Time // since when there is none
	spent   bool      // it gets no further posts
}

func newConn(e *Endpoint, jar http.CookieJar) *Conn {
	c := &Conn{Endpoint: e, jar: jar}
	c.client = &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: roundTripper{c}, Jar: jar},
		CheckRetry:   func(context.Context, *http.Response, error) (bool, error) { return false, nil },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c
}

// Single returns a connection for one request that is no post. The caller closes it.
func (e *Endpoint) Single() *Conn { return newConn(e, nil) }

// Again returns a new connection for one request, with the cookies of c: a balancer may
// lead it to the same server. The caller closes it.
func (c *Conn) Again() *Conn { return newConn(c.Endpoint, c.jar) }

// Do sends a request once, and connects first where that has not been done. It follows no
// redirect: a redirected POST would become a GET.
func (c *Conn) Do(req *retryablehttp.Request) (*http.Response, error) {
	resp, err := c.client.Do(req)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which is known
	}
	return resp, err
}

// Broken reports whether the other side has closed the connection.
func (c *Conn) Broken() bool { return c.conn != nil && c.conn.Err() != nil }

// Close closes the connection. Over TLS it may take some seconds.
func (c *Conn) Close() {
	if c.conn != nil {
		_ = c.conn.Close() // it always succeeds
	}
}

// roundTripper makes requests over one connection.
type roundTripper struct{ c *Conn }

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.c.conn == nil {
		e := r.c.Endpoint
		conn, err := e.conns.shared.dial(req.Context(), e.Address.Event.Scheme, e.Address.host)
		if err != nil {
			if req.Body != nil {
				req.Body.Close()
			}
			return nil, err
		}
		r.c.conn = conn
	}
	resp, err := r.c.conn.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Location") // http.Client would read it, and it may be unreadable
	}
	return resp, err
}
