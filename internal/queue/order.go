package queue

import (
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// moveMisplaced moves the segments that do not belong here into the corrupt folder.
func (q *Shard) moveMisplaced(sc *recovery.Shard) error {
	for _, s := range sc.Misplaced {
		if err := sc.RestoreName(q.root, s); err != nil {
			return err
		}
		to, err := quarantine.Move(q.root, q.name, s.Num, s.Path, quarantine.MisplacedSuffix)
		if err != nil {
			return err
		}
		if err := segment.Remove(s.Path + segment.UnsyncedSuffix); err != nil {
			return err
		}
		q.log.Error(saysMisplaced, "shard", q.index, "file", s.Path, "moved_to", to, "records", s.Records)
	}
	return nil
}

const saysMisplaced = "queue: the records of a segment do not follow those before it, so somebody has copied it here; " +
	"it is moved to the corrupt folder, and those of its records that are not queued are put back"
