package rules

import "hash/maphash"

// suppress lets one message of each kind through in so long.
type suppress struct {
	oneIn  int64 // nanoseconds
	by     []part
	atMost int
}

// suppress reports whether a rule lets the message at hand through, and how many of its kind
// it left out before.
func (a *Actor) suppress(r *rule, m *Message) (before uint32, let bool) {
	k := a.kinds[r.number]
	if k == nil {
		k = newKinds(r.suppress.atMost)
		a.kinds[r.number] = k
	}
	a.key = a.key[:0]
	for i := range r.suppress.by {
		p := &r.suppress.by[i]
		switch p.kind {
		case partClass:
			a.key = append(append(a.key, a.set.classes[m.Result.Class].name...), 0) // its number is another one after a reload
		case partSender:
			addr := m.Result.Line().From.As16()
			a.key = append(a.key, addr[:]...)
		default:
			v := p.get(a, m)
			a.key = append(append(a.key, byte(len(v)), byte(len(v)>>8)), v...)
		}
	}
	return k.take(maphash.Bytes(a.seed, a.key), m.Now, r.suppress.oneIn)
}

// kinds remembers kinds of messages by their hash: a table of a fixed size at most, from
// which the kind whose time began first is thrown out.
type kinds struct {
	atMost  int
	entries []entry
	slots   []int32 // open addressing; entry+1, 0 is free; a power of two, at most half full
	// oldest and newest are the ends of the list of entries by the begin of their time.
	oldest, newest int32
}

type entry struct {
	hash       uint64
	until      int64 // the end of its time
	left       uint32
	prev, next int32 // -1: none
}

func newKinds(atMost int) *kinds {
	const first = 64
	return &kinds{atMost: atMost, entries: make([]entry, 0, min(first, atMost)), slots: make([]int32, 2*first), oldest: -1, newest: -1}
}

// take takes a message of a kind. It reports whether it is let through, and how many were
// left out since the one before.
func (k *kinds) take(hash uint64, now, oneIn int64) (before uint32, let bool) {
	if at := k.find(hash); at >= 0 {
		e := &k.entries[at]
		if now < e.until && e.until-now <= oneIn { // else the clock was set back
			if e.left++; e.left == 0 {
				e.left--
			}
			return 0, false
		}
		before = e.left
		k.unlink(at)
		e.left, e.until = 0, now+oneIn
		k.link(at)
		return before, true
	}
	k.add(hash, now+oneIn, now)
	return 0, true
}

// find returns the entry of a kind, or -1.
func (k *kinds) find(hash uint64) int32 {
	mask := uint64(len(k.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		at := k.slots[i] - 1
		if at < 0 || k.entries[at].hash == hash {
			return at
		}
	}
}

// add enters a kind, in the place of the oldest if the table is full or the oldest has
// nothing to tell any more.
func (k *kinds) add(hash uint64, until, now int64) {
	var at int32
	old := k.oldest
	if old >= 0 && (len(k.entries) >= k.atMost || k.entries[old].left == 0 && k.entries[old].until <= now) {
		at = old
		k.unlink(at)
		k.remove(k.entries[at].hash)
	} else {
		if 2*(len(k.entries)+1) > len(k.slots) {
			k.grow()
		}
		at = int32(len(k.entries))
		k.entries = append(k.entries, entry{})
	}
	k.entries[at] = entry{hash: hash, until: until}
	k.link(at)
	k.enter(hash, at)
}

func (k *kinds) enter(hash uint64, at int32) {
	mask := uint64(len(k.slots) - 1)
	i := hash & mask
	for k.slots[i] != 0 {
		i = (i + 1) & mask
	}
	k.slots[i] = at + 1
}

// remove frees the slot of a kind and closes the gap behind it.
func (k *kinds) remove(hash uint64) {
	mask := uint64(len(k.slots) - 1)
	i := hash & mask
	for k.entries[k.slots[i]-1].hash != hash {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		if k.slots[j] == 0 {
			break
		}
		home := k.entries[k.slots[j]-1].hash & mask
		if (j-home)&mask >= (j-i)&mask {
			k.slots[i] = k.slots[j]
			i = j
		}
	}
	k.slots[i] = 0
}

// grow doubles the slots.
func (k *kinds) grow() {
	k.slots = make([]int32, 2*len(k.slots))
	for at := range k.entries {
		k.enter(k.entries[at].hash, int32(at))
	}
}

// link makes an entry the newest.
func (k *kinds) link(at int32) {
	e := &k.entries[at]
	e.prev, e.next = k.newest, -1
	if k.newest >= 0 {
		k.entries[k.newest].next = at
	} else {
		k.oldest = at
	}
	k.newest = at
}

func (k *kinds) unlink(at int32) {
	e := &k.entries[at]
	if e.prev >= 0 {
		k.entries[e.prev].next = e.next
	} else {
		k.oldest = e.next
	}
	if e.next >= 0 {
		k.entries[e.next].prev = e.prev
	} else {
		k.newest = e.prev
	}
}
