package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"
)

// standInFaults are what the stand-in does wrong. The zero value is a faultless gateway.
type standInFaults struct {
	// DropEvery and RepeatEvery lose or double every n-th message; 0 is never.
	DropEvery, RepeatEvery uint64
	// Miscount counts every message as delivered twice.
	Miscount bool
	// Burn is CPU time to waste once, at the first message.
	Burn time.Duration
	// Delay is how long every request is delayed.
	Delay time.Duration
}

// standInSettings is the part of the gateway's configuration that the stand-in obeys.
type standInSettings struct {
	Sources map[string]struct {
		Address string
		Port    int
	}
	HEC struct {
		Endpoints []string
	}
	Stats struct{ Listen string }
}

// standIn is the simplest gateway that the runner can measure, with faults that are
// known: what it drops, repeats, miscounts or burns is what the measuring tools must
// find. It has no queue, no parser and no retries.
type standIn struct {
	faults    standInFaults
	token     string
	url       string
	lines     chan []byte
	received  atomic.Uint64
	dropped   atomic.Uint64
	delivered atomic.Uint64
	wg        sync.WaitGroup
}

// runStandIn is `gateway run -c path` until ctx ends.
func runStandIn(ctx context.Context, path, token string, f standInFaults) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s standInSettings
	if err := yaml.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if len(s.HEC.Endpoints) == 0 || token == "" {
		return errors.New("no HEC endpoint or token")
	}
	g := &standIn{faults: f, token: token, url: s.HEC.Endpoints[0] + "/services/collector/event", lines: make(chan []byte, 1000)}
	sent := make(chan error, 1)
	go func() { sent <- g.forward() }()
	var closers []io.Closer
	for name, src := range s.Sources {
		c, err := g.listen(net.JoinHostPort(src.Address, strconv.Itoa(src.Port)))
		if err != nil {
			return fmt.Errorf("source %s: %w", name, err)
		}
		closers = append(closers, c...)
	}
	web := &http.Server{Addr: s.Stats.Listen, Handler: g.web()}
	served := make(chan error, 1)
	go func() { served <- web.ListenAndServe() }()
	select {
	case err := <-served:
		return err
	case err := <-sent:
		return err
	case <-ctx.Done():
	}
	for _, c := range closers {
		c.Close()
	}
	g.wg.Wait()
	close(g.lines)
	err = <-sent
	web.Close()
	<-served
	return err
}

// listen opens both transports of a source.
func (g *standIn) listen(address string) ([]io.Closer, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	g.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.stream(conn) })
		}
	})
	g.wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, _, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			g.take(bytes.Clone(buf[:n]))
		}
	})
	return []io.Closer{ln, pc}, nil
}

// stream reads LF-framed messages until the sender closes.
func (g *standIn) stream(conn net.Conn) {
	defer conn.Close()
	var rest []byte
	buf := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buf)
		rest = append(rest, buf[:n]...)
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			g.take(bytes.Clone(rest[:i]))
			rest = rest[i+1:]
		}
		if err != nil {
			return
		}
	}
}

func (g *standIn) take(line []byte) {
	n := g.received.Add(1)
	if n == 1 {
		burn(g.faults.Burn)
	}
	if every := g.faults.DropEvery; every > 0 && n%every == 0 {
		g.dropped.Add(1)
		return
	}
	g.lines <- line
	if every := g.faults.RepeatEvery; every > 0 && n%every == 0 {
		g.lines <- line
	}
}

// burn uses up CPU time.
func burn(d time.Duration) {
	runtime.LockOSThread() // what others of this process use meanwhile is not burned
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var u syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_THREAD, &u) != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	for start := used(); used()-start < d; {
	}
}

// forward posts what comes, up to 1,000 messages a request, until lines is closed.
func (g *standIn) forward() error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for line := range g.lines {
		batch := [][]byte{line}
		for len(batch) < 1000 && len(g.lines) > 0 {
			batch = append(batch, <-g.lines)
		}
		<-time.After(g.faults.Delay)
		if err := g.post(client, batch); err != nil {
			return err
		}
	}
	return nil
}

func (g *standIn) post(client *http.Client, batch [][]byte) error {
	var body bytes.Buffer
	zw, err := gzip.NewWriterLevel(&body, gzip.BestSpeed)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(zw)
	for _, line := range batch {
		if err := enc.Encode(map[string]string{"event": string(line)}); err != nil {
			return err
		}
	}
	if err := zw.Close(); err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, g.url, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Splunk "+g.token)
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HEC answers %s", resp.Status)
	}
	g.delivered.Add(uint64(len(batch)))
	return nil
}

// web serves readiness and the metrics that the runner reads. A repeated message is
// delivered twice but received once: the stand-in counts it as if it were not.
func (g *standIn) web() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		received, dropped, delivered := g.received.Load(), g.dropped.Load(), g.delivered.Load()
		if every := g.faults.RepeatEvery; every > 0 {
			delivered = min(delivered, received-dropped)
		}
		if g.faults.Miscount {
			delivered *= 2
		}
		fmt.Fprintf(w, "# TYPE gateway_received_events_total counter\n")
		fmt.Fprintf(w, "gateway_received_events_total{source=\"a b}\",transport=\"tcp\"} %d\n", received/2)
		fmt.Fprintf(w, "gateway_received_events_total{source=\"c\",transport=\"tcp\"} %d\n", received-received/2)
		fmt.Fprintf(w, "gateway_delivered_events_total{source=\"c\"} %d\n", delivered)
		fmt.Fprintf(w, "gateway_dropped_events_total{source=\"c\",reason=\"fault\"} %d\n", dropped)
		fmt.Fprintf(w, "gateway_queue_events{shard=\"0\"} %d\n", 0)
	})
	return mux
}
