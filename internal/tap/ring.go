package tap

import "sync"

// The bounds of a ring.
const (
	RingSize = 200     // messages
	RingText = 2 << 10 // bytes of each that its sender may keep
)

// Ring keeps the newest messages. The zero value is ready to use. It is safe for
// concurrent use.
type Ring struct {
	mu   sync.Mutex
	kept [RingSize]Message
	next uint64 // how many there were
}

// Keep puts a message in the place of the oldest. The caller must not change its slices
// afterwards.
func (r *Ring) Keep(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept[r.next%RingSize] = m
	r.next++
}

// Follower reads a ring. It is for one goroutine.
type Follower struct {
	ring   *Ring
	filter matcher
	next   uint64
}

// Follow returns a follower that has read nothing yet.
func (r *Ring) Follow(f Filter) (*Follower, error) {
	w, err := f.parse()
	if err != nil {
		return nil, err
	}
	return &Follower{ring: r, filter: w}, nil
}

// Next returns the messages that the filter matches and that came since the call before,
// oldest first. Those that the ring does not keep any more are left out.
func (f *Follower) Next() []Message {
	var list []Message
	for _, m := range f.read() {
		if f.filter.matches(&m) {
			list = append(list, m)
		}
	}
	return list
}

// read copies what is new, so that the filter holds nobody up.
func (f *Follower) read() []Message {
	r := f.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	from := f.next
	if r.next > RingSize {
		from = max(from, r.next-RingSize)
	}
	list := make([]Message, 0, r.next-from)
	for ; from < r.next; from++ {
		list = append(list, r.kept[from%RingSize])
	}
	f.next = r.next
	return list
}
