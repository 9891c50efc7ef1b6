// Package senders remembers who sends, how much, and when last.
//
// # What is promised
//
// A [Book] has a page for each sender of each source, at most as many as its capacity:
// spoofed addresses can take no more memory than that. When it is full, the pages with
// the fewest messages go. So the heavy senders stay, as in the sketches of Metwally,
// Agrawal and El Abbadi ("Efficient computation of frequent and top-k elements in data
// streams", 2005): the count of a page is at most what its sender sent, and at most
// [Sender.Error] below it.
//
// Writing to a page is a few atomic additions, made once for a turn of a loop and never
// for a message. It waits for nobody.
//
// A sender is an address. Behind a relay or a load balancer that hides addresses, all
// devices are one sender. The book is in memory: it begins anew with the process.
package senders
