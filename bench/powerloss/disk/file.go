package disk

import (
	"math/rand/v2"
	"time"
)

// pageSize is what a disk keeps or loses as a whole.
const pageSize = 4096

// page is a dirty page: what is durable of it, and when it was written last, in ticks of
// the disk.
type page struct {
	old     []byte // nil: nothing
	durable int64  // when old was written, or became durable
	written int64
}

// write is where and when something was written.
type write struct {
	from, to int64
	at       time.Time
}

// content is the bytes of a file.
type content struct {
	live   []byte
	dirty  map[int64]*page
	length int64 // the durable one
	since  int64 // the tick of length
	syncs  int   // that have ended
	writes []write
}

// pageOf is the live content of a page: shorter than a page at the end, empty behind it.
func (c *content) pageOf(n int64) []byte {
	end := int64(len(c.live))
	return c.live[min(n*pageSize, end):min((n+1)*pageSize, end)]
}

// touch says that a range is about to be changed.
func (c *content) touch(from, to, tick int64) {
	for n := from / pageSize; n*pageSize < to; n++ {
		p := c.dirty[n]
		if p == nil {
			p = &page{durable: tick}
			if n*pageSize < c.length {
				p.old = append([]byte{}, c.pageOf(n)...)
			}
			c.dirty[n] = p
		}
		p.written = tick
	}
}

// truncate sets the length.
func (c *content) truncate(size, tick int64) {
	was := int64(len(c.live))
	if size < was {
		c.touch(size, was, tick)
		clear(c.live[size:])
		c.live = c.live[:size]
		return
	}
	c.live = append(c.live, make([]byte, size-was)...)
}

// write writes at an offset.
func (c *content) write(data []byte, off, tick int64, now time.Time) {
	end := off + int64(len(data))
	if off > int64(len(c.live)) {
		c.truncate(off, tick)
	}
	c.touch(off, end, tick)
	if end > int64(len(c.live)) {
		c.truncate(end, tick)
	}
	copy(c.live[off:], data)
	c.writes = append(c.writes, write{off, end, now})
}

// snapshot is what an fsync brings to stable storage: the content at its begin.
type snapshot struct {
	tick   int64
	length int64
	pages  map[int64][]byte
}

func (c *content) snapshot(tick int64) snapshot {
	s := snapshot{tick, int64(len(c.live)), make(map[int64][]byte)}
	for n := range c.dirty {
		s.pages[n] = append([]byte{}, c.pageOf(n)...)
	}
	return s
}

// store says that an fsync has ended.
func (c *content) store(s snapshot) {
	c.syncs++
	for n, data := range s.pages {
		p := c.dirty[n]
		switch {
		case p == nil || p.durable > s.tick: // a later fsync has ended before
		case p.written < s.tick:
			delete(c.dirty, n)
		default:
			p.old, p.durable = data, s.tick
		}
	}
	if s.tick > c.since {
		c.length, c.since = s.length, s.tick
	}
}

// durable says whether a range is on stable storage as it is now.
func (c *content) durable(from, to int64) bool {
	if to > c.length {
		return false
	}
	for n := from / pageSize; n*pageSize < to; n++ {
		p := c.dirty[n]
		if p == nil {
			continue
		}
		for off := max(from, n*pageSize); off < min(to, (n+1)*pageSize); off++ {
			if i := off - n*pageSize; i >= int64(len(p.old)) || p.old[i] != c.live[off] {
				return false
			}
		}
	}
	return true
}

// writtenAt is when the last byte of a range was written.
func (c *content) writtenAt(from, to int64) (at time.Time) {
	for _, w := range c.writes {
		if w.from < to && from < w.to && w.at.After(at) {
			at = w.at
		}
	}
	return at
}

// rates are the probabilities with which a file's dirty pages are kept.
var rates = []float64{0, 0.1, 0.5, 0.9, 1}

// cut is what a cut leaves.
func (c *content) cut(rnd *rand.Rand) []byte {
	rate := rates[rnd.IntN(len(rates))]
	live := int64(len(c.live))
	low, high := min(live, c.length), max(live, c.length)
	size := low + rnd.Int64N(high-low+1)
	left := make([]byte, high)
	copy(left, c.live)
	for n := range (high + pageSize - 1) / pageSize {
		p := c.dirty[n]
		if p == nil || rnd.Float64() < rate {
			continue
		}
		at := left[n*pageSize : min((n+1)*pageSize, high)]
		clear(at)
		copy(at, p.old)
	}
	return left[:size]
}
