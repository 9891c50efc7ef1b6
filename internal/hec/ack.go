package hec

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/throttle"
)

// maxPoll is how many ackIds one poll asks for.
const maxPoll = 1000

// minPollTime is how long a poll may take even when polls are frequent.
const minPollTime = time.Second

// ackKey is an ackId. It counts per channel, at the one server that gave it.
type ackKey struct {
	channel string
	id      int64
}

// ackRef is where to ask for an ackId: on the connection that gave it, because another one
// may lead to another server.
type ackRef struct {
	conn *endpoints.Conn
	key  ackKey
}

// receipt is a record that was accepted and is not known to be indexed. It has one
// reference for each post that the record took.
type receipt struct {
	owner    *delivery
	refs     []ackRef
	missing  int // acknowledgements
	deadline time.Time
	// finish is called once, with whether all of it was indexed.
	finish func(indexed bool)
}

// ackTable holds the receipts of all deliveries.
type ackTable struct {
	mu      sync.Mutex
	open    map[*endpoints.Conn]map[ackKey]*receipt
	polling map[*endpoints.Conn]bool
	alarm   throttle.Throttle
}

func newAckTable() *ackTable {
	return &ackTable{
		open:    make(map[*endpoints.Conn]map[ackKey]*receipt),
		polling: make(map[*endpoints.Conn]bool),
	}
}

// add waits for a record's acknowledgements. A server that gives out an ackId a second time
// has forgotten the first: that record is lost there and is sent again.
func (t *ackTable) add(r *receipt) {
	t.mu.Lock()
	r.missing = len(r.refs)
	var lost []*receipt
	for _, ref := range r.refs {
		of := t.open[ref.conn]
		if of == nil {
			of = make(map[ackKey]*receipt)
			t.open[ref.conn] = of
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
		if of := t.open[ref.conn]; of[ref.key] == r {
			delete(of, ref.key)
			if len(of) == 0 {
				delete(t.open, ref.conn)
			}
		}
	}
}

// confirm records the ackIds that a poll on a connection reported as indexed.
func (t *ackTable) confirm(conn *endpoints.Conn, channel string, acks map[int64]bool) {
	var whole []*receipt
	t.mu.Lock()
	for id, ok := range acks {
		key := ackKey{channel, id}
		r := t.open[conn][key]
		if !ok || r == nil {
			continue
		}
		delete(t.open[conn], key)
		if r.missing--; r.missing == 0 {
			whole = append(whole, r)
		}
	}
	if len(t.open[conn]) == 0 {
		delete(t.open, conn)
	}
	t.mu.Unlock()
	for _, r := range whole {
		r.finish(true)
	}
}

// expire gives up the records whose deadline has passed.
func (t *ackTable) expire(now time.Time) {
	t.giveUp(func(r *receipt) bool { return now.After(r.deadline) })
}

// drop gives up all records of one delivery.
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
func (t *ackTable) unacked() map[*endpoints.Endpoint]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := make(map[*endpoints.Endpoint]int, len(t.open))
	for conn, of := range t.open {
		n[conn.Endpoint] += len(of)
	}
	return n
}

// owing are the connections that owe acknowledgements.
func (t *ackTable) owing() map[*endpoints.Conn]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	owing := make(map[*endpoints.Conn]bool, len(t.open))
	for conn := range t.open {
		owing[conn] = true
	}
	return owing
}

// startPolls returns the connections that owe acknowledgements and have no poll under way,
// and registers one for each: a server reports an ackId as indexed only once.
func (t *ackTable) startPolls() []*endpoints.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	var idle []*endpoints.Conn
	for conn := range t.open {
		if !t.polling[conn] {
			t.polling[conn] = true
			idle = append(idle, conn)
		}
	}
	return idle
}

// ids returns what a connection owes, by channel.
func (t *ackTable) ids(conn *endpoints.Conn) map[string][]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	by := make(map[string][]int64)
	for key := range t.open[conn] {
		by[key.channel] = append(by[key.channel], key.id)
	}
	return by
}

func (t *ackTable) polled(conn *endpoints.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.polling, conn)
}

// pollAll starts a poll on each connection that owes acknowledgements; wg waits.
func (c *Client) pollAll(ctx context.Context, wg *sync.WaitGroup) {
	for _, conn := range c.acks.startPolls() {
		wg.Go(func() {
			defer c.acks.polled(conn)
			for channel, ids := range c.acks.ids(conn) {
				for batch := range slices.Chunk(ids, maxPoll) {
					c.poll(ctx, conn, channel, batch)
				}
			}
		})
	}
}

// poll asks on one connection for some ackIds. Where the connection is broken it asks on a
// new one with the same cookies, which may lead to the same server. Only one server knows
// the channel, so no other can confirm by mistake. A poll that fails is not repeated: the
// next one asks again.
func (c *Client) poll(ctx context.Context, conn *endpoints.Conn, channel string, ids []int64) {
	on := conn
	if conn.Broken() {
		on = conn.Again()
		defer on.Close()
	}
	got := c.ask(ctx, on, channel, ids)
	var acks map[int64]bool
	err := errors.Join(got.err, got.garbled)
	if err == nil {
		acks, err = parseAcks(got.status, got.body)
	}
	if err == nil {
		c.acks.confirm(conn, channel, acks)
		return
	}
	if !got.cancelled {
		c.warn(&c.acks.alarm, "HEC acknowledgements cannot be asked for; what is not confirmed in time is sent again",
			"endpoint", conn.Endpoint.Address.Name, "error", oneLine(&c.secrets, err.Error(), maxShown))
	}
}

// ask asks for the state of some ackIds of a channel.
func (c *Client) ask(ctx context.Context, on *endpoints.Conn, channel string, ids []int64) exchanged {
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		return exchanged{err: err} // integers always can be written
	}
	e := on.Endpoint
	u := *e.Address.Ack
	u.RawQuery = url.Values{"channel": {channel}}.Encode()
	req := c.request(http.MethodPost, &u, c.pool.Authorization(e), channel)
	req.Header.Set("Content-Type", "application/json")
	_ = req.SetBody(body) // it has no error of its own
	return c.exchange(ctx, on, req, min(c.settings.Load().Timeout, max(c.opts.Ack.PollInterval, minPollTime)))
}
