package deflate

// begin writes the head of a block (RFC 1951 section 3.2.7). The code of the block is made
// from the counts and has every symbol.
func (c *Compressor) begin(w *bitWriter, seen *counts, final bool) {
	literals, distances := seen.classes()
	build(c.literal[:], literals[:], maxBits)
	build(c.distance[:], distances[:], maxBits)
	c.writeCodes(w, final)
	for n := minMatch; n <= maxMatch; n++ {
		class, extra := lengthClass(n)
		s := c.literal[firstLength+class]
		s.bits |= uint32(n-minMatch) & (1<<extra - 1) << s.n
		s.n += uint8(extra)
		c.length[n] = s
	}
}

// classes returns how often each symbol is expected, in sixteenths. A symbol that did not
// occur gets 1. No value is 0, even if a count overflows, because all are one more than a
// multiple of 16.
func (c *counts) classes() (literals [numLiterals]uint32, distances [numDistances]uint32) {
	for i, n := range c.literals {
		literals[i] = 16*n + 1
	}
	for i := range distances {
		distances[i] = 16*c.distances[i] + 1
	}
	for n, times := range c.lengths {
		if times != 0 {
			class, _ := lengthClass(n)
			literals[firstLength+class] += 16 * times
		}
	}
	return literals, distances
}

// maxLearned is how many literals the counts of the past may have. Above it all counts are
// halved, so that older batches count for less.
const maxLearned = 16 << 10

// learn adds the counts of a batch and clears them.
func (c *counts) learn(batch *counts) {
	total := uint32(0)
	for i, n := range batch.literals {
		c.literals[i] += n
		total += c.literals[i]
	}
	for i, n := range batch.lengths {
		c.lengths[i] += n
	}
	for i, n := range batch.distances {
		c.distances[i] += n
	}
	*batch = counts{}
	for ; total > maxLearned; total /= 2 {
		for _, list := range [...][]uint32{c.literals[:], c.lengths[:], c.distances[:]} {
			for i := range list {
				list[i] /= 2
			}
		}
	}
}

// lengthOrder is the order in which the lengths of the code for code lengths are written.
var lengthOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// repeat is the symbol for the last length again, three to six times.
const repeat = 16

// writeCodes writes the kind of the block and the lengths of both codes. Every symbol has
// a length.
func (c *Compressor) writeCodes(w *bitWriter, final bool) {
	var symbols [numLiterals + numDistances]uint8 // of the code for the lengths
	var extras [numLiterals + numDistances]uint8  // how often beyond three a repeat repeats
	var counts [len(lengthOrder)]uint32
	n, last, run := 0, uint8(0), 0
	add := func(symbol uint8) {
		symbols[n], extras[n] = symbol, 0
		counts[symbol]++
		n++
	}
	flushRun := func() {
		for ; run >= 3; run -= min(run, 6) {
			add(repeat)
			extras[n-1] = uint8(min(run, 6) - 3)
		}
		for ; run > 0; run-- {
			add(last)
		}
	}
	for _, codes := range [...][]code{c.literal[:], c.distance[:numDistances]} {
		for _, s := range codes {
			if s.n == last {
				run++
				continue
			}
			flushRun()
			last = s.n
			add(last)
		}
	}
	flushRun()

	var codes [len(lengthOrder)]code
	build(codes[:], counts[:], 7)
	used := len(lengthOrder)
	for codes[lengthOrder[used-1]].n == 0 {
		used--
	}
	kind := uint32(2 << 1) // dynamic codes
	if final {
		kind |= 1
	}
	w.put(code{kind, 3})
	w.put(code{numLiterals - 257, 5})
	w.put(code{numDistances - 1, 5})
	w.put(code{uint32(used - 4), 4})
	for _, symbol := range lengthOrder[:used] {
		w.put(code{uint32(codes[symbol].n), 3})
	}
	for i, symbol := range symbols[:n] {
		w.put(codes[symbol])
		if symbol == repeat {
			w.put(code{uint32(extras[i]), 2})
		}
	}
}

// bitWriter packs bits into bytes, the lowest bit first.
type bitWriter struct {
	out  []byte // has room for all that is written
	n    int    // complete bytes in out
	acc  uint64 // bits that are not in out yet
	bits uint   // how many bits acc has, 7 at most
}

// put writes one code.
func (w *bitWriter) put(s code) {
	w.out, w.n, w.acc, w.bits = flush(w.out, w.n, w.acc|uint64(s.bits)<<w.bits, w.bits+uint(s.n))
}

// close fills the last byte with zeros and returns all bytes.
func (w *bitWriter) close() []byte {
	store64(w.out, w.n, w.acc)
	return w.out[:w.n+int(w.bits+7)/8]
}
