// Package queue keeps records on disk from the moment they are accepted until they are
// acknowledged. A shard is a log with a window over github.com/nsqio/go-diskqueue, which
// knows neither several records in flight, nor checksums, a size limit, or repair.
//
// What does not belong here: the bytes on disk (segment), files of damaged or misplaced
// data (quarantine), the scan and repair of a folder at start (recovery), the commands for
// a stopped queue (inspect), and the choice of a shard (package balancer).
//
// # Promises
//
//   - When [Shard.Append] has returned nil, a crash of the process loses nothing of the
//     record. A power loss may lose what was appended since the last sync: at most
//     Options.SyncInterval plus the time that a sync takes.
//   - At least once: a record is handed out until it is acknowledged, again after Nack, and
//     again after a restart. After a crash or a power loss, records that were acknowledged
//     since the last sync come again.
//   - Records are handed out in the order of Append. Records that were given back come
//     first.
//   - A read error says nothing about the bytes. The read is tried again without a limit,
//     and no count changes. Only a read that worked can show damage: a wrong checksum, no record
//     where one should be, a file that is too short.
//   - Nothing is deleted because it is damaged. A torn tail, which no Append has accepted,
//     is cut. Anything else is first copied to Path/corrupt, counted, and logged with file
//     and offset. Records in there that turn out to be whole are put back.
//   - Records that were queued at an orderly stop and that the next start does not find are
//     logged and counted: recovered, and dropped with reason "corrupt".
//   - All segments together stay below Options.MaxSize. There are two exceptions: one extra
//     segment while a consumed one is replaced, and one while a segment is copied after a
//     failed sync (that copy also ignores Options.MinFree). Segments that the file system
//     does not let us remove are not counted; removal is tried again every second.
//   - Memory: a sum for each segment, and 56 to 100 bytes for each record from the oldest
//     unacknowledged one on that was handed out.
//   - Open files: segments that are read or written, and those with a record that is handed
//     out or not synced.
//
// # Two readers
//
// A record that is received from diskqueue is consumed at once. So a reader of our own
// hands records out (pread on the segments), and only the oldest records that are all
// done, acknowledged or dropped, are received from diskqueue. Its read position therefore
// never passes a record that is not done.
//
//	segment 12            segment 13                 segment 14
//	├──────────┬──────────┼───────────┬──────────────┼───────────┐
//	  consumed │ window: handed out   │ ahead: only summed       │ write position
//	           │ done, flying, waiting│                          │
//	           └ diskqueue reads here └ our cursor               └ Append
//
// These invariants hold whenever Shard.io is free:
//
//   - The last segment of the window is the one that diskqueue writes to, and its size is
//     diskqueue's write position. We follow diskqueue's rule for beginning the next one,
//     and compare the file's size after each Put.
//   - diskqueue's next record is the oldest in the window, or if that is empty the one at
//     the cursor. Each record received must have the expected number.
//   - A segment's file is removed when the cursor has left it and no record of it is in the
//     window. Only then its bytes come free.
//
// diskqueue stops reading a segment at the first damage, renames it to .bad and goes on
// with the next one. Such a segment is detached: only we read and remove it, and diskqueue
// is started again behind it. Dropping the oldest segment does the same. diskqueue also
// takes a segment for damaged that it had read to the end before the next one was begun,
// which is always so when it has caught up. We remove the file of such a segment before
// diskqueue renames it.
//
// # Syncing
//
// diskqueue's Put returns before anything is synced, and diskqueue hides errors of
// syncing. So Store.Run syncs each segment through a file that was opened before its first
// byte was written, which is the only way to see all write-back errors. An error becomes a
// fault: Healthy reports it, Accepting is false, and the sync is tried again until it works.
//
// Shard.AfterSync begins a sync at once, and tells its caller when it has worked. While one
// sync runs, those who wait gather for the next. Such a sync covers the segments and the
// folder. The list of what is acknowledged waits for the interval.
//
// After a failed sync a successful one proves nothing, since Linux treats the pages as clean. So
// the segment is copied to a new file, which is synced and renamed over the old one, and
// diskqueue is started again. A failed copy is tried again after a pause that grows to
// seconds. A read error in what was synced before, or an error that is not an I/O error,
// ends the attempt. If a page that was not synced stays unreadable for half a minute while
// the disk accepts the other pages, the copy has a gap, and the old file is kept in the
// corrupt folder. A consumed segment is not copied: a new one is begun. A file with the
// suffix .doubt makes a restart continue the resync. Open syncs nothing, but the first sync of
// Run covers all that Open has found.
//
// # What is acknowledged
//
// The read position in diskqueue's metadata is behind for two reasons: it stays at the oldest
// unacknowledged record, and it is stored only now and then. So acked.json lists what is
// acknowledged; package segment has its format. A start passes over these records.
//
// A list is written in place, every half Options.SyncInterval if anything was acknowledged,
// and before each sync, which syncs it after the segments. Writing needs no room and waits
// for no disk. After an error a new file takes the old one's place. So a crash of the
// process repeats what was acknowledged in the last half interval, a power loss what was
// acknowledged since the last sync. If the list cannot be stored, that is tried again every
// second; nothing waits for it.
//
// A list must never make a start pass over a record that was not delivered. So it names the
// segment as well as the number, and holds the highest number that was given. Numbers go on
// above that: a power loss may take records whose numbers are listed, even with the last
// segment, and no new record may get their numbers. A list that cannot be read is ignored,
// and numbers go on 2^32 higher, since the next start may read it. Records that are put
// back from the corrupt folder get new numbers. A removed segment stays listed until the
// folder is synced, since a power loss may bring it back.
//
// # A full disk
//
// A start needs no room before it delivers. The folder of a new shard, the segment to write
// to, and metadata are made when diskqueue is attached. If there is no room, that is a fault
// of the shard, and is tried again every second and whenever a segment was removed.
// Meanwhile records are handed out and consumed without diskqueue. The last segment, too,
// is removed when all of it is consumed. Metadata is written over in place if there is no
// room for a new file.
//
// # What cannot be read
//
//	a record's body       the record is given back and read again after a pause, those that
//	                      failed round robin; the others go on meanwhile. Once 1,024 records
//	                      of a shard wait so, no further one is taken
//	a record's header     where the next record begins is not known: the shard waits, and
//	                      reads it again after a pause
//	a range that is to    likewise: damage is counted only when its copy is made
//	be copied
//	a segment at start    it is late: in no count, and neither handed out nor removed nor
//	                      dropped. Records before it are delivered, those behind it wait,
//	                      since the order is promised, and appending goes on. Run reads it
//	                      again; then its records are counted as recovered
//	metadata, the list    read again for 5 s. After that the start does without, as when they
//	                      are missing: records may come twice
//
// Pauses grow from 50 ms to 2 s. A read error is a fault of the shard: Stats and a counter
// report it, a line of the log when it begins and when it ends, and Healthy if it holds the
// shard. Appending goes on. A synced segment is opened anew for each attempt. For a disk
// that stays bad, gateway queue skip leaves the unreadable pages out of a stopped queue.
//
// In all cases in which records may come twice or be lost, they come twice.
//
// It has more than 1,500 lines: its types share the turn at the disk (Shard.io) and the
// window, so that no order of locks is spread over packages.
package queue
