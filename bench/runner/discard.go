package runner

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"syslog-gateway/bench/loadgen"
)

const (
	// discardBuffer is how much of a stream is read at once.
	discardBuffer = 256 << 10
	// datagramBuffer takes the head of a datagram; the kernel discards the rest.
	datagramBuffer = 64
	// datagramBacklog is what may wait at a UDP socket, as far as the kernel allows it.
	datagramBacklog = 8 << 20
)

// discarder reads what comes to some ports and forgets it.
type discarder struct {
	open []io.Closer
	wg   sync.WaitGroup
}

// discard opens the ports on 127.0.0.1.
func discard(transport string, ports []int) (*discarder, error) {
	d := &discarder{}
	for _, port := range ports {
		open := d.streams
		if transport == loadgen.UDP {
			open = d.datagrams
		}
		if err := open(local(port)); err != nil {
			return nil, errors.Join(fmt.Errorf("take what the load generator sends over %s: %w", transport, err), d.close())
		}
	}
	return d, nil
}

// streams takes connections at one address and reads each to its end.
func (d *discarder) streams(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	d.open = append(d.open, ln)
	d.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed
			}
			d.wg.Go(func() {
				defer conn.Close()
				drainReader(conn, discardBuffer)
			})
		}
	})
	return nil
}

// datagrams reads one address. What the kernel drops because that is too slow has
// been sent anyway.
func (d *discarder) datagrams(address string) error {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	d.open = append(d.open, conn)
	udp := conn.(*net.UDPConn)
	if err := udp.SetReadBuffer(datagramBacklog); err != nil {
		return err
	}
	d.wg.Go(func() { drainReader(udp, datagramBuffer) })
	return nil
}

// drainReader reads until an error, which is the end or says that it was closed.
func drainReader(r io.Reader, size int) {
	buf := make([]byte, size)
	for {
		if _, err := r.Read(buf); err != nil {
			return
		}
	}
}

// close ends the receiving; connections must have been ended by their senders.
func (d *discarder) close() error {
	var errs []error
	for _, c := range d.open {
		errs = append(errs, c.Close())
	}
	d.wg.Wait()
	return errors.Join(errs...)
}
