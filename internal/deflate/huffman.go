package deflate

import (
	"math/bits"
	"slices"
)

// maxCodes is the size of the largest alphabet: literals and lengths.
const maxCodes = numLiterals

// code is the code of one symbol: n bits, the first one lowest.
type code struct {
	bits uint32
	n    uint8
}

// build makes the canonical prefix code (RFC 1951 section 3.2.2) for symbols with these
// counts, at least two of which are not 0. No code is longer than limit bits. Symbols
// with the count 0 get no code.
func build(codes []code, counts []uint32, limit int) {
	var keys [maxCodes]uint64 // the count, and the symbol in the low 9 bits
	used := keys[:0]
	for symbol, n := range counts {
		codes[symbol] = code{}
		if n != 0 {
			used = append(used, uint64(n)<<9|uint64(symbol))
		}
	}
	slices.Sort(used)
	perLength := lengths(used, limit)
	// The rarest symbols get the longest codes.
	i := 0
	for n := limit; n > 0; n-- {
		for range perLength[n] {
			codes[used[i]&511].n = uint8(n)
			i++
		}
	}
	var next [maxBits + 1]int // the next code of each length
	first := 0
	for n := 1; n <= limit; n++ {
		first = (first + perLength[n-1]) << 1
		next[n] = first
	}
	for symbol := range codes[:len(counts)] {
		if c := &codes[symbol]; c.n != 0 {
			c.bits = uint32(bits.Reverse16(uint16(next[c.n])) >> (16 - c.n))
			next[c.n]++
		}
	}
}

// lengths returns how many codes of each length an optimal prefix code has. sorted has the
// counts in ascending order, shifted left by 9. The algorithm is the in-place one of
// Moffat and Katajainen (1995). Codes longer than limit are then shortened, which makes
// the longest of the others longer.
func lengths(sorted []uint64, limit int) (perLength [maxBits + 1]int) {
	var tree [maxCodes]int
	a := tree[:len(sorted)]
	for i, key := range sorted {
		a[i] = int(key >> 9)
	}
	pair(a)
	depths(a)
	space := 0 // used by the codes, in codes of limit bits
	for _, n := range a {
		n = min(n, limit)
		perLength[n]++
		space += 1 << (limit - n)
	}
	for ; space > 1<<limit; space-- {
		n := limit - 1
		for perLength[n] == 0 {
			n--
		}
		perLength[n]--
		perLength[n+1] += 2
		perLength[limit]--
	}
	return perLength
}

// pair turns ascending counts into a tree: each inner node has the index of its parent.
func pair(a []int) {
	leaf, root := 0, 0
	lightest := func(next int) int {
		if leaf >= len(a) || root < next && a[root] < a[leaf] {
			weight := a[root]
			a[root] = next
			root++
			return weight
		}
		leaf++
		return a[leaf-1]
	}
	for next := range len(a) - 1 {
		first := lightest(next)
		a[next] = first + lightest(next)
	}
}

// depths turns the tree of pair into the lengths of the codes, in descending order.
func depths(a []int) {
	last := len(a) - 2 // the root
	a[last] = 0
	for i := last - 1; i >= 0; i-- {
		a[i] = a[a[i]] + 1
	}
	inner, out := last, len(a)-1
	for depth, free := 0, 1; free > 0; depth++ {
		used := 0
		for ; inner >= 0 && a[inner] == depth; inner-- {
			used++
		}
		for ; free > used; free-- {
			a[out] = depth
			out--
		}
		free = 2 * used
	}
}
