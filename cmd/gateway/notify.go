package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is how often `systemctl status` gets a new line.
const statusEvery = 10 * time.Second

// notifier tells systemd how the service is (sd_notify(3)); without systemd it does
// nothing.
type notifier struct {
	g        *gateway
	watchdog time.Duration // 0: no watchdog
}

func newNotifier(g *gateway) *notifier {
	n := &notifier{g: g}
	if d, err := daemon.SdWatchdogEnabled(false); err == nil {
		n.watchdog = d
	}
	return n
}

func (n *notifier) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.g.log.Debug("notify systemd", "error", err)
	}
}

func (n *notifier) ready()    { n.send(daemon.SdNotifyReady + "\nSTATUS=" + n.status()) }
func (n *notifier) stopping() { n.send(daemon.SdNotifyStopping + "\nSTATUS=draining") }

func (n *notifier) reloading() { n.send(daemon.SdNotifyReloading) }

// run feeds the watchdog and the status line until ctx is done.
func (n *notifier) run(ctx context.Context) {
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
		case <-tick.C:
			state := "STATUS=" + n.status()
			if n.watchdog > 0 {
				state = daemon.SdNotifyWatchdog + "\n" + state
			}
			n.send(state)
		}
	}
}

func (n *notifier) status() string {
	var received, delivered uint64
	var pending int64
	for _, a := range n.g.ledger.Accounts() {
		b := a.Balance()
		received += b.Received
		delivered += b.Delivered
		pending += b.Pending()
	}
	return fmt.Sprintf("received %d, delivered %d, pending %d", received, delivered, pending)
}
