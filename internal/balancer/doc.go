// Package balancer decides which shard takes a batch. It does no I/O and knows
// nothing of what a shard does with it.
//
// A [Policy] orders the candidates; the first that accepts gets the batch. A shard
// that is full or cannot write is passed over. When none accepts, Handle blocks
// until one has room again: that is how pressure reaches the sockets. Batches, not
// messages, go round: the balance is the same at a thousandth of the cost.
//
// Batches are not kept in order: a source's messages may reach the indexer in
// another order than they came in. With source_hash, a source's batches stay in one
// queue, in order, as long as that shard accepts; several requests in flight may
// still overtake each other.
package balancer
