package hec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"syslog-gateway/internal/event"
)

// What ends a post without an outcome.
var (
	errStopped   = errors.New("hec: the sender stops")
	errAbandoned = errors.New("hec: the record was dropped from the queue meanwhile")
)

// post is one body on its way: the state that its attempts share.
type post struct {
	pool      *pool
	settings  func() RetryOptions
	stop      <-chan struct{} // closed: begin no new attempt
	abandoned func() bool
	gzip      bool

	failures int
	endpoint *endpoint // of the last attempt
	link     *link
	channel  string
	again    bool // its answer was about the connection, or a token of the past
	answer   answer
	ended    error           // why it ended without an outcome
	wake     <-chan struct{} // closed when something changed since the last attempt began
}

type postKey struct{}

func postOf(ctx context.Context) *post { return ctx.Value(postKey{}).(*post) }

// newRetrier sets go-retryablehttp up so that nothing but an outcome, a stop or
// an abandoned record ends a post. It rewinds the body and loops; which endpoint,
// how long to wait and what an answer means is ours.
func newRetrier(rt http.RoundTripper) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: rt,
			// A redirected POST becomes a GET, and the page that it gets a 200.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: math.MaxInt,
		CheckRetry: func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
			p := postOf(ctx)
			if p.ended != nil {
				return false, p.ended
			}
			return p.answer.outcome == retry, ctx.Err()
		},
		// The library's own wait cannot be cut short by an endpoint that comes
		// back, and ends only with the context that the attempts live in.
		Backoff:      func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 },
		PrepareRetry: func(req *http.Request) error { return postOf(req.Context()).wait() },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// post sends one body until there is an outcome; the error is errStopped or
// errAbandoned. The body may be reused when it returns.
func (c *Client) post(ctx context.Context, p *post, body []byte, enc event.Encoding) (answer, error) {
	if err := p.over(); err != nil {
		return answer{}, err
	}
	p.gzip, p.failures, p.endpoint, p.answer, p.ended = enc == event.Gzip, 0, nil, answer{}, nil
	pay := &payload{data: body}
	// The URL stands for whichever endpoint an attempt will choose.
	req, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, postKey{}, p),
		http.MethodPost, "http://hec"+collector+"/event", retryablehttp.ReaderFunc(pay.open))
	if err != nil {
		return answer{}, err
	}
	_, err = c.retrier.Do(req) //nolint:bodyclose // wire has read it; it is http.NoBody
	pay.readers.Wait()
	switch {
	case p.answer.outcome != retry:
		return p.answer, nil
	case errors.Is(err, errAbandoned), errors.Is(p.ended, errAbandoned):
		return p.answer, errAbandoned
	}
	return p.answer, errStopped
}

// over tells why no further attempt may begin.
func (p *post) over() error {
	select {
	case <-p.stop:
		return errStopped
	default:
	}
	if p.abandoned() {
		return errAbandoned
	}
	return nil
}

// wait waits before the next attempt. A change for the better among the endpoints
// ends it early. A time that a server named is kept by the pool: that endpoint has no
// room until then.
func (p *post) wait() error {
	if p.again {
		return p.over()
	}
	delay := p.delay()
	p.failures++
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-p.stop:
	case <-timer.C:
	case <-p.wake:
	}
	return p.over()
}

// delay says how long to wait. While another endpoint can take the record, what this
// one said is between it and us.
func (p *post) delay() time.Duration {
	r := p.settings()
	if p.answer.condition == refusing && !p.pool.usable(p.endpoint) {
		return r.Max/2 + jitter(r.Max/2)
	}
	return jitter(ceiling(r, p.failures))
}

// ceiling is the longest wait before retry n+1: Initial·2ⁿ, at most Max.
func ceiling(r RetryOptions, n int) time.Duration {
	d := r.Initial
	for ; n > 0 && d < r.Max; n-- {
		d *= 2
	}
	return min(d, r.Max)
}

// jitter draws a time up to d, so that senders do not come back in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(d) + 1))
}

// payload is a body that is read once per attempt, without a copy. net/http may
// still read it when the answer is there; readers counts those that may. Close waits
// until it is read no more: its connection is closed before, or it was read whole.
type payload struct {
	data    []byte
	readers sync.WaitGroup
}

func (p *payload) open() (io.Reader, error) {
	p.readers.Add(1)
	return &payloadReader{data: bytes.NewReader(p.data), done: sync.OnceFunc(p.readers.Done)}, nil
}

type payloadReader struct {
	mu     sync.Mutex
	data   *bytes.Reader
	closed bool
	done   func()
}

func (r *payloadReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	return r.data.Read(b)
}

// Len is what go-retryablehttp asks for, for the Content-Length.
func (r *payloadReader) Len() int { return r.data.Len() }

func (r *payloadReader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.done()
	return nil
}
