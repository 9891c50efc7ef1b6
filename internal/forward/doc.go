// Package forward moves the records of the disk queue to a stream that several machines hold.
// A record leaves the disk queue when the stream has confirmed it: then it is secured, and the
// loss of this machine does not lose it.
//
//	disk queue → forward → stream
//
// While the stream takes nothing, the records stay in the disk queue, and senders notice
// nothing until that is full. What is published and not confirmed is published again under the
// same identifier, so that the stream has it once.
//
// What does not belong here: how a stream stores records (package jetstream).
package forward
