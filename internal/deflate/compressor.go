package deflate

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
)

// The format's alphabets and bounds (RFC 1951 section 3.2.5).
const (
	numLiterals  = 286 // bytes, the end of a block, and classes of lengths
	numDistances = 30
	endOfBlock   = 256
	firstLength  = 257 // the symbol of the class of the shortest matches
	minMatch     = 3
	maxMatch     = 258
	maxDistance  = 32 << 10
	maxBits      = 15
)

const (
	// hashed is how many bytes must be alike for a match to be found. Short matches
	// far back cost more bits than they save.
	hashed   = 6
	hashBits = 15
	// firstBlock is how much of a batch is coded by what those before it were like. It
	// is so long that its second half has all distances to choose from, as the rest.
	firstBlock = 64 << 10
	// margin is what is left of the input when the loop ends that reads words.
	margin = 16
)

// Compressor makes gzip members. The zero value is ready. It is for one goroutine
// at a time.
type Compressor struct {
	// seen is the low 16 bits of where a hash was seen last, maybe in another batch:
	// what it points at is compared.
	seen [1 << hashBits]uint16

	// now is of this batch, past of those before it.
	now, past counts

	// The code of the present block.
	literal  [numLiterals]code
	distance [32]code           // a power of two saves a check
	length   [maxMatch + 1]code // with the extra bits
}

// counts is how often each symbol occurred; lengths by themselves, not by class.
type counts struct {
	literals  [numLiterals]uint32
	lengths   [maxMatch + 1]uint32
	distances [32]uint32
}

// header is a member without name and time, by the fastest algorithm, of an unknown
// system (RFC 1952 section 2.3).
const header = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

// Append appends src to dst as one gzip member and returns the longer slice. It
// keeps neither.
func (c *Compressor) Append(dst, src []byte) []byte {
	// Two bytes for each of src are enough: a literal has 15 bits at most, and a match,
	// of 3 bytes at least, 48. 4 KiB are enough for the rest: the heads of two blocks,
	// below 400 bytes each, what is around them, and the last word that flush writes.
	dst = append(slices.Grow(dst, 2*len(src)+4<<10), header...)
	w := bitWriter{out: dst[:cap(dst)], n: len(dst)}
	if first := firstBlock; len(src) < first+first/2 {
		c.begin(&w, &c.past, true)
		c.block(&w, src, 0, len(src))
	} else {
		c.begin(&w, &c.past, false)
		pos := c.block(&w, src, 0, first)
		c.begin(&w, &c.now, true)
		c.block(&w, src, pos, len(src))
	}
	c.past.learn(&c.now)
	dst = w.close()
	dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(src))
	return binary.LittleEndian.AppendUint32(dst, uint32(len(src)))
}

// block codes src from pos on, up to end or to where a match ends behind it, and
// returns how far it came. With the last byte of src it ends exactly.
func (c *Compressor) block(w *bitWriter, src []byte, pos, end int) int {
	out, o, acc, held := w.out, w.n, w.acc, w.held
	limit := min(end, len(src)-margin)
	for pos < limit {
		// margin: 16 bytes are there from pos on, and from is not behind pos.
		word := load64(src, pos)
		h := hash(word)
		dist := int(uint16(pos) - c.seen[h])
		c.seen[h] = uint16(pos)
		from := pos - dist
		if from < 0 || load32(src, from) != uint32(word) || uint(dist-1) >= maxDistance {
			b := byte(word)
			c.now.literals[b]++
			s := c.literal[b]
			acc |= uint64(s.bits) << (held & 63)
			held += uint(s.n)
			out, o, acc, held = flush(out, o, acc, held)
			pos++
			continue
		}
		n := 4
		for ; pos+n+8 <= len(src); n += 8 { // what is alike beyond it is coded anew
			if x := load64(src, from+n) ^ load64(src, pos+n); x != 0 {
				n += bits.TrailingZeros64(x) >> 3
				break
			}
		}
		pos += n
		class, extra := distanceClass(uint(dist - 1))
		c.now.distances[class]++
		d := c.distance[class]
		back := uint64(d.bits) | uint64(uint(dist-1)&(1<<extra-1))<<(d.n&63)
		for {
			m := piece(n)
			c.now.lengths[m]++
			s := c.length[m]
			// 7 bits are held, 20 are the length's and 28 the distance's at most.
			acc |= uint64(s.bits)<<(held&63) | back<<((held+uint(s.n))&63)
			held += uint(s.n) + uint(d.n) + extra
			out, o, acc, held = flush(out, o, acc, held)
			if n -= m; n == 0 {
				break
			}
		}
		if pos < limit {
			// What is in a match is found by its ends.
			c.seen[hash(load64(src, pos-2))] = uint16(pos - 2)
		}
	}
	w.n, w.acc, w.held = o, acc, held
	if end == len(src) {
		for ; pos < end; pos++ {
			c.now.literals[src[pos]]++
			w.put(c.literal[src[pos]])
		}
	}
	w.put(c.literal[endOfBlock])
	return pos
}

// flush moves the whole bytes of acc to out. held is at most 56 before, 7 after; out
// has room for 8 bytes more than are needed.
func flush(out []byte, o int, acc uint64, held uint) ([]byte, int, uint64, uint) {
	store64(out, o, acc)
	return out, o + int(held>>3), acc >> (held &^ 7 & 63), held & 7
}

// hash is that of the first bytes of word.
func hash(word uint64) uint {
	return uint(word << (64 - 8*hashed) * 0x9E3779B185EBCA87 >> (64 - hashBits))
}

// piece is how much of a match of n bytes one symbol says, so that what is left can
// be said as well.
func piece(n int) int {
	switch {
	case n <= maxMatch:
		return n
	case n < maxMatch+minMatch:
		return n - minMatch
	}
	return maxMatch
}

// distanceClass is the symbol of a distance, less one, and the number of its extra
// bits, which are the lowest of d.
func distanceClass(d uint) (class, extra uint) {
	if d < 4 {
		return d, 0
	}
	extra = uint(bits.Len(d)-2) & 15
	return (2*extra + d>>extra) & 31, extra
}

// lengthClass is the same for the length of a match, from firstLength on; the extra
// bits are the lowest of n-minMatch.
func lengthClass(n int) (class, extra uint) {
	l := uint(n - minMatch)
	switch {
	case n == maxMatch:
		return 28, 0
	case l < 8:
		return l, 0
	}
	extra = uint(bits.Len(l) - 3)
	return 4*extra + l>>extra, extra
}
