package queue

// PendingBytes is what is stored and not acknowledged: a cheap reading for whoever
// balances the shards.
func (q *Shard) PendingBytes() int64 { return q.bytes.Load() }
