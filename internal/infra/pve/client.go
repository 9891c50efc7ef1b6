package pve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/luthermonson/go-proxmox"
)

// Client talks to one Proxmox VE API. It may be used by many goroutines at once.
type Client struct {
	t        *transport
	typed    *proxmox.Client
	node     string
	lockWait time.Duration
}

func newClient(t *transport, o Options) *Client {
	c := &Client{t: t, node: o.Node, lockWait: o.LockWait}
	c.typed = proxmox.NewClient(t.base,
		proxmox.WithHTTPClient(&http.Client{Transport: t}),
		proxmox.WithLogger(quiet{o.Logger}))
	return c
}

// Node is the default node of Options.
func (c *Client) Node() string { return c.node }

// User is the identity of the client: user@realm, or user@realm!name for a token.
func (c *Client) User() string { return c.t.auth.user() }

// IsRoot reports whether the client is root@pam itself. A token of root@pam is not: some
// operations compare the name literally (see IsRootOnly).
func (c *Client) IsRoot() bool { return c.User() == "root@pam" }

// Count is how many requests were sent.
type Count struct {
	Reads   uint64 // GET
	Writes  uint64 // POST, PUT, DELETE
	Repeats uint64 // of these, those sent again after a failure or with a new ticket
}

// Requests is the number of requests so far, without logins.
func (c *Client) Requests() Count {
	return Count{Reads: c.t.reads.Load(), Writes: c.t.writes.Load(), Repeats: c.t.repeats.Load()}
}

// Close closes idle connections.
func (c *Client) Close() { c.t.closeIdle() }

// Get reads path (below /api2/json, elements escaped: see Path) into out. It repeats
// itself on connection errors and answers of 429, 502 to 504 and 595 to 599, a few times. A null
// answer leaves out as it is.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + encode(query)
	}
	raw, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return &Error{Method: http.MethodGet, Path: bare(path), Status: http.StatusOK, Reason: "the answer has another form than expected: " + err.Error(), Err: err}
	}
	return nil
}

// Write sends a POST or PUT with params as a form, or a DELETE with them in the query,
// and gives the answer's data: often a task (see UPID). It is sent once, except that a
// write refused for a lock is tried again: a few times for a file lock, up to
// Options.LockWait for a config lock. Run handles a task that fails for a lock.
func (c *Client) Write(ctx context.Context, method, path string, params url.Values) (json.RawMessage, error) {
	var raw json.RawMessage
	err := c.unlocked(ctx, func() (err error) {
		raw, err = c.call(ctx, method, path, params)
		return err
	})
	return raw, err
}

// Run writes, and waits for the task if the answer names one. It begins again if the
// task did nothing because it did not get a file lock. begun is optional; it is called with each
// task before Run waits for it, so that it can be recorded. Its error ends Run.
func (c *Client) Run(ctx context.Context, w Request, begun func(upid string) error, progress func(TaskStatus)) error {
	return c.unlocked(ctx, func() error {
		raw, err := c.call(ctx, w.Method, w.Path, w.Params)
		if err != nil {
			return err
		}
		upid, ok := TaskOf(raw)
		if !ok {
			return nil
		}
		if begun != nil {
			if err := begun(upid); err != nil {
				return err
			}
		}
		return c.Wait(ctx, upid, progress)
	})
}

// Request is a write.
type Request struct {
	Method, Path string
	Params       url.Values
}

// call sends one request and gives the answer's data.
func (c *Client) call(ctx context.Context, method, path string, params url.Values) (json.RawMessage, error) {
	req, err := c.request(ctx, method, path, params)
	if err != nil {
		return nil, err
	}
	res, err := c.t.RoundTrip(req)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			scrub(e, params)
		}
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data *json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		e := &Error{
			Method: method, Path: bare(path), Status: res.StatusCode, Unknown: method != http.MethodGet, Err: err,
			Reason: "the answer is not what the API of Proxmox VE gives: " + strange(res, body),
		}
		scrub(e, params)
		if signed, err := c.t.auth.sign(ctx); err == nil {
			unsign(e, signed)
		}
		return nil, e
	}
	if answer.Data == nil { // JSON null, too
		return json.RawMessage("null"), nil
	}
	return *answer.Data, nil
}

func (c *Client) request(ctx context.Context, method, path string, params url.Values) (*http.Request, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("pve: path %q must begin with /", path)
	}
	var body io.Reader
	switch {
	case len(params) == 0:
	case method == http.MethodDelete: // a DELETE with a body is answered 501
		path += "?" + encode(params)
	default:
		body = strings.NewReader(encode(params))
	}
	req, err := http.NewRequestWithContext(ctx, method, c.t.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("pve: %s %s: %w", method, bare(path), err)
	}
	if body != nil {
		req.Header.Set("Content-Type", formType)
	}
	return req, nil
}

const formType = "application/x-www-form-urlencoded"

// encode escapes everything: the API's form parser also separates at ";" and cuts a
// value at a second "=".
func encode(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }

// Path joins elements, each escaped, such as a volume ID or a CIDR.
func Path(elems ...string) string {
	var b strings.Builder
	for _, e := range elems {
		b.WriteString("/" + url.PathEscape(e))
	}
	return b.String()
}

// bare is path without its query.
func bare(path string) string {
	p, _, _ := strings.Cut(path, "?")
	return p
}
