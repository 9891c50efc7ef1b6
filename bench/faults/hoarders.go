package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit/abort"
)

// A hoarder, at 127.0.0.1, holds all that there is; the others come from 127.0.0.2 on.
const (
	unfinished     = 1100
	unfinishedSize = 62 << 10 // 68 MB of them, where 64 MiB may be
	hoarded        = 10_000   // connections, the default of max_connections
	newcomers      = 100
	ofNewcomer     = 200 // messages
)

// hoarderRows have one host that takes everything that all share.
func hoarderRows() []Row {
	l := func(*Options) layout { return layout{numbers: newcomers * ofNewcomer, production: true} }
	return []Row{
		on(fmt.Sprintf("hoarders: %d unfinished lines of one host", unfinished), l, unfinishedLines),
		on(fmt.Sprintf("hoarders: %d idle connections of one host", hoarded), l, idleConnections),
	}
}

// dialFrom connects to the gateway from an address of this machine.
func dialFrom(ctx context.Context, r *rig, last int) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(last))}}
	return d.DialContext(ctx, "tcp", local(r.port))
}

// dialNewcomer sends its messages with a pause in the middle of one, and returns the
// connection.
func dialNewcomer(ctx context.Context, r *rig, i int) (net.Conn, error) {
	c, err := dialFrom(ctx, r, 2+i)
	if err != nil {
		return nil, fmt.Errorf("newcomer %d cannot connect: %w", i, err)
	}
	stamp := marker.NewStamp(time.Now().UnixMicro())
	var buf []byte
	for n := range ofNewcomer {
		buf = appendLine(buf, i*ofNewcomer+n, &stamp)
	}
	half := len(buf)/2 + lineLen/3
	if _, err = c.Write(buf[:half]); err == nil {
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // so that the gateway reads half a line
		}
		_, err = c.Write(buf[half:])
	}
	if err != nil {
		return c, fmt.Errorf("newcomer %d cannot send: %w", i, err)
	}
	return c, nil
}

// othersDeliver lets all newcomers send, keeps their connections, and wants all that they
// sent to arrive whole and once.
func othersDeliver(ctx context.Context, r *rig) error {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range newcomers {
		c, err := dialNewcomer(ctx, r, i)
		if c != nil {
			conns = append(conns, c)
		}
		if err != nil {
			return err
		}
	}
	return r.settleStrictly(ctx, newcomers*ofNewcomer, rowLimit)
}

// hoard holds connections of 127.0.0.1 until ctx ends.
type hoard struct {
	r     *rig
	conns []net.Conn
}

func (h *hoard) open(ctx context.Context, n int) error {
	for range n {
		c, err := dialFrom(ctx, h.r, 1)
		if err != nil {
			return fmt.Errorf("the hoarder has %d connections and cannot open more: %w", len(h.conns), err)
		}
		h.conns = append(h.conns, c)
	}
	return nil
}

func (h *hoard) close() {
	for _, c := range h.conns {
		c.Close()
	}
}

// unfinishedLines has a host begin more lines than the gateway keeps, and go on with
// each by a byte a second, so that none is silent.
func unfinishedLines(ctx context.Context, r *rig) error {
	r.tally.noise = true
	abort.Must(r.start(ctx))
	h := &hoard{r: r}
	defer h.close()
	abort.Must(h.open(ctx, unfinished))
	line := append([]byte("<13>"), bytes.Repeat([]byte{'h'}, unfinishedSize)...)
	for _, c := range h.conns {
		if _, err := c.Write(line); err != nil {
			return fmt.Errorf("begin a line: %w", err)
		}
	}
	abort.Must(r.until(ctx, rowLimit, "the gateway cuts lines because its memory is full", func() bool {
		s, err := r.web.scrape(ctx)
		return err == nil && s.sum("gateway_partial_messages_total", `reason="full"`) > 0
	}))
	going, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			for _, c := range h.conns {
				_, _ = c.Write([]byte{'h'})
			}
			select {
			case <-going.Done():
				return
			case <-tick.C:
			}
		}
	}()
	err := othersDeliver(ctx, r)
	stop()
	<-ended
	s, scrapeErr := r.web.scrape(ctx)
	r.res.detail("%d of the hoarder's lines were cut", s.sum("gateway_partial_messages_total", `reason="full"`))
	return errors.Join(err, scrapeErr)
}

// idleConnections has a host take all connections, and open more and more while others
// come.
func idleConnections(ctx context.Context, r *rig) error {
	r.tally.noise = true
	abort.Must(r.start(ctx))
	n := hoarded
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if most := int(min(files.Cur, 1<<20)) * 4 / 5; n > most { // it is the gateway's limit, too
		n = most
	}
	h := &hoard{r: r}
	defer h.close()
	abort.Must(h.open(ctx, n))
	going, stop := context.WithCancel(ctx)
	ended := make(chan int)
	go func() {
		opened := 0
		for ; going.Err() == nil; opened++ {
			c, err := dialFrom(going, r, 1)
			if err != nil {
				continue
			}
			h.conns[opened%n].Close()
			h.conns[opened%n] = c
		}
		ended <- opened
	}()
	err := othersDeliver(ctx, r)
	stop()
	more := <-ended
	s, scrapeErr := r.web.scrape(ctx)
	gone := s.sum("gateway_connections_rejected_total", "")
	r.res.detail("%d idle connections and %d more while the others sent; %d were closed to make room", n, more, gone)
	r.res.problemIf(n == hoarded && gone == 0, "no connection was closed, so there was room for all")
	return errors.Join(err, scrapeErr)
}
