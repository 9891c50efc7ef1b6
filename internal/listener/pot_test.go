package listener

import (
	"cmp"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
)

// model is a pot without cleverness: it is searched from one end to the other.
type model struct {
	held map[*stream]int64
	gone map[*stream]bool // asked to give it up
}

func (m *model) victims(limit int64) (best []*stream, any bool) {
	var sum int64
	by := make(map[netip.Addr]int64)
	for s, n := range m.held {
		if !m.gone[s] {
			sum += n
			by[host(s.peer)] += n
		}
	}
	if sum <= limit {
		return nil, false
	}
	var most int64
	for _, n := range by {
		most = max(most, n)
	}
	for s, n := range m.held {
		if n != 0 && !m.gone[s] && by[host(s.peer)] == most {
			best = append(best, s)
		}
	}
	slices.SortFunc(best, func(a, b *stream) int { return cmp.Compare(a.lastActive.Load(), b.lastActive.Load()) })
	return best, true
}

// The victim is always the longest silent connection of an address that holds most,
// and what is held adds up.
func TestPot(t *testing.T) {
	for seed := range int64(30) {
		r := rand.New(rand.NewSource(seed))
		p := newPot()
		m := model{held: make(map[*stream]int64), gone: make(map[*stream]bool)}
		var all []*stream
		for i := range 60 {
			s := newStream(nil, 0, nil, netip.AddrFrom4([4]byte{10, 0, 0, byte(i * i % 7)}), nil)
			s.lastActive.Store(int64(i))
			all = append(all, s)
		}
		for now := int64(100); now < 3000; now++ {
			s := all[r.Intn(len(all))]
			switch r.Intn(4) {
			case 0:
				s.lastActive.Store(now)
			case 1:
				p.set(&s.hold, 0)
				m.held[s], m.gone[s] = 0, false
			case 2:
				n := int64(1 + r.Intn(50))
				p.set(&s.hold, n)
				m.held[s] = n
			case 3:
				limit := int64(r.Intn(1500))
				best, any := m.victims(limit)
				got, _ := p.victim(limit)
				if (got != nil) != any {
					t.Fatalf("seed %d: victim %v, want one: %v", seed, got, any)
				}
				if got == nil {
					continue
				}
				// Of addresses that hold the same, the one that is silent for longest.
				if got != best[0] {
					t.Fatalf("seed %d, %d: the victim was active at %d, the right one at %d", seed, now, got.lastActive.Load(), best[0].lastActive.Load())
				}
				if !p.wants(&got.hold) {
					t.Fatalf("seed %d: the victim is not asked", seed)
				}
				m.gone[got] = true
			}
			var held, leaving int64
			for s, n := range m.held {
				held += n
				if m.gone[s] {
					leaving += n
				}
			}
			if p.held != held || p.leaving != leaving {
				t.Fatalf("seed %d: %d held and %d leaving, want %d and %d", seed, p.held, p.leaving, held, leaving)
			}
		}
		for _, s := range all {
			p.set(&s.hold, 0)
		}
		if p.held != 0 || p.leaving != 0 || len(p.holders) != 0 || len(p.rank) != 0 {
			t.Fatalf("seed %d: the pot is not empty: %d, %d, %d addresses", seed, p.held, p.leaving, len(p.holders))
		}
	}
}

func TestHost(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"2001:db8:1:2::":       "2001:db8:1:2::",
		"fe80::1%eth0":         "fe80::1%eth0",
	} {
		if got := host(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("%s counts as %s, want %s", a, got, want)
		}
	}
}

// BenchmarkFlood is a connection that comes while all places are taken, by as many
// addresses or by one.
func BenchmarkFlood(b *testing.B) {
	for _, c := range []struct {
		name      string
		addresses int
	}{{"one address", 1}, {"many addresses", 1 << 16}} {
		for _, size := range []int{1000, 100_000} {
			b.Run(c.name+"/"+map[int]string{1000: "1000", 100_000: "100000"}[size], func(b *testing.B) {
				p := newPot()
				at := int64(0)
				come := func() {
					n := int(at) % c.addresses
					s := newStream(nil, 0, nil, netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), nil)
					at++
					s.lastActive.Store(at)
					p.set(&s.seat, 1)
				}
				for range size {
					come()
				}
				for b.Loop() {
					come()
					victim, _ := p.victim(int64(size))
					p.set(&victim.seat, 0)
				}
			})
		}
	}
}
