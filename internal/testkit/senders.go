package testkit

import (
	"bufio"
	"fmt"
	"net"
	"time"
)

// Datagrams sends so many datagrams each millisecond until stop is closed. format has the
// place of a datagram's number.
func Datagrams(c net.Conn, each int, format string, stop <-chan struct{}) (sent int) {
	begin, tick := time.Now(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return sent
		case <-tick.C:
		}
		for due := min(int(time.Since(begin).Milliseconds())*each, sent+10*each); sent < due; {
			if _, err := fmt.Fprintf(c, format, sent); err == nil {
				sent++
			}
		}
	}
}

// Reconnecting sends lines, 2,000 a second, until stop is closed, and heeds the half-close
// by which the gateway says that it stops: it closes and connects again. format has the
// place of a line's number.
func Reconnecting(dial func() (net.Conn, error), format string, stop <-chan struct{}) (sent int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := dial(); err == nil {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = bufio.NewReader(c).ReadByte()
			}()
			sent = sendLines(c, sent, format, stop, ended, tick.C)
			c.Close()
			<-ended
		}
		select {
		case <-stop:
			return sent
		case <-tick.C:
		}
	}
}

func sendLines(c net.Conn, sent int, format string, stop, ended <-chan struct{}, tick <-chan time.Time) int {
	for {
		select {
		case <-stop:
			return sent
		case <-ended:
			return sent
		case <-tick:
		}
		for range 10 {
			if _, err := fmt.Fprintf(c, format, sent); err != nil {
				return sent
			}
			sent++
		}
	}
}
