package queue

import (
	"encoding/json"
	"path/filepath"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

// storeStopState stores what is queued in each segment, for the metadata m. Without it the
// next start cannot check whether something is missing, which is no reason to fail.
func (l *diskLog) storeStopState(m segment.Meta) {
	state := segment.StopState{Meta: string(m.Encode())}
	l.win.with(func(s *windowState) { state.Segments = s.stopSegments() })
	data, err := json.Marshal(state)
	if err == nil {
		err = durable.WriteFile(filepath.Join(l.dir, segment.StopName), data, segment.FileMode)
	}
	if err != nil {
		l.log.Warn("queue: the stop state cannot be stored; the next start cannot check whether something is missing", "error", err)
	}
}

// stopSegments returns what is queued in each segment.
func (s *windowState) stopSegments() (all []segment.StopSegment) {
	open := make(map[*segmentState][]*entry)
	for i := range s.out.entries {
		if e := &s.out.entries[i]; e.state != done {
			open[e.seg] = append(open[e.seg], e)
		}
	}
	for _, seg := range s.segs {
		if seg.late != nil { // all that is known of it is the previous stop state
			for _, before := range seg.late.sc.Stop {
				if before.Segment == seg.num {
					all = append(all, before)
				}
			}
			continue
		}
		one := segment.StopSegment{Segment: seg.num, Size: seg.size, First: seg.first, Last: seg.last,
			Records: seg.ahead.Records, Events: make(map[string]int64)}
		for source, n := range seg.ahead.BySource {
			one.Events[source] += *n
		}
		for _, e := range open[seg] {
			one.Records++
			one.Events[e.Source] += int64(e.events)
		}
		if one.Records > 0 {
			all = append(all, one)
		}
	}
	return all
}
