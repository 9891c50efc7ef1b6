package stats

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// After freeGuesses wrong passwords an address has to wait before each further one: a
// second, then twice as long each time up to maxPause. It is forgotten when it has tried
// nothing wrong for forgetAfter.
const (
	freeGuesses = 10
	maxPause    = time.Minute
	forgetAfter = 10 * time.Minute
	maxGuessers = 4096 // addresses that are remembered, at some 100 bytes each
)

// guesses remembers who has tried wrong passwords.
type guesses struct {
	mu sync.Mutex
	by map[netip.Prefix]*guesser
}

type guesser struct {
	wrong       int
	last, until time.Time
}

// waitError says that an address has to wait.
type waitError struct{ left time.Duration }

func (e *waitError) Error() string {
	return fmt.Sprintf("too many passwords were tried from your address; wait %d s", e.seconds())
}

func (e *waitError) seconds() int { return int((e.left + time.Second - 1) / time.Second) }

// pause is how long an address has to wait still.
func (g *guesses) pause(from netip.Prefix) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.by[from]; one != nil {
		return max(0, time.Until(one.until))
	}
	return 0
}

// wrong books a wrong password, and returns how many an address has tried.
func (g *guesses) wrong(from netip.Prefix) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	one := g.by[from]
	if one == nil || now.Sub(one.last) > forgetAfter {
		g.makeRoom(now)
		one = new(guesser)
		g.by[from] = one
	}
	one.wrong++
	one.last = now
	if over := one.wrong - freeGuesses; over >= 0 {
		one.until = now.Add(min(time.Second<<min(over, 30), maxPause))
	}
	return one.wrong
}

// makeRoom forgets who has not tried for long and, where that is not enough, who has not
// tried for longest.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.by) < maxGuessers {
		return
	}
	var oldest netip.Prefix
	for from, one := range g.by {
		if now.Sub(one.last) > forgetAfter {
			delete(g.by, from)
		} else if first := g.by[oldest]; first == nil || one.last.Before(first.last) {
			oldest = from
		}
	}
	if len(g.by) >= maxGuessers {
		delete(g.by, oldest)
	}
}
