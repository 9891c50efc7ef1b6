package queue

// moveMisplaced moves the segments that do not belong here into the corrupt folder.
func (q *Shard) moveMisplaced(sc *shardScan) error {
	for _, s := range sc.misplaced {
		if err := sc.restoreName(q.root, s); err != nil {
			return err
		}
		to, err := moveAside(q.root, q.name, s.num, s.path, misplacedSuffix)
		if err != nil {
			return err
		}
		if err := remove(s.path + doubtSuffix); err != nil {
			return err
		}
		q.log.Error(saysMisplaced, "shard", q.index, "file", s.path, "moved_to", to, "records", s.records)
	}
	return nil
}
