// Package queue keeps records on disk from the moment they are accepted until
// they are acknowledged. It stores them with github.com/nsqio/go-diskqueue and
// adds what that does not have: several records in flight, checksums, a cap, and
// repair.
//
// # Promise
//
//   - When [Shard.Append] has returned nil, a crash of the process loses nothing
//     of the record. A power loss may lose what was appended since the last sync,
//     at most Options.SyncInterval plus the time that a sync takes.
//   - A record is handed out until it is acknowledged: at least once. It is handed
//     out again after Nack, and after a restart if it is not acknowledged. After a
//     crash of the process or a power loss, what was acknowledged since the last sync
//     comes again: of at most Options.SyncInterval plus the time that a sync takes.
//   - Records are handed out in the order of Append; those given back come first.
//   - An error of reading says nothing about the bytes: it is tried again, for ever,
//     and changes no book. Only a read that worked shows damage: a wrong checksum, no
//     record where one should be, a file that is too short.
//   - Nothing is deleted because it is damaged. A torn tail, which no Append has
//     accepted, is cut; anything else is copied to Path/corrupt first, counted, and
//     logged with file and offset. What there turns out to be whole is put back.
//   - What an orderly stop has left and the next start does not find is told and booked:
//     recovered, and dropped with reason "corrupt".
//   - The segments of all shards together never hold more than Options.MaxSize,
//     but for the moment in which a consumed segment is replaced by a new one, and
//     the time that it takes to copy one after a failed sync: that copy also ignores
//     Options.MinFree. What the file system does not let us remove is not counted; it
//     is tried again every second.
//   - Memory does not grow with what waits: a sum is held for each segment. It grows
//     with what was handed out: an entry of 56 bytes for each record from the oldest
//     one without an answer on, so one that never gets one costs about 100 bytes
//     (entries are doubled when they grow) for each record delivered behind it.
//   - Files are open of the segments that are read and written, and of those with a
//     record that is handed out or not synced; others are closed by the next sync.
//
// # On disk
//
//	Path/
//	  lock                              flock: one process at a time; so is the folder,
//	                                    since somebody may remove the file
//	  corrupt/shard-00-000012@34567     damage: shard, segment @ offset
//	  corrupt/shard-00-000012           a segment of which not all could be copied
//	  corrupt/shard-00-000012.misplaced a segment that somebody has copied into the shard
//	  shard-00/
//	    events.diskqueue.meta.dat       diskqueue's: depth, read position, write position
//	    events.diskqueue.acked.json     which records are acknowledged, see below
//	    events.diskqueue.000012.dat     a segment: records, one after the other
//	    events.diskqueue.000013.dat     the last one is written to
//	    events.diskqueue.000013.dat.doubt   its last sync has failed; text: how many
//	                                    bytes were on stable storage before
//	    events.diskqueue.stop.json      what Close has left in each segment
//
// A record; all numbers are big endian:
//
//	  0  u32  diskqueue's length: of all that follows
//	     ---- header
//	+ 0  u32  magic 89 'S' 'Q' 1A, which cannot occur in JSON text
//	+ 4  u8   version, 1
//	+ 5  u8   flags: event.Encoding of the body
//	+ 6  u16  length of the header, 45 + n
//	+ 8  u32  CRC-32C of the header without these four bytes
//	+12  u32  CRC-32C of the body
//	+16  u64  seq: grows with each record of the shard, also over restarts, as long
//	          as one segment or the list of acknowledged records is left; by one, but
//	          for what damage may hide
//	+24  i64  when the first event was received, Unix nanoseconds; 0: unknown
//	+32  u32  events in the body
//	+36  u32  length of the body before compression
//	+40  u32  length of the body
//	+44  u8   n, length of the source's name
//	+45  n    the source's name
//	     ---- body
//
// # Two readers
//
// What is received from diskqueue is consumed at once. So records are handed out
// by a reader of our own (pread on the segments), and only the oldest records that
// are all done, acknowledged or dropped, are received from diskqueue. Its read
// position therefore never passes a record that is not done.
//
//	segment 12            segment 13                 segment 14
//	├──────────┬──────────┼───────────┬──────────────┼───────────┐
//	  consumed │ window: handed out   │ left: only summed        │ write position
//	           │ done, flying, waiting│                          │
//	           └ diskqueue reads here └ our cursor               └ Append
//
// Invariants, kept under Shard.io, which serialises all use of diskqueue:
//
//   - The last segment in Shard.segs is the one that diskqueue writes to, and its
//     size is diskqueue's write position. diskqueue's rule for beginning the next
//     one is mirrored; after each Put the file's size is compared.
//   - diskqueue's next record is the oldest in the window, or where that is empty
//     the one at the cursor. Each record received must have the expected seq.
//   - A segment's file is removed when the cursor has left it and no record of it
//     is in the window, and only then its bytes come free.
//
// Where diskqueue cannot follow (it stops reading a segment at the first damage,
// renames it to .bad and goes on with the next) the segment is detached: it is
// read and removed by us alone, and diskqueue is started anew behind it. Dropping
// the oldest segment is the same act. diskqueue also takes a segment for damaged
// that it had read to the end before it was rolled, that is, always when it has
// caught up; such a segment's file is removed before diskqueue's renaming finds
// it.
//
// Put returns before anything is synced, and diskqueue hides errors of syncing. So
// Store.Run syncs: each segment through a file that was opened before its first
// byte was written, which is the only way to see all errors of writing it back.
// An error becomes a fault: Healthy tells it, Accepting is false, and it is tried
// again until it works. After a failed sync a good one proves nothing, since Linux
// has taken the pages for clean: such a segment is copied to a new file, which is
// synced and renamed over the old one, and diskqueue is started anew. A failed copy is
// tried again after a pause that grows to seconds. A page that cannot be read and was
// synced before, or an error that is not one of the disk, ends the attempt; where a page
// that was not synced stays unreadable for half a minute, while the disk takes the rest of
// the copy, the copy has a gap, and the old file is kept in the corrupt folder. A segment that is consumed is not copied: a new one is begun. The
// .doubt file lets a restart go on with this. Open syncs nothing, but the first sync of
// Run covers all that it has found.
//
// # What is acknowledged
//
// The read position in diskqueue's metadata is behind in two ways: it stays at the oldest
// record without an answer, and it is stored only now and then. So acked.json lists the
// records that are acknowledged, those before the read position included, as stretches of
// sequence numbers: first and last segment, first and last seq. A start passes over them
// wherever it reads. There is one stretch more than there are records without an answer.
// Of more than 700 the longest are kept, which is logged.
//
//	  0      a list: one line of JSON with a generation and a checksum of its own
//	 64 KiB  another one
//	128 KiB  another one: the newest whole one holds
//
// A list is written in place, into a slot that is neither the one on stable storage nor the
// one that is being synced: every half Options.SyncInterval, if anything was acknowledged,
// and with each sync, which syncs it behind the segments. That needs no room, and to write
// it waits for no disk. After an error of the file a new one takes its place. So a crash of the process repeats
// what was acknowledged in the last half interval, a power loss what was since the last
// sync. That costs one fdatasync for each sync. In return diskqueue stores its metadata
// every five seconds and not with each sync, which took two. Where the list cannot be
// stored it is tried again every second; nothing waits for it.
//
// A list must never make a start pass over a record that nobody has got. It names the
// segment as well as the number. It holds the highest number that was given, and numbers
// go on above that: a power loss may take records whose numbers are listed, even with the
// last segment, and no new record gets their numbers. A list that cannot be read is as
// good as none, and numbers then go on 2^32 further, since the next start may read it.
// What is put back from the corrupt folder is appended under a new number.
//
// A removed segment stays listed until the folder is synced, since a power loss may bring
// it back. The folder is also synced when diskqueue has stored its metadata.
//
// # A full disk
//
// A start needs no room before it delivers. The folder of a new shard, the segment to
// write to, and metadata are made when diskqueue is attached. Where there is no room, that
// is a fault of the shard, and is tried again every second and whenever a segment was
// removed. Meanwhile records are handed out and consumed without diskqueue. The last
// segment, too, is removed when all of it is consumed. Metadata is written over in place
// where there is no room for a new file.
//
// # What cannot be read
//
//	a record's body       the record is given back and read again after a pause, those that
//	                      failed in turns; the others go on meanwhile. Where 1,024 of a
//	                      shard wait so, no further one is taken
//	a record's header     where the next record begins is not known: the shard waits, and
//	                      reads it again after a pause
//	a range that is to    likewise: damage is booked only when its copy is made
//	be set aside
//	a segment at start    it is "late": in no book, and neither handed out nor removed nor
//	                      dropped. What is before it in the shard is delivered, what is
//	                      behind it waits, since the order is promised, and appending goes
//	                      on. Run reads it again, then its records are booked as recovered
//	metadata, the list    read again for 3 s. After that the start does without, as when they
//	                      are missing: records may come twice
//	a page of the old     see above: only a failed sync can come to that
//	file of a copy
//
// Pauses grow from 50 ms to 2 s. It is a fault of the shard: Stats and a counter tell it, a
// line of the log when it begins and when it ends, and Healthy where it holds the shard.
// Appending goes on. A segment that is synced is opened anew for each attempt. For a disk
// that stays bad Skip leaves the unreadable pages out of a stopped queue: the segment is
// copied with gaps, which are damage to the next start, and the old file is kept.
//
// # What is put back
//
// Every start, and Restore, look through the corrupt folder. A record there is put back when
// its header and its body have the right checksum: it is appended anew, behind what is
// queued, and booked as recovered. Really damaged bytes never pass; what older versions set
// aside after an error of reading does. Nothing of a file's range was delivered, so:
//
//	shard-00-000012@34567   all records in it. A copy with gaps, since these versions left
//	                        out the pages that they could not read, is completed from
//	                        shard-00-000012 where that was kept. The last bytes of the copy
//	                        tell where the range ends when they lie within a page; where
//	                        they were left out too, it ends at the next @ of the segment,
//	                        or with it: up to there records may come twice
//	shard-00-000012         nothing else of it: it was delivered. Without any @ it stays
//	….misplaced             all records but those in a file of the shard, queued or not
//
// What is still queued, as the start has found it, is never put back. Files go, or get a
// name that says how much of them was put back (…+789, ….restored, ….duplicate), when all
// that was appended is synced: a crash before may repeat it, a planned stop does not. What is
// damaged after all stays. When the queue is full it waits for room.
//
// # After a crash
//
// Open walks the headers of all segments, repairs, writes exact metadata, and only
// then starts diskqueue. What it may find:
//
//	metadata is missing, empty, unreadable   every segment is read from its start
//	its read position is not at a record,    that segment is read from its start
//	and not where one ends
//	its read segment is gone                 it was consumed, and removed before the
//	                                         metadata was stored: the first one that
//	                                         exists is the next
//	a segment before the read position       its removal was not stored, or it was
//	                                         detached: read from its start
//	it is older than the segments            what is listed as acknowledged is passed
//	                                         over
//	acked.json is damaged                    ignored and removed: records behind the read
//	                                         position come again
//	acked.json of an older version           holds for the metadata that it names: Close
//	                                         has left it. Of other metadata it is ignored
//	                                         and removed. So does an older version with
//	                                         the present form
//	stop.json of this metadata               compared with what is found, and removed when
//	                                         all shards are ready; of other metadata ignored
//	a segment whose numbers do not fit       it was copied here: moved to the corrupt folder,
//	between those of its neighbours          and put back from there; as many segments stay
//	                                         as form a chain of growing numbers
//	segment.doubt                            the segment is copied by the first sync;
//	                                         without a segment it is removed
//	segment.bad                              diskqueue gave it up: a segment like any
//	                                         other, it gets its name back
//	the last segment ends inside a record,   the process was killed in Append: cut
//	or in zeros                              at the last whole record
//	no record where one should begin         damage: the bytes up to the next valid
//	                                         header are set aside, the segment is
//	                                         detached; if it is the last, a new one
//	                                         is begun
//	another segment ends inside a record     likewise
//	diskqueue's length differs from ours     the record is good; detached
//	a file, or a part, that cannot be read  see above: no damage
//	a wrong checksum of a body               not looked for at start: found when the
//	                                         record is read; set aside and booked as
//	                                         dropped, reason "corrupt"
//	events.diskqueue.*.tmp                   removed: metadata, the copy of a segment
//	a segment that is consumed               removed, unless it is the last
//	numbers of segments are missing          no matter
//	a shard beyond Options.Shards            a new segment is begun behind the others, so
//	                                         that all of them go when they are drained,
//	                                         and then the folder
//
// Segments are never rewritten in place: the only changes to one that holds records
// are cutting a torn tail and replacing the whole by a copy. A crash during start-up
// leaves the same or less to do.
//
// In all cases in which records may come twice or be lost, they come twice.
package queue
