package ingest

import (
	"log/slog"
	"time"

	"syslog-gateway/internal/fairshare"
	"syslog-gateway/internal/throttle"
)

// maxPartial bounds what all streams together keep of messages that have not ended yet,
// in bytes. There may be half as much again until the streams that were asked to give
// theirs up have done so.
const maxPartial = 64 << 20

// PartialMemory bounds the memory for partial messages of all streams together. When it
// is full, the address that holds most has its longest silent partial message delivered
// as far as it came.
type PartialMemory struct {
	pool     fairshare.Pool[*Stream]
	logger   *slog.Logger // optional
	throttle throttle.Throttle
}

// NewPartialMemory returns a memory without partial messages. logger is optional.
func NewPartialMemory(logger *slog.Logger) *PartialMemory { return &PartialMemory{logger: logger} }

// reclaim asks streams to give up their partial messages until the others are within the
// limit. It reports whether s, which asks, must give up its own at once.
func (m *PartialMemory) reclaim(s *Stream) (own bool) {
	for {
		share, holds := m.pool.Victim(maxPartial)
		if share == nil {
			break
		}
		victim := share.Member()
		if m.logger != nil {
			if _, ok := m.throttle.Ready(time.Now(), logEvery); ok {
				m.logger.Warn("a message that has not ended is delivered cut to make room", "source", victim.source.name,
					"address", victim.peer, "its_bytes", holds, "reason", "partial_messages")
			}
		}
		if victim == s {
			own = true
		} else {
			victim.giveUp()
		}
	}
	return own || m.Used() > maxPartial+maxPartial/2
}

// Used is how many bytes all streams use together.
func (m *PartialMemory) Used() int64 {
	used, _ := m.pool.Total()
	return used
}
