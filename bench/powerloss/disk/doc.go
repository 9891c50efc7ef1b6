// Package disk is a disk in memory that loses its power: a file system, mounted with FUSE,
// that knows what is on stable storage, and makes the disk that a machine finds after a cut.
//
// # What an fsync covers
//
// A page of 4 KiB that is written is dirty until an fsync of its file has ended that began
// after the write. What the page held before stays its durable content until then.
//
// Files and folders are made, renamed and removed by changes of names. They wait in a queue:
//
//   - [Journal], like ext4: an fsync of any file or folder makes all earlier changes durable.
//   - [Strict], POSIX and no more: only an fsync of the folder does, for its own names and
//     for what these depend on.
//
// # What a cut leaves
//
// Of the changes of names that wait, some of the first ones are kept: of all (journal), or of
// each folder (strict). Each file draws a rate, and each of its dirty pages is kept with
// that probability; a page that is not kept has its durable content, or zeros where it had
// none. The length is drawn between the durable and the last one.
//
// Owner, mode and time of a file are durable at once. There are no links.
//
// What it cannot show: faults of real file systems and drives, and damage to data that was
// on stable storage.
package disk
