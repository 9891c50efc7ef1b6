//go:build linux

package service

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

// ownSource is the source in the books whose events are the gateway's own numbers.
const ownSource = "gateway"

// ownSourcetype is theirs.
const ownSourcetype = "syslog_gateway:stats"

// dropNoRoom is the reason of own numbers for which no shard had room: what devices sent
// goes first.
const dropNoRoom = "no_room"

// ownEvent is a HEC event whose text is an object.
type ownEvent struct {
	Time       json.Number `json:"time"`
	Host       string      `json:"host,omitempty"`
	Source     string      `json:"source"`
	Sourcetype string      `json:"sourcetype"`
	Index      string      `json:"index,omitempty"`
	Event      any         `json:"event"`
}

// reporter sends the gateway's own numbers to Splunk.
type reporter struct{ g *Gateway }

// run sends the gateway's own numbers to Splunk by the way of all events, until ctx
// is done. A round for which there is no room is left out.
func (r reporter) run(ctx context.Context) error {
	tick := time.NewTicker(r.g.config.Load().Stats.SplunkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.once(ctx)
		}
	}
}

// once makes a batch of the present numbers and hands it over.
func (r reporter) once(ctx context.Context) {
	if r.g.balancer.Blocked() || r.g.store.Full() {
		return
	}
	b := r.g.pool.Get(ctx.Done())
	if b == nil {
		return
	}
	now := time.Now()
	b.Account, b.Received = r.g.ledger.Account(ownSource), now
	index := r.g.config.Load().Stats.SplunkIndex
	for _, n := range r.g.stats.Monitor().Report() {
		line, err := json.Marshal(ownEvent{
			Time: json.Number(fmt.Sprintf("%.3f", float64(now.UnixMilli())/1000)), Host: hostName(),
			Source: ownSource, Sourcetype: ownSourcetype, Index: index, Event: n,
		})
		if err != nil {
			r.g.log.Error("write the gateway's own numbers", "error", err)
			continue
		}
		b.Data = append(append(b.Data, line...), '\n')
		b.Events++
	}
	if b.Events == 0 {
		r.g.pool.Put(b)
		return
	}
	n := b.Events
	b.Account.Receive(ledger.Internal, n, len(b.Data))
	if !r.offer(ctx, b) {
		b.Account.DropReceived(dropNoRoom, n)
		r.g.pool.Put(b)
	}
}

// offer tries for a moment to hand the batch to a shard.
func (r reporter) offer(ctx context.Context, b *event.Batch) bool {
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for range 10 {
		if r.g.balancer.Try(b) {
			return true
		}
		select {
		case <-ctx.Done():
			return r.g.balancer.Try(b)
		case <-retry.C:
		}
	}
	return false
}
