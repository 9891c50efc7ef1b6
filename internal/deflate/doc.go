// Package deflate compresses a batch of log lines into one gzip member (RFC 1952,
// RFC 1951). What comes out can be read by any gzip reader.
//
// It promises the ratio of a general compressor's fastest level for what flows here,
// lines that look like each other, in little more than half of the time
// (docs/adr/0005). Three things make that up:
//
//   - The whole input lies in memory, so that a match needs no window of its own, and
//     16 bits say where a hash was seen last: further back than 64 KiB is of no use.
//   - One pass: a byte is coded when it is looked at. The code of the first block
//     of a batch is made for what batches before were like, that of the rest for its
//     first block. Every symbol has a place in every code, so anything can come.
//   - Nothing in the loop branches on how many bits a symbol takes.
//
// It keeps a fixed 75 kB, allocates nothing but what dst lacks, and reads and writes
// memory without checks of bounds in three functions (word.go), whose callers say
// why they may. The tag purego takes the checked ones.
package deflate
