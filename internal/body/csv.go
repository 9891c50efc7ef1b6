package body

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Columns reads the columns of a comma-separated line, forwards only. A column that
// begins with '"' ends at the next '"' that is not doubled, and may contain commas.
type Columns struct {
	// Line is what is divided.
	Line  []byte
	start int // of column index
	index int
	ended bool
}

// At returns column n without its quotes, or nil if the line has fewer columns. n must
// not be smaller than in the call before.
func (c *Columns) At(n int) []byte {
	if c.index < n {
		c.seek(n)
	}
	if c.ended {
		return nil
	}
	p := c.Line[c.start:]
	end := columnEnd(p)
	if end >= 2 && p[0] == '"' && p[end-1] == '"' {
		return p[1 : end-1]
	}
	return p[:end]
}

// Next returns the column behind the one that was read last.
func (c *Columns) Next() []byte { return c.At(c.index + 1) }

// Ended reports whether the line has no more columns.
func (c *Columns) Ended() bool { return c.ended }

// SkipTo moves the begin of the column to the next character b in the line, if there is one.
func (c *Columns) SkipTo(b byte) {
	if i := bytes.IndexByte(c.Line[c.start:], b); i > 0 {
		c.start += i
	}
}

// seek moves to column n. It reads many bytes at a time, because most of 102 columns are
// short or empty.
func (c *Columns) seek(n int) {
	p, i, need := c.Line, c.start, n-c.index
	c.index = n
	for skip := true; i < len(p); {
		if skip && need >= farColumn {
			skipped, commas := skipCommas(p[i:], need)
			i, need, skip = i+skipped, need-commas, false
			continue
		}
		if p[i] == '"' {
			if i == 0 || p[i-1] == ',' {
				i, skip = quotedEnd(p, i), true
			} else {
				i++
			}
			continue
		}
		var word uint64
		step := 8
		if i+8 <= len(p) {
			word = binary.LittleEndian.Uint64(p[i:])
		} else {
			step = len(p) - i
			for j := range step {
				word |= uint64(p[i+j]) << (8 * j)
			}
		}
		commas := matches(word, ',')
		if quotes := matches(word, '"'); quotes != 0 { // stop at the first quote
			step = bits.TrailingZeros64(quotes) / 8
			commas &= 1<<(8*step) - 1
		}
		found := bits.OnesCount64(commas)
		if found >= need {
			for ; need > 1; need-- {
				commas &= commas - 1
			}
			c.start = i + bits.TrailingZeros64(commas)/8 + 1
			return
		}
		need -= found
		i += step
	}
	c.start, c.ended = len(p), true
}

// farColumn is how many columns further it pays to skip commas by blocks.
const farColumn = 8

// quotedEnd returns the position behind the quoted part that begins at p[i].
func quotedEnd(p []byte, i int) int {
	for i++; ; i += 2 {
		j := bytes.IndexByte(p[i:], '"')
		if j < 0 {
			return len(p)
		}
		i += j
		if i+1 >= len(p) || p[i+1] != '"' {
			return i + 1
		}
	}
}

// columnEnd returns the length of the column at the front of p with its quotes.
func columnEnd(p []byte) int {
	i := 0
	if len(p) != 0 && p[0] == '"' {
		i = quotedEnd(p, 0)
	}
	if j := bytes.IndexByte(p[i:], ','); j >= 0 {
		return i + j
	}
	return len(p)
}

// matches returns a word with the high bit set in every byte of w that equals b.
func matches(w uint64, b byte) uint64 {
	const low7 = 0x7f7f7f7f7f7f7f7f
	x := w ^ uint64(b)*0x0101010101010101
	return ^((x&low7 + low7) | x | low7)
}
