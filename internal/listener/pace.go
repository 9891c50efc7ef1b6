package listener

import (
	"sync"
	"time"
)

const (
	// maxPause is how long a TCP loop lets lines accumulate in its sockets at most, and
	// minPause how long it does at least, if it does.
	maxPause = 50 * time.Millisecond
	minPause = time.Millisecond
	// pauseShare is the part of batch.max_age that a pause takes at most.
	pauseShare = 4
	// worthPause is how many reads a turn of the loop has at least before it pauses: with
	// fewer there is not much to save.
	worthPause = 8
	// fullRead is the size in bytes of a read that leaves nothing to save.
	fullRead = 8 << 10
)

// pauses says whether loops may pause now, and for how long.
type pauses struct {
	longest time.Duration

	mu     sync.Mutex
	bans   int           // forbid without allow
	ending chan struct{} // closed to end the pauses that are on
}

// newPauses returns the pauses of loops whose batches may have this age.
func newPauses(maxAge time.Duration) *pauses {
	return &pauses{longest: min(maxPause, maxAge/pauseShare), ending: make(chan struct{})}
}

// forbid ends the pauses that are on, and allows none until allow.
func (p *pauses) forbid() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bans++
	close(p.ending)
	p.ending = make(chan struct{})
}

func (p *pauses) allow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bans--
}

// end ends the pauses that are on.
func (p *pauses) end() {
	p.forbid()
	p.allow()
}

// begin returns a channel that ends a pause which begins now; nil if there may be none.
func (p *pauses) begin() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bans > 0 {
		return nil
	}
	return p.ending
}

// pacer has one loop pause while its connections bring single lines, so that one read brings
// several: a read costs more than all else that is done for a line (docs/adr/0014). It
// belongs to the loop.
type pacer struct {
	pauses *pauses
	soon   func(func()) // has the loop call a function when it has read what is ready now
	timer  *time.Timer

	pause   time.Duration // how long the next one is
	began   time.Time     // from when on reads are counted
	waited  time.Duration // the pause before these reads
	reads   int
	largest int  // of the reads, in bytes
	turning bool // turn will be called
}

func newPacer(p *pauses, soon func(func())) pacer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return pacer{pauses: p, soon: soon, timer: t}
}

// read counts a read of so many bytes, and says since when they may have been there: so a
// pause counts in the age of their batch. What was read long ago is not counted, since a line
// that comes alone is not to wait.
func (p *pacer) read(n int, now time.Time) (since time.Time) {
	if now.Sub(p.began) > p.pauses.longest {
		p.begin(now, 0)
	}
	p.reads++
	p.largest = max(p.largest, n)
	if p.reads >= worthPause && !p.turning {
		p.turning = true
		p.soon(p.turn)
	}
	return now.Add(-p.waited)
}

func (p *pacer) begin(now time.Time, waited time.Duration) {
	p.began, p.waited, p.reads, p.largest = now, waited, 0, 0
}

// turn is called when the loop has read all that was ready. The pause grows while reads are
// small, and shrinks when one is large.
func (p *pacer) turn() {
	if p.largest >= fullRead {
		p.pause /= 2
	} else {
		p.pause = min(max(2*p.pause, minPause), p.pauses.longest)
	}
	from := time.Now()
	if p.pause >= minPause {
		p.wait()
	}
	now := time.Now()
	p.begin(now, now.Sub(from))
	p.turning = false
}

func (p *pacer) wait() {
	end := p.pauses.begin()
	if end == nil {
		return
	}
	p.timer.Reset(p.pause)
	select {
	case <-end:
		p.timer.Stop()
	case <-p.timer.C:
	}
}
