// Package loadgen sends numbered syslog messages to a receiver, cheaply enough to
// share its machine.
//
// A sender is one TCP connection, or one UDP socket, to each target port. It has one
// ring of messages (package mix) for each port and sends in batches: number the next run of
// the ring, hand it to the kernel in one write or one sendmmsg(2), go to the next
// port. So every port gets equally many messages at any time, whatever their length.
//
// Flat out every sender has its own goroutine and writes hundreds of messages at
// once. Paced there is one goroutine for all senders that wakes every millisecond and
// sends what is due; it reports how far it ever fell behind.
//
// Sequence numbers have no gaps: numbers are claimed batch by batch, and those of
// messages that the kernel refused are counted as errors.
package loadgen
