package ingest

import (
	"time"

	"syslog-gateway/internal/syslog"
)

// maxClocks is more than there are time zones. Each change of the settings brings new ones.
const maxClocks = 1024

// clocks has the Clock of each time zone of a Batcher's messages.
type clocks struct {
	byZone map[*time.Location]*syslog.Clock
	last   *syslog.Clock // that was asked for
}

// of returns the Clock of a zone.
func (c *clocks) of(zone *time.Location) *syslog.Clock {
	if c.last != nil && c.last.Location() == zone {
		return c.last
	}
	if c.last = c.byZone[zone]; c.last == nil {
		if c.byZone == nil || len(c.byZone) >= maxClocks {
			c.byZone = make(map[*time.Location]*syslog.Clock)
		}
		c.last = syslog.NewClock(zone)
		c.byZone[zone] = c.last
	}
	return c.last
}
