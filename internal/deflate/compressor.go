package deflate

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
)

// The alphabets and limits of the format (RFC 1951 section 3.2.5).
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
	// hashed is how many bytes must be equal for a match to be found. A short match far
	// back costs more bits than it saves.
	hashed   = 6
	hashBits = 15
	// firstBlock is how many bytes are coded by the counts of earlier batches. It is twice
	// the longest distance, so that its second half is as typical as the rest.
	firstBlock = 64 << 10
	// margin is how many bytes at the end of the input the loop does not read as words.
	margin = 16
)

// Compressor makes gzip members. The zero value is ready to use, by one goroutine at a
// time.
type Compressor struct {
	// seen is the position at which a hash was seen last, its low 16 bits. The position
	// may be from another batch, so the bytes there are compared.
	seen [1 << hashBits]uint16

	now, past counts // of this batch and of earlier ones

	// The codes of the present block.
	literal  [numLiterals]code
	distance [32]code           // 32 and not 30: saves a bounds check
	length   [maxMatch + 1]code // with their extra bits
}

// counts is how often each literal, length and class of distances occurred.
type counts struct {
	literals  [numLiterals]uint32
	lengths   [maxMatch + 1]uint32
	distances [32]uint32
}

// header is the header of a member without name and time (RFC 1952 section 2.3), with
// "fastest algorithm" and "unknown system".
const header = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

// Append appends src to dst as one gzip member and returns the extended slice. It keeps
// no reference.
func (c *Compressor) Append(dst, src []byte) []byte {
	// Two bytes for each byte of src are enough: a literal has at most 15 bits, and a match
	// of at least 3 bytes has at most 48. 4 KiB are enough for the rest: the heads of two
	// blocks, below 400 bytes each, header and trailer, and the last word of flush.
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

// block codes src[pos:end] and returns the position behind the last coded byte, which is
// beyond end if a match is. If end is the end of src, it is end.
func (c *Compressor) block(w *bitWriter, src []byte, pos, end int) int {
	out, o, acc, nbits := w.out, w.n, w.acc, w.bits
	limit := min(end, len(src)-margin)
	for pos < limit {
		// Safe: there are at least margin bytes at pos, and from <= pos.
		word := load64(src, pos)
		h := hash(word)
		dist := int(uint16(pos) - c.seen[h])
		c.seen[h] = uint16(pos)
		from := pos - dist
		if from < 0 || load32(src, from) != uint32(word) || uint(dist-1) >= maxDistance {
			b := byte(word)
			c.now.literals[b]++
			s := c.literal[b]
			acc |= uint64(s.bits) << (nbits & 63)
			nbits += uint(s.n)
			out, o, acc, nbits = flush(out, o, acc, nbits)
			pos++
			continue
		}
		n := 4
		for ; pos+n+8 <= len(src); n += 8 { // a longer match continues as a new one
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
			// At most 7 bits are in acc; a length has at most 20, a distance 28.
			acc |= uint64(s.bits)<<(nbits&63) | back<<((nbits+uint(s.n))&63)
			nbits += uint(s.n) + uint(d.n) + extra
			out, o, acc, nbits = flush(out, o, acc, nbits)
			if n -= m; n == 0 {
				break
			}
		}
		if pos < limit {
			// Only the ends of a match get into the table.
			c.seen[hash(load64(src, pos-2))] = uint16(pos - 2)
		}
	}
	w.n, w.acc, w.bits = o, acc, nbits
	if end == len(src) {
		for ; pos < end; pos++ {
			c.now.literals[src[pos]]++
			w.put(c.literal[src[pos]])
		}
	}
	w.put(c.literal[endOfBlock])
	return pos
}

// flush moves the complete bytes of acc to out. nbits is at most 56 before and 7 after. out
// has room for 8 more bytes than needed.
func flush(out []byte, o int, acc uint64, nbits uint) ([]byte, int, uint64, uint) {
	store64(out, o, acc)
	return out, o + int(nbits>>3), acc >> (nbits &^ 7 & 63), nbits & 7
}

// hash returns the hash of the first bytes of word.
func hash(word uint64) uint {
	return uint(word << (64 - 8*hashed) * 0x9E3779B185EBCA87 >> (64 - hashBits))
}

// piece returns how many bytes of a match of n bytes the next symbol stands for. The rest
// is 0 or long enough for a symbol.
func piece(n int) int {
	switch {
	case n <= maxMatch:
		return n
	case n < maxMatch+minMatch:
		return n - minMatch
	}
	return maxMatch
}

// distanceClass returns the symbol for the distance d+1, and the number of its extra bits,
// which are the lowest bits of d.
func distanceClass(d uint) (class, extra uint) {
	if d < 4 {
		return d, 0
	}
	extra = uint(bits.Len(d)-2) & 15
	return (2*extra + d>>extra) & 31, extra
}

// lengthClass returns the symbol for a match of n bytes, counted from firstLength, and the
// number of its extra bits, which are the lowest bits of n-minMatch.
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
