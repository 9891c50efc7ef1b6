package queue

import (
	"encoding/json"
	"path/filepath"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// storeStop writes the file for the metadata m. Without it the next start cannot tell
// what is missing, which is no reason to fail. The caller holds io.
func (q *Shard) storeStop(m segment.Meta) {
	f := segment.StopNote{Meta: string(m.Encode())}
	q.mu.Lock()
	open := make(map[*segmentState][]*entry)
	for i := range q.held {
		if e := &q.held[i]; e.state != done {
			open[e.seg] = append(open[e.seg], e)
		}
	}
	for _, s := range q.segs {
		if s.late != nil { // what is known of it is what the stop before has said
			for _, before := range s.late.sc.Stop {
				if before.Segment == s.num {
					f.Segments = append(f.Segments, before)
				}
			}
			continue
		}
		one := segment.StopSegment{Segment: s.num, Size: s.size, First: s.first, Last: s.last, Records: s.left.Records, Events: make(map[string]int64)}
		for source, n := range s.left.BySource {
			one.Events[source] += *n
		}
		for _, e := range open[s] {
			one.Records++
			one.Events[e.Source] += int64(e.events)
		}
		if one.Records > 0 {
			f.Segments = append(f.Segments, one)
		}
	}
	q.mu.Unlock()
	data, err := json.Marshal(f)
	if err == nil {
		err = durable.WriteFile(filepath.Join(q.dir, segment.StopName), data, segment.FileMode)
	}
	if err != nil {
		q.log.Warn("queue: what the stop has left is not noted; the next start cannot tell whether something is missing",
			"shard", q.index, "error", err)
	}
}

// reckon compares what the last stop has left in a segment with what was found of it.
// What is missing was never recovered and is lost: both are booked.
func (q *Shard) reckon(stop *segment.StopSegment, size int64, found *segment.Tally) {
	records, events := stop.Records-found.Records, int64(0)
	for source, n := range stop.Events {
		if there := found.BySource[source]; there != nil {
			n -= *there
		}
		if n > 0 {
			events += n
			account := q.ledger.Account(source)
			account.Recover(int(n))
			account.DropQueued(dropBroken, int(n))
		}
	}
	if records <= 0 && events == 0 {
		return
	}
	q.log.Error("queue: records that the last stop has left are missing: the segment was damaged, cut or removed since then. "+
		"They are counted as dropped", "shard", q.index, "file", q.path(stop.Segment), "bytes", size,
		"bytes_at_the_stop", stop.Size, "records", records, "events", events)
}

// reckonAll compares all that the last stop has left, but what cannot be read yet.
func (q *Shard) reckonAll(sc *recovery.Shard) {
	for i := range sc.Stop {
		stop := &sc.Stop[i]
		scan, found := &recovery.Segment{}, &segment.Tally{}
		for _, s := range sc.Segments {
			if s.Holds(stop) {
				scan, found = s, &s.Tally
				break
			}
			if s.Num == stop.Segment {
				scan = s
			}
		}
		if scan.Failed == nil {
			q.reckon(stop, scan.FileSize, found)
		}
	}
}

// reckonLate compares one that was read late.
func (q *Shard) reckonLate(sc *recovery.Shard, scan *recovery.Segment) {
	for i := range sc.Stop {
		stop := &sc.Stop[i]
		switch {
		case stop.Segment != scan.Num:
		case scan.Holds(stop):
			q.reckon(stop, scan.FileSize, &scan.Tally)
		default:
			q.reckon(stop, scan.FileSize, &segment.Tally{})
		}
	}
}
