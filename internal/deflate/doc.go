// Package deflate compresses a batch of log lines into one gzip member (RFC 1952, RFC
// 1951), which any gzip reader can read.
//
// It is made for lines that are similar to each other. It compresses them as well as the
// fastest level of a general compressor, in little more than half the time
// (docs/adr/0005), for three reasons:
//
//   - The whole input is in memory, so matches need no window of their own, and 16 bits
//     say where a hash was seen last. Further back than 64 KiB is of no use.
//   - There is one pass: a byte is coded when it is read. The code of the first block of a
//     batch is made from the batches before, the code of the second block from the first
//     block. Every symbol has a code, so any input can be coded.
//   - Nothing in the loop branches on the number of bits of a symbol.
//
// A Compressor takes 75 kB and allocates nothing except room in dst. Three functions
// (word.go) read and write memory without bounds checks; their callers say why that is
// safe. The build tag purego replaces them by checked ones.
package deflate
