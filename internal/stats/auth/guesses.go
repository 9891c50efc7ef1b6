package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// After freeGuesses wrong passwords an address must wait before each further one: 1 s,
// then twice as long each time, up to maxPause. An address is forgotten if it sent no
// wrong password for forgetAfter.
const (
	freeGuesses = 10
	maxPause    = time.Minute
	forgetAfter = 10 * time.Minute
	maxGuessers = 4096 // addresses that are remembered, at about 100 bytes each
)

// guesses counts the wrong passwords of each address.
type guesses struct {
	mu sync.Mutex
	by map[netip.Prefix]*guesser
}

type guesser struct {
	wrong       int
	last, until time.Time
}

// WaitError means that an address must wait before its next password.
type WaitError struct{ remaining time.Duration }

// Error implements error.
func (e *WaitError) Error() string {
	return fmt.Sprintf("too many passwords were tried from your address; wait %d s", e.Seconds())
}

// Seconds is the remaining time, rounded up.
func (e *WaitError) Seconds() int { return int((e.remaining + time.Second - 1) / time.Second) }

// pause is how long an address must still wait.
func (g *guesses) pause(from netip.Prefix) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.by[from]; one != nil {
		return max(0, time.Until(one.until))
	}
	return 0
}

// wrong counts a wrong password and returns how many the address has sent.
func (g *guesses) wrong(from netip.Prefix) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	one := g.by[from]
	if one == nil || now.Sub(one.last) > forgetAfter {
		g.evict(now)
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

// evict forgets expired addresses and, if that is not enough, the one with the oldest
// guess.
func (g *guesses) evict(now time.Time) {
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
