// Package listener owns the sockets of all sources: UDP, TCP and TLS ports, connections
// and their limits. It gives what it reads to package ingest.
//
// # Sockets
//
// UDP ports belong to package udp, which gives each datagram to a Receiver. A TCP port is
// accepted from by a goroutine that enrols the connection in a gnet event loop; running out of
// file descriptors delays new connections and ends nothing (docs/adr/0002). TLS and RELP have a
// goroutine for each connection: gnet has no TLS, and cannot stop reading one connection.
//
// While connections bring single lines, a loop pauses so that one read brings several
// (docs/adr/0014).
//
// # Back-pressure
//
// Under back-pressure the listener's Batchers block. TCP and TLS connections
// are then not read, and their senders notice. A UDP sender cannot be slowed down: the
// kernel's receive buffer fills, and what the kernel drops is shown per source. UDP and
// TCP have loops of their own, so neither waits for the other's sockets.
//
// # Answers
//
// A RELP sender keeps a message until it is answered, which happens when the batch of the
// message gives its receipt (package relp). So what has not ended or is not answered when a
// connection ends is left to the sender. A drain reads nothing more of it, waits for what
// was taken, and answers.
//
// # Bounds
//
// Connections, and the memory for partial messages, are limited for all senders together
// (package fairshare). When one of them runs out, the address that holds most gives up
// what its longest silent connection holds.
//
// # Proxies
//
// A connection from an address in Settings.Proxies passes an entrance: a goroutine reads its
// PROXY header, to the last byte, and then gives the connection to its event loop or to TLS,
// which know nothing of it. It counts in the limits from the beginning, under the proxy's
// address. In datagrams package ingest reads the header.
//
// # Restarts
//
// With an inherit.Store the sockets outlive the process. The next one takes over TCP
// listeners with their backlogs, and UDP sockets with what is in their buffers, so that
// nothing is lost in between (docs/adr/0004, 0011).
//
// # What does not belong here
//
// What a message is and how it becomes an event: see package ingest.
//
// It has more than 1,500 lines: TCP, TLS and RELP share the limits and the stop.
package listener
