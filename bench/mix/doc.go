// Package mix makes the messages that the load generator sends: look-alikes of what
// UniFi, Palo Alto, Cisco ASA, Linux and Windows (Snare) senders emit.
//
// Each vendor has several templates (one file a vendor) whose fields are drawn from
// small pools, as in a real network: few devices and clients, some servers that are
// asked again and again, free-running counters and ports. That keeps the redundancy,
// and so the cost of compression, near that of real logs; a test holds the ratio and
// the mean length (338 bytes in equal shares) in their ranges.
//
// Messages are rendered once into a [Ring]; while sending only the digits of the
// markers (package marker) and, once a second, the header times are patched in place.
// The rest of a message repeats after one round of the ring, which is far
// longer than the 32 KiB window of gzip.
package mix
