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

// maxSenders is how many senders are remembered, at some 300 bytes each.
const maxSenders = 16384

// operator does what the buttons of the statistics page say.
type operator struct{ g *Gateway }

// SetShard sets a shard aside or puts it back. With drain it takes no new batches and
// empties; with maint it sends nothing either, and what it has stays on disk.
func (o operator) SetShard(name, state string) error {
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= len(o.g.shards) {
		return fmt.Errorf("shard %q takes no batches: it is left over from an earlier configuration", name)
	}
	o.g.gates[i].set(state == status.Maint)
	o.g.shards[i].SetAside(state != status.Ready)
	return nil
}

// SetEndpoint drains an endpoint, puts it in maintenance, or back to use.
func (o operator) SetEndpoint(url, state string) error {
	mode := endpoints.Ready
	if state != status.Ready {
		mode = endpoints.Mode(state)
	}
	return o.g.client.SetMode(url, mode)
}

// aside is how a shard is set aside.
func (g *Gateway) aside(shard int) string {
	switch {
	case g.gates[shard].shut():
		return status.Maint
	case g.shards[shard].Aside():
		return status.Drain
	}
	return ""
}

// gate holds a shard's sender up while it is closed.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while the gate is open
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if shut {
			g.open = make(chan struct{})
		}
	default:
		if !shut {
			close(g.open)
		}
	}
}

func (g *gate) way() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

func (g *gate) shut() bool {
	select {
	case <-g.way():
		return false
	default:
		return true
	}
}

// gated is a shard's queue behind its gate.
type gated struct {
	hec.Source
	gate *gate
}

// Next waits for the gate, and gives back what came while it was being closed.
func (q gated) Next(ctx context.Context, buf []byte) (event.Record, error) {
	for {
		select {
		case <-q.gate.way():
		case <-ctx.Done():
			return event.Record{}, ctx.Err()
		}
		rec, err := q.Source.Next(ctx, buf)
		if err != nil || !q.gate.shut() {
			return rec, err
		}
		q.Nack(rec.Seq)
		buf = rec.Body[:0]
	}
}

// DeadLetters returns the newest events that Splunk refused, for the statistics page.
func (g *Gateway) DeadLetters(n int) ([]status.DeadLetter, error) { return g.dead.Latest(n) }
