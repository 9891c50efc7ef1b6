// Package ingest turns the messages of one source into batches of HEC events. It is what
// `gateway run` and `gateway parse` share.
//
// # The path of a message
//
// A [Stream] cuts the bytes of one connection into messages, and [Datagrams]
// the datagrams of one UDP port. Both give each message to a [Batcher]. The Batcher
// parses it, applies the rule for its class, and appends its event as JSON to the open
// batch of the message's vendor family. batcher.go has these steps from top to bottom. A
// batch is sealed by size, by count or by age, and handed to the [Sink].
//
// The messages that one call read are one read. A read takes the Batcher's lock, reads the
// clock and writes to the ledger once. A message costs no allocation, lock or clock read.
//
// # What is promised
//
// Every message is counted in the ledger as received, and ends in a sealed batch or as a
// counted drop. Any bytes become an event: what no parser recognises is delivered
// unchanged and counted as unparsed.
//
// # Back-pressure
//
// The Sink blocks while no shard can take a batch, and the pool blocks while all batches
// are in use. Then the Batcher blocks, with its lock held, and its caller too.
//
// # Receipts
//
// A message by RELP is owed an answer. Its batch carries that (event.Receipts), and whoever
// stores the batch gives it. A message that ends in no batch is answered at once.
//
// # What does not belong here
//
// Sockets, connections, their limits, and anything that needs a certain operating
// system: see package listener.
//
// It has more than 1,500 lines: a message passes through all of it in one call, without an
// interface between.
package ingest
