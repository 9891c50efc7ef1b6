// Package jetstream is a queue on NATS JetStream that several gateways share: it stores
// records in replicated streams and gives them out again. Any gateway delivers what any
// gateway has stored.
//
//	forward → Stream.Publish → stream, on a quorum of servers → Source → hec
//
// # Streams
//
// A stream keeps a record until it is acknowledged (work queue), and refuses a new one when it
// is full (discard new): a full stream is back-pressure, never a loss. Its name ends in its
// number: SYSLOG-00, SYSLOG-01, … All gateways share one durable consumer of each stream,
// which is never deleted or made anew. The package makes a stream that no gateway has seen
// yet. It never makes one that is gone, since what was in it would be forgotten in silence.
//
// # Records
//
// A message is the body of a record, as it is posted to HEC. Headers say the rest, with a
// checksum of the body. The identifier of the message is made of the gateway, the shard, the
// record's number and the time it was received: a queue that was removed and begins its
// numbers again does not repeat an identifier, which the servers would swallow as a
// duplicate.
//
// # Books
//
// A record that a gateway has taken is delivered, dead-lettered or given back. A record whose
// acknowledgement got lost is given out again, and counted as redelivered.
//
// Each gateway keeps its last report in the stream SYSLOG-BOOKS: all that it has counted since it
// joined the cluster. A new process goes on from there. All gateways read all reports and add
// them up. What is purged is taken and dropped, with a report of its own.
//
// # What does not belong here
//
// What is accepted from a sender is in the disk queue: see package queue. What moves it from
// there to a stream is package forward.
package jetstream
