package fairshare

import (
	"cmp"
	"math/rand"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
)

// member is a connection that does what a test says.
type member struct {
	from   netip.Addr
	active atomic.Int64
	busy   atomic.Bool
	share  Share[*member]
}

func (m *member) From() netip.Addr  { return m.from }
func (m *member) LastActive() int64 { return m.active.Load() }
func (m *member) Busy() bool        { return m.busy.Load() }

func newMember(from netip.Addr, active int64) *member {
	m := &member{from: from}
	m.active.Store(active)
	m.share = NewShare(m)
	return m
}

// model is a pool without heaps: it is searched from one end to the other.
type model struct {
	held map[*member]int64
	gone map[*member]bool // asked to give it up
}

// victims are the members that may be chosen, the one that has to be first.
func (m *model) victims() (best []*member) {
	var most int64
	by := make(map[netip.Prefix]int64)
	for s, n := range m.held {
		if !m.gone[s] {
			by[Network(s.from)] += n
			most = max(most, by[Network(s.from)])
		}
	}
	for s, n := range m.held {
		if n != 0 && !m.gone[s] && by[Network(s.from)] == most {
			best = append(best, s)
		}
	}
	slices.SortFunc(best, func(a, b *member) int {
		if a.Busy() != b.Busy() {
			if a.Busy() {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.LastActive(), b.LastActive())
	})
	return best
}

func (m *model) sums() (total, kept int64) {
	for s, n := range m.held {
		total += n
		if !m.gone[s] {
			kept += n
		}
	}
	return total, kept
}

// The victim is always the longest silent member of an address that holds most, one that
// is busy only when all others are, and what is held adds up.
func TestPool(t *testing.T) {
	for seed := range int64(30) {
		r := rand.New(rand.NewSource(seed))
		var p Pool[*member]
		m := model{held: make(map[*member]int64), gone: make(map[*member]bool)}
		var all []*member
		for i := range 60 {
			all = append(all, newMember(netip.AddrFrom4([4]byte{10, 0, 0, byte(i * i % 7)}), int64(i)))
		}
		for now := int64(100); now < 3000; now++ {
			s := all[r.Intn(len(all))]
			switch r.Intn(5) {
			case 0:
				s.active.Store(now)
			case 1:
				p.Set(&s.share, 0)
				m.held[s], m.gone[s] = 0, false
			case 2:
				n := int64(1 + r.Intn(50))
				p.Set(&s.share, n)
				m.held[s] = n
			case 3:
				s.busy.Store(seed%2 == 0 && !s.Busy())
				s.active.Store(now)
			case 4:
				limit := int64(r.Intn(1500))
				_, kept := m.sums()
				got, _ := p.Victim(limit)
				if (got != nil) != (kept > limit) {
					t.Fatalf("seed %d: victim %v with %d held and a limit of %d", seed, got, kept, limit)
				}
				if got == nil {
					continue
				}
				// Of addresses that hold the same, the one that is silent for longest.
				if want := m.victims()[0]; got.Member() != want {
					t.Fatalf("seed %d, %d: the victim was active at %d, the right one at %d", seed, now, got.Member().LastActive(), want.LastActive())
				}
				if !p.Asked(got) {
					t.Fatalf("seed %d: the victim is not asked", seed)
				}
				m.gone[got.Member()] = true
			}
			wantHeld, wantKept := m.sums()
			if total, kept := p.Total(); total != wantHeld || kept != wantKept {
				t.Fatalf("seed %d: %d held and %d kept, want %d and %d", seed, total, kept, wantHeld, wantKept)
			}
		}
		for _, s := range all {
			p.Set(&s.share, 0)
		}
		checkEmpty(t, &p)
	}
}

func checkEmpty(t *testing.T, p *Pool[*member]) {
	t.Helper()
	if p.total != 0 || p.leaving != 0 || len(p.holders) != 0 || len(p.ranking) != 0 || len(p.busy) != 0 {
		t.Fatalf("the pool is not empty: %d, %d, %d addresses, %d busy", p.total, p.leaving, len(p.holders), len(p.busy))
	}
}

// A newcomer to a full pool takes the place of the member that the model chooses, and
// never of itself; by the fair way it stays outside when its address would hold most.
func TestEnter(t *testing.T) {
	const limit = 12
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		var p Pool[*member]
		m := model{held: make(map[*member]int64), gone: make(map[*member]bool)}
		var inside []*member
		for now := int64(1); now < 1000; now++ {
			switch r.Intn(3) {
			case 0:
				if len(inside) == 0 {
					continue
				}
				s := inside[r.Intn(len(inside))]
				s.busy.Store(r.Intn(2) == 0)
				s.active.Store(now)
			case 1:
				if len(inside) == 0 {
					continue
				}
				i := r.Intn(len(inside))
				p.Set(&inside[i].share, 0)
				p.Set(&inside[i].share, 0) // twice is once
				delete(m.held, inside[i])
				inside = slices.Delete(inside, i, i+1)
			case 2:
				s, fair := newMember(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.Intn(6))}), now), r.Intn(2) == 0
				m.held[s] = 1
				var want *member
				wantIn := true
				if _, kept := m.sums(); kept > limit {
					all := m.victims()
					wantIn = !fair || !slices.ContainsFunc(all, func(v *member) bool { return v.from == s.from })
					if all = slices.DeleteFunc(all, func(v *member) bool { return v == s }); wantIn {
						want = all[0]
					}
				}
				out, in := p.Enter(&s.share, limit, fair)
				if in != wantIn || (out != nil) != (want != nil) || out != nil && out.Member() != want {
					t.Fatalf("seed %d, %d: out %v, in %v, want %v, %v", seed, now, out, in, want, wantIn)
				}
				if in {
					inside = append(inside, s)
				} else {
					delete(m.held, s)
				}
				if out != nil {
					p.Set(out, 0)
					delete(m.held, want)
					inside = slices.DeleteFunc(inside, func(v *member) bool { return v == want })
				}
			}
			if total, kept := p.Total(); total != int64(len(inside)) || kept != total || kept > limit {
				t.Fatalf("seed %d: %d held, %d kept, want %d", seed, total, kept, len(inside))
			}
		}
		for _, s := range inside {
			p.Set(&s.share, 0)
		}
		checkEmpty(t, &p)
	}
}

func TestNetwork(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"::ffff:192.0.2.7":     "192.0.2.7/32",
		"169.254.1.2":          "169.254.1.2/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::":       "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::1/128",
		"fe80::2":              "fe80::2/128",
	} {
		got := Network(netip.MustParseAddr(a))
		if got.String() != want || Network(got.Addr()) != got {
			t.Errorf("%s counts as %s, want %s", a, got, want)
		}
	}
	if got := Network(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address counts as %s", got)
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
				var p Pool[*member]
				at := int64(0)
				come := func() {
					n := int(at) % c.addresses
					at++
					p.Set(&newMember(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), at).share, 1)
				}
				for range size {
					come()
				}
				for b.Loop() {
					come()
					victim, _ := p.Victim(int64(size))
					p.Set(victim, 0)
				}
			})
		}
	}
}
