// Package listener turns what arrives at sockets into batches of HEC events.
//
// # What happens to a message
//
// An event loop (gnet) receives bytes and cuts them into messages; an [Intake]
// scans, classifies and encodes each one and appends it to the open batch of its
// source. Per message there is no allocation, lock or clock read; a turn of the
// loop takes the intake's lock and the time once. A batch is sealed by size, count
// or age and handed to the [Sink].
//
// # What is promised
//
// Every message that was read is booked in the ledger as received, and ends in a
// sealed batch or as a counted drop. Any bytes become an event: what no parser
// knows is delivered as it is and counted as unparsed.
//
// # Back-pressure
//
// The Sink blocks when no shard can take a batch, and so does the pool when all
// batches are lent. TCP and TLS connections are then not read any more, and their
// senders feel it. UDP has nobody to push back to: the kernel's receive buffer
// fills, and what it drops is read from the kernel and shown per source. UDP and
// TCP have loops of their own, so one never waits for the other's sockets.
//
// # Sockets
//
// A UDP port is bound by a gnet engine, whose loop drains the ready socket with
// recvmmsg(2). A TCP port is accepted from by a goroutine that enrols the connection
// in a gnet event loop; running out of file descriptors delays new connections and
// ends nothing (docs/adr/0002). TLS has a goroutine for each connection, because
// gnet has no TLS. gnet binds UDP with SO_REUSEPORT, with which a second process
// would silently take half of the traffic; so each port is first bound without it,
// and a port that somebody holds is an error.
//
// # Bounds
//
// Nobody has a share of the connections and of the memory for partial messages. When
// they run out, the address that holds most gives up what its longest silent
// connection holds.
//
// # Restarts
//
// With a [Keeper] the sockets outlive the process: the next one takes over TCP
// listeners with their backlogs, and empties the UDP sockets into its intakes before
// it closes them, so that nothing is lost in between (docs/adr/0004).
package listener
