// Package systemd is how a service speaks to systemd: its state, the watchdog, and lines
// for the journal. Without systemd it does nothing. What the state is belongs to its
// callers.
package systemd

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notifier sends the state of the service (sd_notify(3)).
type Notifier struct{ log *slog.Logger }

// NewNotifier returns a notifier that logs what it cannot send.
func NewNotifier(log *slog.Logger) Notifier { return Notifier{log} }

func (n Notifier) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.log.Debug("notify systemd", "error", err)
	}
}

// Ready says that the service works, or that a reload has ended.
func (n Notifier) Ready(status string) { n.send(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// Stopping says that the stop has begun.
func (n Notifier) Stopping(status string) { n.send(daemon.SdNotifyStopping + "\nSTATUS=" + status) }

// Reloading says that a reload begins, and when, as Type=notify-reload needs it.
func (n Notifier) Reloading(status string) {
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d\nSTATUS=%s", daemon.SdNotifyReloading, monotonic().Microseconds(), status))
}

// Status sets the line of `systemctl status`.
func (n Notifier) Status(status string) { n.send("STATUS=" + status) }

// Alive feeds the watchdog and, unless it is empty, sets the line of `systemctl status`.
func (n Notifier) Alive(status string) {
	state := daemon.SdNotifyWatchdog
	if status != "" {
		state += "\nSTATUS=" + status
	}
	n.send(state)
}

// WatchdogInterval is how often the watchdog has to be fed; 0 means that there is none.
func WatchdogInterval() time.Duration {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return d
}
