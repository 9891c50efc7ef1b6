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

// makeRoom asks streams to give up their partial messages until the others are within the
// limit. It reports whether that of s, which asks, must go at once.
func (m *PartialMemory) makeRoom(s *Stream) (own bool) {
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
	return own || m.Held() > maxPartial+maxPartial/2
}

// Held is how many bytes all streams together hold.
func (m *PartialMemory) Held() int64 {
	held, _ := m.pool.Held()
	return held
}
