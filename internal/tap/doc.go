// Package tap shows people a sample of the traffic: messages as they were received, with
// the events that were made of them.
//
// A [Ring] keeps the newest of some messages, for people who look later.
//
// # What is promised
//
// A tap never makes a message wait. Without listeners a [Hub] costs one atomic load for
// each read of a loop. With listeners, the sender of the messages bounds how many it
// offers, and a message for which a listener has no room is discarded and counted. The
// numbers of examined and received messages come with the sample, so that it is not taken
// for all of the traffic.
package tap
