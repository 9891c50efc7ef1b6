//go:build linux

package service

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/status"
)

// maxSenders is the most senders that are remembered, at about 1 KiB each with their rates.
const maxSenders = 16384

// operator carries out the actions of the statistics page.
type operator struct{ g *Gateway }

// SetShard drains a shard, puts it in maintenance, or back to use. A shard that is drained
// takes no new batches and delivers what it has. In maintenance it also sends nothing.
func (o operator) SetShard(name, state string) error {
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= len(o.g.shards) {
		return fmt.Errorf("shard %q takes no batches: it is left over from an earlier configuration", name)
	}
	o.g.pauses[i].set(state == status.Maint)
	o.g.shards[i].SetDraining(state != status.Ready)
	return nil
}

// SetEndpoint drains an endpoint, puts it in maintenance, or back to use.
func (o operator) SetEndpoint(url, state string) error {
	mode := endpoints.Ready
	switch state {
	case status.Drain:
		mode = endpoints.Drain
	case status.Maint:
		mode = endpoints.Maintenance
	}
	return o.g.client.SetMode(url, mode)
}

// shardMode is the mode that an operator has set for a shard; "" while it is in use.
func (g *Gateway) shardMode(shard int) string {
	switch {
	case g.pauses[shard].paused():
		return status.Maint
	case g.shards[shard].Draining():
		return status.Drain
	}
	return ""
}

// pauseSwitch pauses the sender of a shard.
type pauseSwitch struct {
	mu      sync.Mutex
	running chan struct{} // closed while the sender is not paused
}

func newPauseSwitch() *pauseSwitch {
	p := &pauseSwitch{running: make(chan struct{})}
	close(p.running)
	return p
}

func (p *pauseSwitch) set(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.running:
		if paused {
			p.running = make(chan struct{})
		}
	default:
		if !paused {
			close(p.running)
		}
	}
}

// resumed returns a channel that is closed while the sender is not paused.
func (p *pauseSwitch) resumed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running
}

func (p *pauseSwitch) paused() bool {
	select {
	case <-p.resumed():
		return false
	default:
		return true
	}
}

// pausable is the queue of a shard whose sender can be paused.
type pausable struct {
	hec.Source
	pause *pauseSwitch
}

// Next waits while the sender is paused. A record that arrives during a pause is given back.
func (q pausable) Next(ctx context.Context, buf []byte) (event.Record, error) {
	for {
		select {
		case <-q.pause.resumed():
		case <-ctx.Done():
			return event.Record{}, ctx.Err()
		}
		rec, err := q.Source.Next(ctx, buf)
		if err != nil || !q.pause.paused() {
			return rec, err
		}
		q.Nack(rec.Seq)
		buf = rec.Body[:0]
	}
}

// DeadLetters returns the newest events that Splunk refused, for the statistics page.
func (g *Gateway) DeadLetters(n int) ([]status.DeadLetter, error) { return g.dead.Latest(n) }

// DeadLetterGroups returns what is in the dead-letter store, for the statistics page.
func (g *Gateway) DeadLetterGroups(n int) ([]status.DeadLetterGroup, uint64) { return g.dead.Groups(n) }
