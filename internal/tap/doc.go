// Package tap lets people see what is going through: some messages as they came in,
// beside the events that were made of them.
//
// # What is promised
//
// A [Hub] that nobody listens to costs the path one atomic load a turn of a loop. With
// listeners, whoever offers messages offers a sample that it bounds itself, and what a
// listener does not take in time is left out and counted: a tap never makes a message
// wait. The numbers of what was looked at and what was not come with the messages, so
// nobody takes a sample for the whole.
package tap
