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
	hec        string // appended within hec: {…}
	queue      string // the rest of queue: {path: …}
	stop       string // shutdown_timeout; 20s
	rest       string // further sections
}

// bed is one gateway with its folder, ports, endpoints and books.
type bed struct {
	opts   *Options
	res    *Result
	dir    string
	port   int // takes syslog by UDP and TCP
	closed int // the same, for an index that the token may not write to
	hec    []*hectest.Server
	tally  *tally
	gw     *child.Process
	page   page
	lives  int // processes so far
}

// newBed makes the folder, the endpoints and the configuration.
func newBed(o *Options, res *Result, l layout) (*bed, error) {
	dir, err := os.MkdirTemp(o.Dir, "gateway-faults-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the row: %w", err)
	}
	b := &bed{opts: o, res: res, dir: dir, tally: newTally(l.numbers)}
	ports, err := testkit.FreePorts(3)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.port, b.closed = ports[0], ports[1]
	b.page = page{local(ports[2]), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if len(l.endpoints) == 0 {
		l.endpoints = []hectest.Options{{}}
	}
	for _, e := range l.endpoints {
		e.Token, e.OnEvent = token, b.tally.take
		b.hec = append(b.hec, hectest.New(e))
	}
	if err := b.configure(l); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bed) deadPath() string  { return filepath.Join(b.dir, "dead") }
func (b *bed) queuePath() string { return filepath.Join(b.dir, "queue") }
func (b *bed) file() string      { return filepath.Join(b.dir, "gateway.yaml") }

func (b *bed) configure(l layout) error {
	var urls []string
	for _, h := range b.hec {
		urls = append(urls, h.URL())
	}
	if l.address != nil {
		var err error
		if urls, err = l.address(b.hec); err != nil {
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
  linux: {address: 127.0.0.1, port: %d, vendor: linux, index: os}
  closed: {address: 127.0.0.1, port: %d, vendor: linux, index: closed}
hec: {endpoints: [%s]%s%s}
queue: {path: DIR/queue, %s}
dead_letter: {path: DIR/dead}
stats: {listen: %q}
shutdown_timeout: %s
%s%s`, b.port, b.closed, strings.Join(urls, ", "), quick, l.hec, l.queue, b.page.address, l.stop, batch, l.rest)
	if err := os.WriteFile(b.file(), []byte(strings.ReplaceAll(yaml, "DIR", b.dir)), 0o600); err != nil {
		return fmt.Errorf("write the gateway's configuration: %w", err)
	}
	return nil
}

// close ends everything and removes the folder, or keeps it when the row failed and
// failures are to be kept.
func (b *bed) close() error {
	if b.gw != nil {
		b.gw.Kill()
	}
	for _, h := range b.hec {
		h.Close()
	}
	if b.opts.Keep && !b.res.OK() {
		b.res.note("its files are in %s", b.dir)
		return nil
	}
	return os.RemoveAll(b.dir)
}

// until polls until done, and fails when the gateway ends, the time is over or ctx
// ends.
func (b *bed) until(ctx context.Context, limit time.Duration, what string, done func() bool) error {
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-b.gw.Done():
			return fmt.Errorf("while waiting until %s: %w", what, b.gw.Failure())
		case <-timer.C:
			return fmt.Errorf("after %v it is still not so that %s", limit, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// untilBooks polls /metrics.
func (b *bed) untilBooks(ctx context.Context, limit time.Duration, what string, done func(Books) bool) error {
	return b.until(ctx, limit, what, func() bool {
		s, err := b.page.scrape(ctx)
		return err == nil && done(s.books())
	})
}

// settle waits until all n messages are delivered or in the dead-letter store and the
// queue is empty, and writes the books into the result.
func (b *bed) settle(ctx context.Context, n int, limit time.Duration) error {
	err := b.until(ctx, limit, "all is delivered or dead", func() bool {
		if b.tally.unique.Load() >= int64(n) {
			return true
		}
		dead, err := b.deadLetters()
		return err == nil && int(b.tally.unique.Load())+len(dead) >= n
	})
	if err != nil {
		b.res.problem("%v", err)
	} else if err := b.untilBooks(ctx, limit, "the queue is empty and the equation holds", func(k Books) bool {
		return k.Pending == 0 && k.Difference() == 0
	}); err != nil {
		b.res.problem("%v", err)
	}
	return b.count(ctx, n)
}

// count writes what has become of n messages into the result.
func (b *bed) count(ctx context.Context, n int) error {
	s, err := b.page.scrape(ctx)
	if err != nil {
		return err
	}
	dead, err := b.deadLetters()
	if err != nil {
		return err
	}
	b.res.Sent, b.res.Books, b.res.Duplicated = int64(n), s.books(), b.tally.twice.Load()
	b.res.Lost = 0
	for seq := range n {
		if !b.tally.has(seq) && !dead[seq] {
			b.res.Lost++
		}
	}
	if d := b.res.Books.Difference(); d != 0 {
		b.res.problem("the equation is off by %d", d)
	}
	if f := b.tally.foreign.Load(); f != 0 {
		b.res.problem("%d events arrived that nobody sent", f)
	}
	return nil
}

// strict wants that nothing is lost and nothing came twice.
func (b *bed) strict() {
	b.noneLost()
	if b.res.Duplicated != 0 {
		b.res.problem("%d came twice", b.res.Duplicated)
	}
}

func (b *bed) noneLost() {
	if n := b.res.Lost - b.res.Books.Dropped; n > 0 {
		b.res.problem("%d messages are lost and counted nowhere", n)
	}
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
