package hecsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"syslog-gateway/bench/marker"
)

// lineBuffer is how much of a stream is read at once.
const lineBuffer = 256 << 10

// RunLines counts the messages of syslog streams on ln until ctx ends, for subjects that
// have no HEC output. A connection is read to its end or to ctx's.
func (s *Sink) RunLines(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer stop()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if conn != nil {
				_ = conn.Close()
			}
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("accept streams on %s: %w", ln.Addr(), err), ln.Close())
		}
		s.tally.update(func(c *counts) { c.Streams++ })
		wg.Go(func() { s.stream(ctx, conn) })
	}
}

// stream counts the markers of one connection.
func (s *Sink) stream(ctx context.Context, conn net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	var f findings
	buf := make([]byte, lineBuffer)
	kept := 0 // bytes in front that may begin a marker
	for {
		n, err := conn.Read(buf[kept:])
		if n > 0 {
			f.reset()
			used := f.stream(buf[:kept+n])
			s.tally.take(&f, n, n, time.Now())
			kept = copy(buf, buf[used:kept+n])
		}
		if err != nil {
			return // how a stream ends says nothing about what it held
		}
	}
}

// stream takes the markers of a piece of a stream and returns how much of it is done with:
// what is left may begin a marker.
func (f *findings) stream(piece []byte) (used int) {
	for {
		m, end, ok := marker.Find(piece[used:])
		if !ok {
			break
		}
		f.markers = append(f.markers, m)
		used += end
	}
	// A marker that is not whole lies in the last bytes.
	tail := max(used, len(piece)-marker.Len+1)
	if i := bytes.IndexByte(piece[tail:], '~'); i >= 0 {
		return tail + i
	}
	return len(piece)
}
