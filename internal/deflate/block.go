package deflate

// begin writes the head of a block (RFC 1951 section 3.2.7), whose code is made for
// what was counted. Whatever comes has a place in it.
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

// classes is how often the symbols are to be expected: those that did not occur a
// sixteenth of those that did once. None is 0, even where a count overflows: all are
// one more than a multiple of 16.
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

// enough is how many literals say what messages are like; of more, older ones count
// for less.
const enough = 16 << 10

// learn adds what was counted in a batch, and clears it.
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
	for ; total > enough; total /= 2 {
		for _, list := range [...][]uint32{c.literals[:], c.lengths[:], c.distances[:]} {
			for i := range list {
				list[i] /= 2
			}
		}
	}
}

// lengthOrder is the order in which the code of the code lengths is told.
var lengthOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// repeat is the symbol that says: the last length three to six times more.
const repeat = 16

// writeCodes writes the kind of the block and the lengths of both codes, which have
// no gaps.
func (c *Compressor) writeCodes(w *bitWriter, final bool) {
	var symbols [numLiterals + numDistances]uint8 // of the code of the lengths
	var extras [numLiterals + numDistances]uint8  // how often more a repeat repeats
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
	told := len(lengthOrder)
	for codes[lengthOrder[told-1]].n == 0 {
		told--
	}
	kind := uint32(2 << 1) // dynamic codes
	if final {
		kind |= 1
	}
	w.put(code{kind, 3})
	w.put(code{numLiterals - 257, 5})
	w.put(code{numDistances - 1, 5})
	w.put(code{uint32(told - 4), 4})
	for _, symbol := range lengthOrder[:told] {
		w.put(code{uint32(codes[symbol].n), 3})
	}
	for i, symbol := range symbols[:n] {
		w.put(codes[symbol])
		if symbol == repeat {
			w.put(code{uint32(extras[i]), 2})
		}
	}
}

// bitWriter packs bits into bytes, the first one lowest.
type bitWriter struct {
	out  []byte // with room to spare
	n    int    // bytes that are full
	acc  uint64 // bits that are not yet
	held uint   // how many, 7 at most
}

func (w *bitWriter) put(s code) {
	w.out, w.n, w.acc, w.held = flush(w.out, w.n, w.acc|uint64(s.bits)<<w.held, w.held+uint(s.n))
}

// close fills the last byte and returns all of them.
func (w *bitWriter) close() []byte {
	store64(w.out, w.n, w.acc)
	return w.out[:w.n+int(w.held+7)/8]
}
