// Package senders remembers who sends, how much, and when last.
//
// # What is promised
//
// A [Book] has a page for each host at each address of each source, at most as many as its capacity:
// spoofed addresses can take no more memory than that. When it is full, the pages with
// the fewest messages go. So the heavy senders stay, as in the sketches of Metwally,
// Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements in data
// streams", 2005): the count of a page is at most what its sender sent, and at most
// [Sender.Error] below it.
//
// Writing to a page is a few atomic operations, made once for a turn of a loop and never
// for a message. It waits for nobody.
//
// An address whose messages have several hosts is a relay; each host has a page then, and
// the messages without a host have one of their own. The book is in memory: it begins anew
// with the process.
//
// # Times
//
// A page also knows how far the times in the messages are from their receipt ([Skew]). A
// wrong zone shows as a constant offset near a multiple of 15 minutes. A backlog that a
// relay sends after an outage is as late, but its offset moves, or its times lie in the
// pause of the sender.
package senders
