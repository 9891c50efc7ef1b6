package queue

import (
	"time"

	"syslog-gateway/internal/queue/segment"
)

// dropOldest gives up the oldest segment of all shards. It returns false when
// there is none but those that are being written.
func (s *Store) dropOldest() bool {
	var victim *Shard
	var oldest int64
	for _, q := range s.shards {
		if since, ok := q.droppable(); ok && (victim == nil || since < oldest) {
			victim, oldest = q, since
		}
	}
	if victim == nil {
		return false
	}
	freed := victim.dropHead()
	if s.budget.low.Load() {
		s.budget.credit.Add(freed)
	}
	return true // also with nothing freed: the segment was consumed just now
}

// droppable says whether the shard has a segment to give up, and its age.
func (q *Shard) droppable() (since int64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.segs) < 2 || q.segs[0].late != nil { // nobody knows what would be lost
		return 0, false
	}
	return q.segs[0].since, true
}

// dropHead gives up the oldest segment of the shard, with what is in flight of
// it, and returns how many bytes that frees. The segment that is written to is
// never given up.
func (q *Shard) dropHead() int64 {
	q.io.Lock()
	defer q.io.Unlock()
	freed, events := q.abandonHead()
	if freed == 0 {
		return 0
	}
	// diskqueue holds the file open: its space comes free when it lets go.
	if err := q.attach(); err != nil {
		q.setFault(&q.writeFault, err)
	}
	if n, ok := q.dropping.Ready(time.Now(), alarmEvery); ok {
		q.log.Warn("queue is full: the oldest segment is dropped", "shard", q.index,
			"bytes", freed, "events", events, "segments_dropped_before", n)
	}
	return freed
}

func (q *Shard) abandonHead() (freed, events int64) {
	q.rd.Lock()
	defer q.rd.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.segs) < 2 || q.segs[0].late != nil {
		return 0, 0
	}
	s := q.segs[0]
	for i := range q.held {
		if e := &q.held[i]; e.seg == s && e.state != done {
			q.finish(e)
			q.ledger.Account(e.Source).DropQueued(dropOldest, int(e.events))
			events += int64(e.events)
		}
	}
	events += s.left.Events
	q.giveUp(s, dropOldest)
	if q.cur == s {
		q.moveTo(q.segs[1])
	}
	s.detached = true
	return s.size, events
}

// The reasons in the ledger.
const (
	dropOldest = "drop_oldest"
	dropBroken = "corrupt"
)

// giveUp books what was not handed out of a segment. The caller holds mu.
func (q *Shard) giveUp(s *segmentState, reason string) {
	for source, n := range s.left.BySource {
		if *n != 0 {
			q.ledger.Account(source).DropQueued(reason, int(*n))
		}
	}
	q.count(-s.left.Records, -s.left.Events, -s.left.Bytes)
	s.left = segment.Tally{}
}
