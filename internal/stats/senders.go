package stats

import (
	"cmp"
	"fmt"
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

// sender is what is told of one: of an address, or of a host behind a relay.
type sender struct {
	Source  string    `json:"source"`
	Address string    `json:"address"`
	Name    string    `json:"name"`    // host name in its messages
	Relayed bool      `json:"relayed"` // one of several hosts at this address
	Events  uint64    `json:"events"`
	Error   uint64    `json:"events_error"` // it may have sent so many more
	Bytes   uint64    `json:"bytes"`
	First   time.Time `json:"first_seen"`
	Last    time.Time `json:"last_seen"`
	Silent  bool      `json:"silent"`
	Skewed  bool      `json:"skewed"` // its times are off by a zone, or ahead
	Offset  float64   `json:"time_offset_seconds"`

	Skew senders.Skew `json:"-"`
}

// crowd is one reading of all senders, busiest first.
type crowd struct {
	at     time.Time
	all    []sender
	skewed []sender
	counts map[string]crowdCount
}

// crowdCount counts the senders of one source.
type crowdCount struct{ known, silent int }

// gather reads the book. Silent is who has sent something regularly and then nothing,
// for the time that its source says and for several of its own usual pauses: a device
// that speaks once an hour is not silent after one. The doubt decides who is skewed.
func gather(book *senders.Table, snap Snapshot, doubt *doubt) crowd {
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
	pages := book.Senders()
	slices.SortFunc(pages, func(a, b senders.Sender) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), a.Address.Compare(b.Address), cmp.Compare(a.Host, b.Host))
	})
	doubt.begin()
	for len(pages) > 0 {
		same := func(p senders.Sender) bool { return p.Source != pages[0].Source || p.Address != pages[0].Address }
		n := slices.IndexFunc(pages, same)
		if n < 0 {
			n = len(pages)
		}
		for _, one := range atAddress(pages[:n], after[pages[0].Source], snap.Now) {
			if one.Skewed = doubt.holds(&one, snap.Now); one.Skewed {
				one.Offset = one.Skew.Offset.Seconds()
			}
			count := c.counts[one.Source]
			count.known++
			if one.Silent {
				count.silent++
			}
			c.counts[one.Source] = count
			c.all = append(c.all, one)
		}
		pages = pages[n:]
	}
	doubt.end()
	slices.SortFunc(c.all, func(a, b sender) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Name, b.Name))
	})
	c.skewed = c.pick(len(c.all), func(s sender) bool { return s.Skewed })
	return c
}

// atAddress makes senders of the pages of one address, whose first one is that of messages
// without a host, if there is such. Messages with one host and those without are of one
// device. With several hosts the address is that of a relay, and each is a sender; messages
// without a host may be of any of them, so their sender is silent only when all are.
func atAddress(pages []senders.Sender, after time.Duration, now time.Time) (list []sender) {
	if len(pages) == 2 && pages[0].Host == "" {
		pages = []senders.Sender{joined(pages[0], pages[1])}
	}
	quiet := true
	for _, p := range pages {
		one := sender{
			Source: p.Source, Address: p.Address.String(), Name: strings.ToValidUTF8(p.Name, "\ufffd"), Relayed: len(pages) > 1 && p.Host != "",
			Events: p.Events, Error: p.Error, Bytes: p.Bytes, First: p.First.UTC(), Last: p.Last.UTC(), Skew: p.Skew,
		}
		if after > 0 && p.Events >= regular {
			pause := p.Last.Sub(p.First) / time.Duration(p.Events-1)
			one.Silent = now.Sub(p.Last) > max(after, patience*pause)
		}
		if p.Host != "" {
			quiet = quiet && one.Silent
		}
		list = append(list, one)
	}
	if len(list) > 1 && pages[0].Host == "" {
		list[0].Silent = list[0].Silent && quiet
	}
	return list
}

// joined is the messages of one device that have no host, and those that do.
func joined(without, with senders.Sender) senders.Sender {
	with.Events += without.Events
	with.Error = max(with.Error, without.Error)
	with.Bytes += without.Bytes
	if without.First.Before(with.First) {
		with.First = without.First
	}
	if without.Last.After(with.Last) {
		with.Last = without.Last
	}
	if with.Skew == (senders.Skew{}) {
		with.Skew = without.Skew
	}
	return with
}

// A sender's times are called off when they have been for offFor, and have moved by less
// than offMoves against their receipt: those of a backlog that a relay sends come nearer.
const (
	offFor   = 3 * time.Second
	offMoves = 2 * time.Second
)

// doubt remembers whose times seem to be off, and since when.
type doubt struct{ before, now map[doubted]suspicion }

type doubted struct{ source, address, name string }

type suspicion struct {
	since time.Time
	last  time.Duration
	sure  bool
}

func (d *doubt) begin() { d.before, d.now = d.now, make(map[doubted]suspicion) }
func (d *doubt) end()   { d.before = nil }

// holds reports whether the times of a sender are off. Who is right again is no longer
// remembered.
func (d *doubt) holds(s *sender, now time.Time) bool {
	if s.Skew == (senders.Skew{}) {
		return false
	}
	key := doubted{s.Source, s.Address, s.Name}
	was, known := d.before[key]
	switch moved := (s.Skew.Last - was.last).Abs(); {
	case !known, !was.sure && moved > offMoves:
		was = suspicion{since: now, last: s.Skew.Last}
	case now.Sub(was.since) >= offFor:
		was.sure = true
	}
	d.now[key] = was
	return was.sure
}

// maxAdvice is how many lines the page has about times that are off.
const maxAdvice = 10

// advice says whose times are off, and what to do.
func (c crowd) advice() (lines []string) {
	for i, s := range c.skewed {
		if i == maxAdvice {
			lines = append(lines, fmt.Sprintf("The times of %s more are off: /api/v1/senders?skewed=true lists them.", count(len(c.skewed)-i, "sender")))
			break
		}
		lines = append(lines, s.advice())
	}
	return lines
}

// advice is a line such as: linux: the times of fw1 (192.0.2.9) are +1 h 00 min off …
func (s sender) advice() string {
	who := s.Address
	if s.Name != "" && s.Name != s.Address {
		who = oneLine(s.Name) + " (" + s.Address + ")"
	}
	bits := "/32"
	if strings.Contains(s.Address, ":") {
		bits = "/128"
	}
	line := fmt.Sprintf("%s: the times of %s are %s off their receipt. ", s.Source, who, offset(s.Skew.Offset))
	setting := fmt.Sprintf("sources.%s.timezones: {%q: ZONE}", s.Source, s.Address+bits)
	switch {
	case s.Skew.Zoned:
		line += "They name a zone, so timezones does not change them: the clock or the zone of the device is wrong."
	case s.Relayed && s.Skew.Zone:
		line += "They name no zone, and the device has another one than its relay: let it send times with a zone (RFC 3339). " +
			"Where all hosts of the relay have this zone, set " + setting + "."
	case s.Skew.Zone:
		line += "They name no zone, and the device has another one than is configured: set " + setting +
			", where ZONE is the device's, such as Europe/Berlin. If the zone is right, its clock is wrong."
	default:
		line += "This is no difference of time zones: the clock of the device is wrong. If it is right, see timezones."
	}
	return line
}

// offset writes a difference of times as +1 h 00 min.
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign = "-"
	}
	d = d.Abs().Round(time.Minute)
	return fmt.Sprintf("%s%d h %02d min", sign, d/time.Hour, d%time.Hour/time.Minute)
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
	book *senders.Table
	mu   sync.Mutex
	now  crowd

	reading sync.Mutex // held while the senders are read
	doubt   doubt
}

// look reads the senders anew when it is time.
func (w *watcher) look(snap Snapshot) {
	w.mu.Lock()
	old := w.now
	w.mu.Unlock()
	if len(old.all) > manySenders && snap.Now.Sub(old.at) < 5*sampleEvery {
		return
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	next := gather(w.book, snap, &w.doubt)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = next
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

// serveSenders lists senders: ?source=, ?silent= and ?skewed= choose, ?limit= and ?offset=
// turn the leaves.
func (s *Server) serveSenders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := whole(q.Get("limit"), 100, 1, maxListed)
	offset, err2 := whole(q.Get("offset"), 0, 0, 1<<30)
	chosen := func(key string, is bool) bool { return q.Get(key) == "" || q.Get(key) == strconv.FormatBool(is) }
	wrong := slices.ContainsFunc([]string{"silent", "skewed"}, func(key string) bool { return !chosen(key, true) && !chosen(key, false) })
	if err != nil || err2 != nil || wrong {
		plain(w, http.StatusBadRequest, "limit is a number from 1 to 1000, offset one from 0 on, silent and skewed are true or false\n")
		return
	}
	c := s.watcher.crowd(s.now())
	list := c.pick(len(c.all), func(one sender) bool {
		return (q.Get("source") == "" || q.Get("source") == one.Source) && chosen("silent", one.Silent) && chosen("skewed", one.Skewed)
	})
	total := len(list)
	list = list[min(offset, total):min(offset+limit, total)]
	s.answer(w, "/api/v1/senders", struct {
		Time    time.Time `json:"time"`
		Total   int       `json:"total"`
		Silent  int       `json:"silent"`
		Skewed  int       `json:"skewed"`
		Senders []sender  `json:"senders"`
	}{c.at, total, c.silentCount(), len(c.skewed), list})
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
