package ingest

import (
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

// A message's own time that is farther than this from the receive time is replaced by it:
// a device without a battery-backed clock sends 1970, and no search finds events in the
// far future.
const (
	maxPast   = 30 * 24 * time.Hour
	maxFuture = 24 * time.Hour
)

// eventTime is the time of an event.
type eventTime struct {
	nanos int64 // since 1970
	// clamped says that the message's own time does not exist or is too far off, and that
	// the receive time is used instead.
	clamped bool
	// own says that the message has a time that exists, at this offset from its receipt;
	// zoned that it names its zone.
	own, zoned bool
	offset     time.Duration
}

// set sets the event's time, which is zero before: the time stamp of the parser or of the header,
// by the clock of its zone, or the receive time.
func (t *eventTime) set(c *clocks, s *sender, h *syslog.Header, r *dialect.Result, received int64) {
	t.nanos = received
	stamp := bestStamp(h, r)
	if stamp.IsZero() {
		return
	}
	at, ok := c.of(zoneOf(s, r)).Instant(stamp, received)
	if !ok {
		t.clamped = true
		return
	}
	t.own, t.zoned = true, stamp.Kind != syslog.Local
	t.offset = time.Duration(max(at, 0) - received) // no overflow for the years before 1786
	if t.offset < -maxPast || t.offset > maxFuture {
		t.clamped = true
		return
	}
	t.nanos = at
}

// bestStamp is the time that the parser found, or the header's.
func bestStamp(h *syslog.Header, r *dialect.Result) *syslog.Stamp {
	if r.Stamp.IsZero() {
		return &h.Stamp
	}
	return &r.Stamp
}

// zoneOf is the zone of times that name none: the one that a pack or a look-up names, or the
// sender's.
func zoneOf(s *sender, r *dialect.Result) *time.Location {
	if r.Location != nil {
		return r.Location
	}
	return s.zone
}
