package listener

import (
	"log/slog"

	"syslog-gateway/internal/throttle"
)

// hoard keeps what senders can hoard within its limits: connections and memory for
// partial messages.
type hoard struct {
	log   *slog.Logger
	tails *pot // bytes, all sources together
	seats *pot // connections, all sources together
	noisy throttle.Throttle
}

func newHoard(log *slog.Logger) *hoard {
	return &hoard{log: log, tails: newPot(), seats: newPot()}
}

// enter counts a new connection in. When its source, or all together, have more than
// they may, others are asked to close: the longest silent ones of the addresses that
// hold most.
func (h *hoard) enter(s *stream, limit int64) {
	s.source.seats.set(&s.seat, 1)
	h.seats.set(&s.place, 1)
	h.evict(s.source.seats, int64(s.source.settings().MaxConnections), rejectMaxConnections)
	h.evict(h.seats, limit, rejectDescriptors)
}

func (h *hoard) evict(p *pot, limit int64, reason string) {
	for {
		victim, holds := p.victim(limit)
		if victim == nil {
			return
		}
		victim.source.seats.dismiss(&victim.seat)
		h.seats.dismiss(&victim.place)
		victim.source.reject(reason)
		h.tell("a connection is closed to make room for a new one", victim, reason, "its_connections", holds)
		victim.order(true)
	}
}

// leave counts a connection out.
func (h *hoard) leave(s *stream) {
	s.source.seats.set(&s.seat, 0)
	h.seats.set(&s.place, 0)
}

// relieve has messages delivered as far as they came until the tails are within their
// limit. It reports whether one of them is that of s, who asks.
func (h *hoard) relieve(s *stream) (own bool) {
	for {
		victim, holds := h.tails.victim(maxTails)
		if victim == nil {
			return own
		}
		h.tell("a message that has not ended is delivered cut to make room", victim, "partial_messages", "its_bytes", holds)
		if victim == s {
			own = true
		} else {
			victim.order(false)
		}
	}
}

func (h *hoard) tell(what string, victim *stream, reason, amount string, holds int64) {
	if h.log != nil && ready(&h.noisy) {
		h.log.Warn(what, "source", victim.source.Name(), "address", victim.peer, amount, holds, "reason", reason)
	}
}
