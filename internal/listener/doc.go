// Package listener owns the sockets of all sources: UDP, TCP and TLS ports, connections
// and their limits. It gives what it reads to package ingest.
//
// # Sockets
//
// A UDP port is bound by a gnet engine, whose loop drains the ready socket with
// recvmmsg(2). A TCP port is accepted from by a goroutine that enrols the connection in a
// gnet event loop; running out of file descriptors delays new connections and ends
// nothing (docs/adr/0002). TLS has a goroutine for each connection, because gnet has no
// TLS. gnet binds UDP with SO_REUSEPORT, with which a second process would silently take
// half of the traffic; so each port is first bound without it, and a port that somebody
// holds is an error.
//
// # Back-pressure
//
// Under back-pressure the listener's Batchers block. TCP and TLS connections
// are then not read, and their senders notice. A UDP sender cannot be slowed down: the
// kernel's receive buffer fills, and what the kernel drops is shown per source. UDP and
// TCP have loops of their own, so neither waits for the other's sockets.
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
// listeners with their backlogs, and empties the UDP sockets before it closes them, so
// that nothing is lost in between (docs/adr/0004).
//
// # What does not belong here
//
// What a message is and how it becomes an event: see package ingest.
//
// It has more than 1,500 lines: UDP, TCP and TLS share the event loops, the limits and the
// stop.
package listener
