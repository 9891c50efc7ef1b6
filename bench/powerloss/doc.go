// Package powerloss pulls the plug: it runs the real gateway on a disk that forgets what was
// not synced (package disk), cuts the power under load, starts the gateway on what the cut
// has left, and counts every message. It does the same with provision, whose cluster
// lives on.
//
// # The oracle
//
// At each cut the disk knows which records the queue had written, when, and whether they
// were on stable storage: bytes and name. The records are found and read here, with no code
// of the queue. A message that was in a record on stable storage is synced: it must
// reach the endpoint or the dead-letter store in the end, whatever came between. A message
// that was written and not synced may be lost; for how long it had been written is the
// figure that queue.sync_interval promises. How long before the cut the oldest lost message
// was sent is what a power loss costs a sender without acknowledgements.
//
// # Seeds
//
// A series is one disk, one sender and some cuts, one after the other. Its seed decides
// what is done before each cut and what the cut leaves of what waits; the moment within the
// gateway's work is the machine's. So a failing series is played again by its seed, as
// often as needed.
//
// # Controls
//
// Two series must lose, else the lab sees nothing: a disk that lies about fsync, and a long
// queue.sync_interval.
package powerloss
