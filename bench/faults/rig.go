package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

const (
	token    = "11111111-2222-3333-4444-555555555555"
	pollTime = 10 * time.Millisecond
)

// layout says how the gateway of a row is set up.
type layout struct {
	numbers   int // the highest message number that may be sent
	endpoints []hectest.Options
	// address says how the endpoints are reached; nil: each by its own URL.
	address func([]*hectest.Server) (urls []string, err error)
	// production leaves batches, retries and health probes at their defaults.
	production bool
	linux      string // appended to the source linux
	hec        string // appended within hec: {…}
	queue      string // the rest of queue: {path: …}
	stop       string // shutdown_timeout; 20s
	sections   string // further sections
}

// rig is one gateway with its folder, ports, endpoints and tally.
type rig struct {
	opts   *Options
	res    *Result
	dir    string
	port   int // takes syslog by UDP and TCP
	closed int // the same, for an index that the token may not write to
	hec    []*hectest.Server
	tally  *tally
	gw     *child.Process
	web    web
	lives  int // processes so far
}

// newRig makes the folder, the endpoints and the configuration.
func newRig(o *Options, res *Result, l layout) (*rig, error) {
	dir, err := os.MkdirTemp(o.Dir, "gateway-faults-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the row: %w", err)
	}
	r := &rig{opts: o, res: res, dir: dir, tally: newTally(l.numbers)}
	ports, err := testkit.FreePorts(3)
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.port, r.closed = ports[0], ports[1]
	r.web = web{local(ports[2]), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if len(l.endpoints) == 0 {
		l.endpoints = []hectest.Options{{}}
	}
	for _, e := range l.endpoints {
		e.Token, e.OnEvent = token, r.tally.take
		r.hec = append(r.hec, hectest.New(e))
	}
	if err := r.configure(l); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rig) deadPath() string  { return filepath.Join(r.dir, "dead") }
func (r *rig) queuePath() string { return filepath.Join(r.dir, "queue") }
func (r *rig) file() string      { return filepath.Join(r.dir, "gateway.yaml") }

func (r *rig) configure(l layout) error {
	var urls []string
	for _, h := range r.hec {
		urls = append(urls, h.URL())
	}
	if l.address != nil {
		var err error
		if urls, err = l.address(r.hec); err != nil {
			return fmt.Errorf("put the endpoints behind an address: %w", err)
		}
	}
	for i, u := range urls {
		urls[i] = strconv.Quote(u)
	}
	quick := ", retry: {initial: 20ms, max: 200ms}, health_interval: 200ms"
	batch := "batch: {max_age: 50ms, max_events: 100}\n"
	if l.production {
		quick, batch = "", ""
	}
	if l.queue == "" {
		l.queue = "min_free: 1MB"
	}
	if l.stop == "" {
		l.stop = "20s"
	}
	yaml := fmt.Sprintf(`sources:
  linux: {address: 127.0.0.1, port: %d, vendor: linux, index: os%s}
  closed: {address: 127.0.0.1, port: %d, vendor: linux, index: closed}
hec: {endpoints: [%s]%s%s}
queue: {path: DIR/queue, %s}
dead_letter: {path: DIR/dead}
stats: {listen: %q}
shutdown_timeout: %s
%s%s`, r.port, l.linux, r.closed, strings.Join(urls, ", "), quick, l.hec, l.queue, r.web.address, l.stop, batch, l.sections)
	if err := os.WriteFile(r.file(), []byte(strings.ReplaceAll(yaml, "DIR", r.dir)), 0o600); err != nil {
		return fmt.Errorf("write the gateway's configuration: %w", err)
	}
	return nil
}

// close ends everything and removes the folder, or keeps it when the row failed and
// failures are to be kept.
func (r *rig) close() error {
	if r.gw != nil {
		r.gw.Kill()
	}
	for _, h := range r.hec {
		h.Close()
	}
	if r.opts.Keep && !r.res.OK() {
		r.res.detail("its files are in %s", r.dir)
		return nil
	}
	return os.RemoveAll(r.dir)
}

// until polls until done, and fails when the gateway ends, the time is over or ctx
// ends.
func (r *rig) until(ctx context.Context, limit time.Duration, what string, done func() bool) error {
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-r.gw.Done():
			return fmt.Errorf("while waiting until %s: %w", what, r.gw.Failure())
		case <-timer.C:
			return fmt.Errorf("after %v it is still not so that %s", limit, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// untilCounts polls /metrics until done returns true.
func (r *rig) untilCounts(ctx context.Context, limit time.Duration, what string, done func(Counts) bool) error {
	return r.until(ctx, limit, what, func() bool {
		s, err := r.web.scrape(ctx)
		return err == nil && done(s.counts())
	})
}

// untilArrived waits until n messages have arrived at the endpoints.
func (r *rig) untilArrived(ctx context.Context, what string, n int) error {
	return r.until(ctx, rowLimit, what, func() bool { return r.tally.unique.Load() == int64(n) })
}

// untilQueued waits until n messages are in the queue.
func (r *rig) untilQueued(ctx context.Context, limit time.Duration, n int) error {
	return r.untilCounts(ctx, limit, "all is queued", func(k Counts) bool { return k.Queued == int64(n) })
}

// untilReady waits until /readyz answers with 200.
func (r *rig) untilReady(ctx context.Context, limit time.Duration, what string) error {
	return r.until(ctx, limit, what, func() bool {
		ok, _ := r.web.ready(ctx)
		return ok
	})
}

// untilLogged waits until the gateway logs that.
func (r *rig) untilLogged(ctx context.Context, what string) error {
	return r.until(ctx, rowLimit, what, func() bool { return r.gw.Logged(what) > 0 })
}

// settleStrictly is settle, and wants that nothing is lost and nothing came twice.
func (r *rig) settleStrictly(ctx context.Context, n int, limit time.Duration) error {
	err := r.settle(ctx, n, limit)
	r.strict()
	return err
}

// settle waits until all n messages are delivered or in the dead-letter store and the
// queue is empty, and writes the counts into the result.
func (r *rig) settle(ctx context.Context, n int, limit time.Duration) error {
	err := r.until(ctx, limit, "all is delivered or dead", func() bool {
		if r.tally.unique.Load() >= int64(n) {
			return true
		}
		dead, err := r.deadLetters()
		return err == nil && int(r.tally.unique.Load())+len(dead) >= n
	})
	if err != nil {
		r.res.problem("%v", err)
	} else if err := r.untilCounts(ctx, limit, "the queue is empty and the equation holds", func(k Counts) bool {
		return k.Pending == 0 && k.Difference() == 0
	}); err != nil {
		r.res.problem("%v", err)
	}
	return r.count(ctx, n)
}

// count writes what has become of n messages into the result.
func (r *rig) count(ctx context.Context, n int) error {
	s, err := r.web.scrape(ctx)
	if err != nil {
		return err
	}
	dead, err := r.deadLetters()
	if err != nil {
		return err
	}
	r.res.Sent, r.res.Counts, r.res.Duplicated = int64(n), s.counts(), r.tally.twice.Load()
	r.res.Lost = 0
	for seq := range n {
		if !r.tally.has(seq) && !dead[seq] {
			r.res.Lost++
		}
	}
	if d := r.res.Counts.Difference(); d != 0 {
		r.res.problem("the equation is off by %d", d)
	}
	if f := r.tally.foreign.Load(); f != 0 {
		r.res.problem("%d events arrived that were not sent", f)
	}
	return nil
}

// strict wants that nothing is lost and nothing came twice.
func (r *rig) strict() {
	r.noneLost()
	r.res.problemIf(r.res.Duplicated != 0, "%d came twice", r.res.Duplicated)
}

func (r *rig) noneLost() {
	if n := r.res.Lost - r.res.Counts.Dropped; n > 0 {
		r.res.problem("%d messages are lost and counted nowhere", n)
	}
}

// allRecovered wants that the last process found n messages in the queue.
func (r *rig) allRecovered(n int) {
	r.res.problemIf(r.res.Counts.Recovered != int64(n), "%d of %d were found in the queue", r.res.Counts.Recovered, n)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
