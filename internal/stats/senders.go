package stats

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/senders"
)

const (
	// regular is how many messages make somebody of whom silence is news.
	regular = 10
	// patience is how many of a sender's usual pauses are no silence yet.
	patience = 5
	// shownSenders is how many the page shows of the top, and of the silent.
	shownSenders = 20
	// manySenders is from how many on they are read only every fifth second.
	manySenders = 500
	maxListed   = 1000
)

// sender is what is told of one.
type sender struct {
	Source  string    `json:"source"`
	Address string    `json:"address"`
	Name    string    `json:"name"` // host name in its messages
	Events  uint64    `json:"events"`
	Error   uint64    `json:"events_error"` // it may have sent so many more
	Bytes   uint64    `json:"bytes"`
	First   time.Time `json:"first_seen"`
	Last    time.Time `json:"last_seen"`
	Silent  bool      `json:"silent"`
}

// crowd is one reading of all senders, busiest first.
type crowd struct {
	at     time.Time
	all    []sender
	counts map[string]crowdCount
}

// crowdCount counts the senders of one source.
type crowdCount struct{ known, silent int }

// gather reads the book. Silent is who has sent something regularly and then nothing,
// for the time that its source says and for several of its own usual pauses: a device
// that speaks once an hour is not silent after one.
func gather(book *senders.Book, snap Snapshot) crowd {
	after := make(map[string]time.Duration, len(snap.Sources))
	c := crowd{at: snap.Now, counts: make(map[string]crowdCount, len(snap.Sources))}
	for _, s := range snap.Sources {
		after[s.Source] = s.SilentAfter
		if s.Configured && !s.Internal {
			c.counts[s.Source] = crowdCount{}
		}
	}
	if book == nil {
		return c
	}
	for _, s := range book.Senders() {
		one := sender{
			Source: s.Source, Address: s.Address.String(), Name: strings.ToValidUTF8(s.Name, "\ufffd"), Events: s.Events,
			Error: s.Error, Bytes: s.Bytes, First: s.First.UTC(), Last: s.Last.UTC(),
		}
		if limit := after[s.Source]; limit > 0 && s.Events >= regular {
			pause := s.Last.Sub(s.First) / time.Duration(s.Events-1)
			one.Silent = snap.Now.Sub(s.Last) > max(limit, patience*pause)
		}
		n := c.counts[s.Source]
		n.known++
		if one.Silent {
			n.silent++
		}
		c.counts[s.Source] = n
		c.all = append(c.all, one)
	}
	slices.SortFunc(c.all, func(a, b sender) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Address, b.Address))
	})
	return c
}

// top are the busiest senders that are not silent.
func (c crowd) top(scope string) []sender {
	return c.pick(shownSenders, func(s sender) bool { return !s.Silent && within(scope, s.Source) })
}

// silent are those that fell silent, the latest first.
func (c crowd) silent(scope string) []sender {
	list := c.pick(len(c.all), func(s sender) bool { return s.Silent && within(scope, s.Source) })
	slices.SortStableFunc(list, func(a, b sender) int { return b.Last.Compare(a.Last) })
	return list[:min(len(list), shownSenders)]
}

func (c crowd) pick(n int, want func(sender) bool) []sender {
	list := []sender{}
	for _, s := range c.all {
		if len(list) >= n {
			break
		}
		if want(s) {
			list = append(list, s)
		}
	}
	return list
}

// known is how many senders of all sources there are, and silentCount how many of them
// are silent.
func (c crowd) known() (n int) { return len(c.all) }

func (c crowd) silentCount() (n int) {
	for _, s := range c.counts {
		n += s.silent
	}
	return n
}

// watcher holds the newest reading of the senders.
type watcher struct {
	book *senders.Book
	mu   sync.Mutex
	now  crowd
}

// look reads the senders anew when it is time.
func (w *watcher) look(snap Snapshot) {
	w.mu.Lock()
	old := w.now
	w.mu.Unlock()
	if len(old.all) > manySenders && snap.Now.Sub(old.at) < 5*sampleEvery {
		return
	}
	next := gather(w.book, snap)
	w.mu.Lock()
	w.now = next
	w.mu.Unlock()
}

// crowd is the newest reading; the first one is made when somebody asks.
func (w *watcher) crowd(snap Snapshot) crowd {
	w.mu.Lock()
	c := w.now
	w.mu.Unlock()
	if c.at.IsZero() {
		w.look(snap)
		w.mu.Lock()
		c = w.now
		w.mu.Unlock()
	}
	return c
}

// serveSenders lists senders: ?source= and ?silent= choose, ?limit= and ?offset= turn
// the leaves.
func (s *Server) serveSenders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), 100, 1, maxListed)
	offset, err2 := whole(q.Get("offset"), 0, 0, 1<<30)
	silent := q.Get("silent")
	if err != nil || err2 != nil || (silent != "" && silent != "true" && silent != "false") {
		plain(w, http.StatusBadRequest, "limit is a number from 1 to 1000, offset one from 0 on, silent is true or false\n")
		return
	}
	c := s.watcher.crowd(s.now())
	list := c.pick(len(c.all), func(one sender) bool {
		return (q.Get("source") == "" || q.Get("source") == one.Source) && (silent == "" || silent == strconv.FormatBool(one.Silent))
	})
	total := len(list)
	list = list[min(offset, total):min(offset+limit, total)]
	s.answer(w, "/api/v1/senders", struct {
		Time    time.Time `json:"time"`
		Total   int       `json:"total"`
		Silent  int       `json:"silent"`
		Senders []sender  `json:"senders"`
	}{c.at, total, c.silentCount(), list})
}

// whole reads a whole number between two bounds, or takes what it is without.
func whole(text string, without, least, most int) (int, error) {
	if text == "" {
		return without, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}
