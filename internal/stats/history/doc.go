// Package history keeps what the gateway did over the last days: points in time, marked
// events, and an hour's volume as a text of its caller. It is in memory, and in one file of
// fixed size that survives restarts, a kill and a power cut.
//
// # The file
//
// The file is an array of slots. Each slot has a checksum and a place that follows from the
// time of its content, so nothing points to anything, and a torn slot costs only itself:
//
//	4 KiB       header: magic, version, size of the file
//	900 × 128   points of a second       the last 15 minutes
//	1440 × 128  points of a minute       the last 24 hours
//	1344 × 128  points of 15 minutes     the last 14 days
//	1024 × 512  events                   the last 1024
//	336 × 24 KiB  volumes of an hour     two places for each of the last 168 hours
//
// Slots of points and events do not cross a sector of 512 bytes. A volume is written to its
// two places in turn, so the one before survives a torn write.
//
// # Promises
//
// What was added is in the file within [FlushEvery], and on stable storage within
// [SyncEvery]. [Store.Add] and [Store.Mark] never wait for the disk. A file that cannot be
// understood is set aside beside its old place, and a new one begins. While the file cannot
// be written the history is in memory, and writing is tried again.
package history
