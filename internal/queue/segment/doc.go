// Package segment is the bytes of a queue on disk: the names of the files, records, the
// headers of a segment, and the small files beside them. It holds no lock, keeps no count
// and decides nothing. What does not belong here: which file is read, repaired or removed.
//
// # Files
//
//	Path/
//	  lock                              locked, like the folder itself, by the one process
//	                                    that uses the queue
//	  corrupt/                          see package quarantine
//	  shard-00/
//	    events.diskqueue.meta.dat       diskqueue's: depth, read position, write position
//	    events.diskqueue.acked.json     which records are acknowledged
//	    events.diskqueue.000012.dat     a segment: records, one after the other
//	    events.diskqueue.000013.dat     the last one is written to
//	    events.diskqueue.000013.dat.doubt   its last sync has failed; text: how many
//	                                    bytes were on stable storage before
//	    events.diskqueue.stop.json      what was queued in each segment at Close
//
// Segments are never changed in place, with two exceptions: a torn tail is truncated, and
// the whole file is replaced by a copy.
//
// # A record
//
// All numbers are big endian.
//
//	  0  u32  diskqueue's length: of all that follows
//	     ---- header
//	+ 0  u32  magic 89 'S' 'Q' 1A, which cannot occur in JSON text
//	+ 4  u8   version, 1
//	+ 5  u8   flags: event.Encoding of the body
//	+ 6  u16  length of the header, 45 + n
//	+ 8  u32  CRC-32C of the header without these four bytes
//	+12  u32  CRC-32C of the body
//	+16  u64  number: grows with each record of the shard, also over restarts, as long as
//	          one segment or the list of acknowledged records is left; by one, but for
//	          what damage may hide
//	+24  i64  when the first event was received, Unix nanoseconds; 0: unknown
//	+32  u32  events in the body
//	+36  u32  length of the body before compression
//	+40  u32  length of the body
//	+44  u8   n, length of the source's name
//	+45  n    the source's name
//	     ---- body
//
// # The list of acknowledged records
//
// acked.json lists the acknowledged records, those before the read position included, as
// stretches of numbers: first and last segment, first and last number. There is one stretch
// more than there are unacknowledged records. Of more than 700 the longest are kept.
//
//	  0      a list: one line of JSON with a generation and a checksum of its own
//	 64 KiB  another one
//	128 KiB  another one: the newest whole one holds
//
// A list is written into a slot that is neither the one on stable storage nor the one that
// is being synced, so a torn list leaves the one before.
package segment
