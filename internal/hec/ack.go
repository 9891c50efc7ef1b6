package hec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/throttle"
)

// maxPoll is how many ackIds one poll asks for.
const maxPoll = 1000

// minPollTime is how long a poll may take even when polls are frequent.
const minPollTime = time.Second

// ackKey is an ackId: it counts per channel, at the one server that gave it.
type ackKey struct {
	channel string
	id      int64
}

// ackRef is where to ask for it: on the connection that gave it, for another one may
// lead to another server.
type ackRef struct {
	link *link
	key  ackKey
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
	open    map[*link]map[ackKey]*receipt
	polling map[*link]bool
	alarm   throttle.Throttle
}

func newAckTable(o AckOptions) *ackTable {
	return &ackTable{
		opts:    o,
		open:    make(map[*link]map[ackKey]*receipt),
		polling: make(map[*link]bool),
	}
}

// add waits for a record's acknowledgements. An ackId that a server gives out
// a second time shows that it has forgotten the first: that record is lost there
// and sent again.
func (t *ackTable) add(r *receipt) {
	t.mu.Lock()
	r.left = len(r.refs)
	var lost []*receipt
	for _, ref := range r.refs {
		of := t.open[ref.link]
		if of == nil {
			of = make(map[ackKey]*receipt)
			t.open[ref.link] = of
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
		if of := t.open[ref.link]; of[ref.key] == r {
			delete(of, ref.key)
			if len(of) == 0 {
				delete(t.open, ref.link)
			}
		}
	}
}

// confirm notes ackIds that were said on a connection to be indexed.
func (t *ackTable) confirm(l *link, channel string, acks map[int64]bool) {
	var whole []*receipt
	t.mu.Lock()
	for id, ok := range acks {
		key := ackKey{channel, id}
		r := t.open[l][key]
		if !ok || r == nil {
			continue
		}
		delete(t.open[l], key)
		if r.left--; r.left == 0 {
			whole = append(whole, r)
		}
	}
	if len(t.open[l]) == 0 {
		delete(t.open, l)
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
	for l, of := range t.open {
		n[l.endpoint] += len(of)
	}
	return n
}

// owing are the connections that owe acknowledgements.
func (t *ackTable) owing() map[*link]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	owing := make(map[*link]bool, len(t.open))
	for l := range t.open {
		owing[l] = true
	}
	return owing
}

// startPolls marks and returns the connections that owe acknowledgements and have
// no poll under way: a server says "indexed" only once.
func (t *ackTable) startPolls() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	var idle []*link
	for l := range t.open {
		if !t.polling[l] {
			t.polling[l] = true
			idle = append(idle, l)
		}
	}
	return idle
}

// ids returns what a connection owes, by channel.
func (t *ackTable) ids(l *link) map[string][]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	by := make(map[string][]int64)
	for key := range t.open[l] {
		by[key.channel] = append(by[key.channel], key.id)
	}
	return by
}

func (t *ackTable) polled(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.polling, l)
}

// pollAll starts a poll on each connection that owes acknowledgements; wg waits.
func (c *Client) pollAll(ctx context.Context, wg *sync.WaitGroup) {
	for _, l := range c.acks.startPolls() {
		wg.Go(func() {
			defer c.acks.polled(l)
			for channel, ids := range c.acks.ids(l) {
				for batch := range slices.Chunk(ids, maxPoll) {
					c.poll(ctx, l, channel, batch)
				}
			}
		})
	}
}

// poll asks on one connection for some ackIds. Where that has ended it asks on a new
// one, with its cookies: it may lead to the same server. A channel is known to one
// server only, so no other can confirm by mistake, and the next poll finds another one.
// A poll that fails is not repeated: the next one asks again.
func (c *Client) poll(ctx context.Context, l *link, channel string, ids []int64) {
	on := l
	if l.conn.Err() != nil {
		on = c.single(l.endpoint)
		on.cookies = l.cookies
		defer on.close()
	}
	got := c.ask(ctx, on, channel, ids)
	var acks map[int64]bool
	err := errors.Join(got.err, got.garbled)
	if err == nil {
		acks, err = parseAcks(got.status, got.body)
	}
	if err == nil {
		c.acks.confirm(l, channel, acks)
		return
	}
	if !got.cancelled {
		c.warn(&c.acks.alarm, "HEC acknowledgements cannot be asked for; what is not confirmed in time is sent again",
			"endpoint", l.endpoint.name, "error", tell(&c.secrets, err.Error(), maxTold))
	}
}

// ask asks for the state of some ackIds of a channel.
func (c *Client) ask(ctx context.Context, l *link, channel string, ids []int64) exchanged {
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		return exchanged{err: err} // integers always can be written
	}
	e, set := l.endpoint, c.settings.Load()
	u := *e.ack
	u.RawQuery = url.Values{"channel": {channel}}.Encode()
	req := (&http.Request{
		Method: http.MethodPost, URL: &u,
		Header: c.header(c.pool.auth(e), channel),
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
	req.Header.Set("Content-Type", "application/json")
	return c.exchange(l, req, min(set.Timeout, max(c.acks.opts.PollInterval, minPollTime)))
}

// warn logs one of many equal complaints.
func (c *Client) warn(t *throttle.Throttle, msg string, args ...any) {
	if held, ok := t.Ready(time.Now(), alarmEvery); ok {
		c.opts.Logger.Warn(msg, append(args, "not_logged", held)...)
	}
}
