// Package shard is the work between the balancer and a disk queue: it compresses a
// batch, once, and appends it to the queue as a record.
//
// A [Shard] holds at most its backlog of batches and the one it is working on. While
// its queue is full or cannot be written, it keeps that one and accepts no more, so
// the balancer uses the others. When the last batch has been appended, everything
// that the shard was given is on disk.
//
// A batch may owe receipts to its senders. The shard gives them when the record is in the
// queue, or has the queue do so when it is synced.
package shard
