//go:build linux

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/systemd"
)

// statusEvery is how often `systemctl status` gets a new line.
const statusEvery = 10 * time.Second

// health watches over the running gateway and tells systemd about it.
type health struct {
	g        *Gateway
	systemd  systemd.Notifier
	watchdog time.Duration // 0: no watchdog
	senders  senderWatch
	last     counts
	left     uint64 // events that had left the memory
	stopping atomic.Bool
}

func newHealth(g *Gateway) *health {
	n := &health{g: g, systemd: systemd.NewNotifier(g.log), watchdog: systemd.WatchdogInterval()}
	n.last = n.counts()
	return n
}

func (n *health) ready() { n.systemd.Ready(n.status(counts{}, n.counts())) }

func (n *health) stop() {
	n.stopping.Store(true)
	n.systemd.Stopping("stopping: what has been received is written to the queue, and delivered as far as there is time")
}

func (n *health) reloading() { n.systemd.Reloading("reloading the configuration") }

// run feeds the watchdog and the status line until ctx is done. The watchdog is fed
// only while all loops turn.
func (n *health) run(ctx context.Context) {
	every := statusEvery
	if n.watchdog > 0 {
		every = min(every, n.watchdog/3)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			n.tick(now)
		}
	}
}

func (n *health) tick(now time.Time) {
	if n.stopping.Load() {
		n.systemd.Alive("") // TimeoutStopSec= limits the stop
		return
	}
	if err := n.stuck(now); err != nil {
		n.g.log.Error("a part of the gateway hangs; the watchdog is not fed", "error", err)
		n.systemd.Status("hangs: " + err.Error())
		return
	}
	c := n.counts()
	status := n.status(n.last, c)
	n.last = c
	if n.watchdog > 0 {
		n.systemd.Alive(status)
	} else {
		n.systemd.Status(status)
	}
}

// stuck says which part does not turn any more. Loops that wait for room do as they
// should when the queue is full, its disk fails, or it takes what others bring.
func (n *health) stuck(now time.Time) error {
	if n.watchdog == 0 {
		return nil
	}
	left := n.leftMemory()
	excused := left != n.left || n.g.store.Full() || n.g.store.Healthy() != nil
	n.left = left
	if err := n.g.listener.Stuck(n.watchdog/2, excused); err != nil {
		return err
	}
	return n.senders.check(n.g, now)
}

// senderWatch sees whether the senders still try. They never rest for longer than
// an attempt, its acknowledgement and the pause after it may take, but while the disk
// does not give them anything.
type senderWatch struct {
	requests uint64
	since    time.Time // nothing was sent since, although there was something to send
}

// senderSlack is what senders may take beyond the configured times: the longest
// Retry-After that is obeyed is a minute.
const senderSlack = 2 * time.Minute

func (w *senderWatch) check(g *Gateway, now time.Time) error {
	var requests uint64
	for _, e := range g.client.Endpoints() {
		requests += e.Requests
	}
	if st := g.store.Stats(); requests != w.requests || w.since.IsZero() || st.Records == 0 || st.ReadFault != "" || !g.client.AnyUp() {
		w.requests, w.since = requests, now
		return nil
	}
	c := g.config.Load().HEC
	limit := c.Timeout + c.Retry.Max + senderSlack
	if c.Ack.Enabled {
		limit += c.Ack.Timeout
	}
	if idle := now.Sub(w.since); idle > limit {
		return fmt.Errorf("nothing has been sent for %s, although an endpoint is up and the queue is not empty", idle.Round(time.Second))
	}
	return nil
}

// counts is what the status line takes rates from.
type counts struct {
	at                  time.Time
	received, delivered uint64
	pending             int64
}

func (n *health) counts() counts {
	c := counts{at: time.Now()}
	for _, a := range n.g.ledger.Accounts() {
		b := a.Balance()
		c.received += b.Received
		c.delivered += b.Delivered
		c.pending += b.Pending()
	}
	return c
}

// leftMemory counts the events that came and are in memory no more: it grows while
// the queue takes anything.
func (n *health) leftMemory() (events uint64) {
	for _, a := range n.g.ledger.Accounts() {
		b := a.Balance()
		events += b.Received - uint64(b.InMemory)
	}
	return events
}

// status is the line in `systemctl status`: the rates since the last one, and the
// worst trouble.
func (n *health) status(last, c counts) string {
	var rate func(now, before uint64) float64
	if d := c.at.Sub(last.at).Seconds(); last.at.IsZero() || d <= 0 {
		rate = func(uint64, uint64) float64 { return 0 }
	} else {
		rate = func(now, before uint64) float64 { return float64(now-before) / d }
	}
	text := fmt.Sprintf("receiving %.0f/s, delivering %.0f/s, %d waiting",
		rate(c.received, last.received), rate(c.delivered, last.delivered), c.pending)
	if t := n.trouble(); t != "" {
		text += "; " + t
	}
	return text
}

// trouble is the worst of what is wrong, in one sentence that says what to do.
func (n *health) trouble() string {
	switch err := n.g.store.Healthy(); {
	case err != nil:
		return firstProblem(err)
	case n.g.store.Stats().LowSpace:
		return fmt.Sprintf("the queue is full because its file system has less than queue.min_free left: make room in %s", n.g.config.Load().Queue.Path)
	case n.g.store.Full():
		return "the queue is full: see to Splunk, or raise queue.max_size"
	case !n.g.client.AnyUp():
		return "no HEC endpoint is up: the queue takes what comes"
	}
	if critical, summary := n.g.stats.Monitor().Critical(); critical { // such as posts that all fail
		return summary
	}
	for _, s := range n.g.listener.Status() {
		if want := int(n.g.config.Load().Sources[s.Balance.Source].ReceiveBuffer); s.Sockets != nil && s.ReceiveBuffer < want {
			return fmt.Sprintf("the kernel gives UDP %s of receive buffer where %s are wanted: raise net.core.rmem_max (on the host of a container)",
				config.Size(s.ReceiveBuffer), config.Size(want))
		}
	}
	return ""
}

// NotifyFailure leaves the reason of a failure in `systemctl status`.
func NotifyFailure(err error) {
	systemd.NewNotifier(slog.New(slog.DiscardHandler)).Status("failed: " + firstProblem(err) + remedy(err))
}

// remedy says what to do about what the system refused.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "; make room on that file system, the service starts again by itself"
	case errors.Is(err, fs.ErrPermission):
		return "; the service runs as user syslog-gateway, which has to have access"
	}
	return ""
}

// firstProblem returns the first line of an error that may join several, and how many
// more there are.
func firstProblem(err error) string {
	first, rest, more := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if !more {
		return first
	}
	return fmt.Sprintf("%s (and %d more in the journal)", first, strings.Count(rest, "\n")+1)
}
