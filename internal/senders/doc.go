// Package senders counts who sends how much, and when last.
//
// # What is promised
//
// A [Table] has an [Entry] for each host at each address of each source. Its capacity
// bounds the memory that spoofed addresses can take. A full table removes the entries with
// the fewest messages, so the heavy senders stay, as in the sketches of Metwally, Agrawal
// and El Abbadi ("Efficient computation of frequent and top-k elements in data streams",
// 2005): the count of an entry is at most what its sender sent, and at most [Sender.Error]
// below it.
//
// An entry also counts the first classes of its events by themselves, and the messages of
// which there is no event by reason.
//
// Adding to an entry takes a few atomic operations and no lock. It is done once for each
// read of a loop, not for each message.
//
// An address whose messages have several hosts is a relay. Each host has an entry, and so
// have the messages without a host. The table is in memory and begins empty with the
// process.
//
// # Times
//
// An entry also has the [Skew] between the times in the messages and their receipt. A wrong
// zone shows as a constant offset near a multiple of 15 minutes. A backlog that a relay
// sends after an outage is late too, but its offset changes, or its times are in the
// sender's pause.
package senders
