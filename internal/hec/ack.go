package hec

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// maxPoll is how many ackIds one poll asks for.
const maxPoll = 1000

// minPollTime is how long a poll may take even when polls are frequent.
const minPollTime = time.Second

// ackKey is an ackId: it counts per channel, at the one endpoint that gave it.
type ackKey struct {
	channel string
	id      int64
}

// ackRef is where to ask for it.
type ackRef struct {
	endpoint *endpoint
	key      ackKey
}

// receipt is a record that was accepted and is not known to be indexed. It has
// one reference for each post that the record took.
type receipt struct {
	owner    *delivery
	refs     []ackRef
	left     int
	deadline time.Time
	// finish is called once, with whether all of it was indexed.
	finish func(indexed bool)
}

// ackTable holds the receipts of all deliveries.
type ackTable struct {
	opts AckOptions

	mu      sync.Mutex
	open    map[*endpoint]map[ackKey]*receipt
	polling map[*endpoint]bool
	alarm   throttle
}

func newAckTable(o AckOptions) *ackTable {
	return &ackTable{
		opts:    o,
		open:    make(map[*endpoint]map[ackKey]*receipt),
		polling: make(map[*endpoint]bool),
	}
}

// add waits for a record's acknowledgements. An ackId that an endpoint gives out
// a second time shows that it has forgotten the first: that record is lost there
// and sent again.
func (t *ackTable) add(r *receipt) {
	t.mu.Lock()
	r.left = len(r.refs)
	var lost []*receipt
	for _, ref := range r.refs {
		of := t.open[ref.endpoint]
		if of == nil {
			of = make(map[ackKey]*receipt)
			t.open[ref.endpoint] = of
		}
		if old := of[ref.key]; old != nil && !slices.Contains(lost, old) {
			lost = append(lost, old)
		}
		of[ref.key] = r
	}
	for _, l := range lost {
		t.forget(l)
	}
	t.mu.Unlock()
	for _, l := range lost {
		l.finish(false)
	}
}

// forget removes what refers to r; the caller holds the mutex.
func (t *ackTable) forget(r *receipt) {
	for _, ref := range r.refs {
		if of := t.open[ref.endpoint]; of[ref.key] == r {
			delete(of, ref.key)
			if len(of) == 0 {
				delete(t.open, ref.endpoint)
			}
		}
	}
}

// confirm notes ackIds that an endpoint said are indexed.
func (t *ackTable) confirm(e *endpoint, channel string, acks map[int64]bool) {
	var whole []*receipt
	t.mu.Lock()
	for id, ok := range acks {
		key := ackKey{channel, id}
		r := t.open[e][key]
		if !ok || r == nil {
			continue
		}
		delete(t.open[e], key)
		if r.left--; r.left == 0 {
			whole = append(whole, r)
		}
	}
	if len(t.open[e]) == 0 {
		delete(t.open, e)
	}
	t.mu.Unlock()
	for _, r := range whole {
		r.finish(true)
	}
}

// expire gives up on the records whose time is over.
func (t *ackTable) expire(now time.Time) {
	t.giveUp(func(r *receipt) bool { return now.After(r.deadline) })
}

// drop gives up on all records of one delivery.
func (t *ackTable) drop(d *delivery) {
	t.giveUp(func(r *receipt) bool { return r.owner == d })
}

func (t *ackTable) giveUp(which func(*receipt) bool) {
	lost := make(map[*receipt]bool)
	t.mu.Lock()
	for _, of := range t.open {
		for _, r := range of {
			if which(r) {
				lost[r] = true
			}
		}
	}
	for r := range lost {
		t.forget(r)
	}
	t.mu.Unlock()
	for r := range lost {
		r.finish(false)
	}
}

// unacked counts the ackIds that each endpoint owes.
func (t *ackTable) unacked() map[*endpoint]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := make(map[*endpoint]int, len(t.open))
	for e, of := range t.open {
		n[e] = len(of)
	}
	return n
}

// startPolls marks and returns the endpoints that owe acknowledgements and have
// no poll under way: an endpoint says "indexed" only once.
func (t *ackTable) startPolls() []*endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	var idle []*endpoint
	for e := range t.open {
		if !t.polling[e] {
			t.polling[e] = true
			idle = append(idle, e)
		}
	}
	return idle
}

// ids returns what an endpoint owes, by channel.
func (t *ackTable) ids(e *endpoint) map[string][]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	by := make(map[string][]int64)
	for key := range t.open[e] {
		by[key.channel] = append(by[key.channel], key.id)
	}
	return by
}

func (t *ackTable) polled(e *endpoint) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.polling, e)
}

// pollAll starts a poll of each endpoint that owes acknowledgements; wg waits.
func (c *Client) pollAll(ctx context.Context, wg *sync.WaitGroup) {
	for _, e := range c.acks.startPolls() {
		wg.Go(func() {
			defer c.acks.polled(e)
			for channel, ids := range c.acks.ids(e) {
				for batch := range slices.Chunk(ids, maxPoll) {
					c.poll(ctx, e, channel, batch)
				}
			}
		})
	}
}

// poll asks one endpoint for some ackIds. A poll that fails is not repeated: the
// next one asks again.
func (c *Client) poll(ctx context.Context, e *endpoint, channel string, ids []int64) {
	set := c.settings.Load()
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		return // integers always can be written
	}
	u := *e.ack
	u.RawQuery = url.Values{"channel": {channel}}.Encode()
	req := (&http.Request{
		Method: http.MethodPost, URL: &u,
		Header: c.header(e, set, channel),
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
	req.Header.Set("Content-Type", "application/json")
	got := c.exchange(req, min(set.Timeout, max(c.acks.opts.PollInterval, minPollTime)))
	var acks map[int64]bool
	if err = got.err; err == nil {
		acks, err = parseAcks(got.status, got.body)
	}
	if err == nil {
		c.acks.confirm(e, channel, acks)
		return
	}
	if !got.cancelled {
		c.warn(&c.acks.alarm, &c.acks.mu, "HEC acknowledgements can not be asked for; what is not confirmed in time is sent again",
			"endpoint", e.name, "error", redact(clean(err.Error()), set.Token, e))
	}
}

// warn logs one of many equal complaints; mu guards the throttle.
func (c *Client) warn(t *throttle, mu *sync.Mutex, msg string, args ...any) {
	mu.Lock()
	held, ok := t.ready(time.Now(), alarmEvery)
	mu.Unlock()
	if ok {
		c.opts.Logger.Warn(msg, append(args, "not_logged", held)...)
	}
}
