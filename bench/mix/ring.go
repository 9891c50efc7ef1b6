package mix

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"syslog-gateway/bench/marker"
)

// Framing says how messages are separated in a stream (RFC 6587).
type Framing string

// The framings.
const (
	LF       Framing = "lf"       // each message is followed by one LF
	Octet    Framing = "octet"    // each message is preceded by its length and a blank
	Datagram Framing = "datagram" // nothing: one message is one datagram
)

// Vendor is a sender's product line, named as the gateway's sources are.
type Vendor string

// The vendors, in the order of their ports 1514 to 1518.
const (
	UniFi    Vendor = "unifi"
	PaloAlto Vendor = "palo_alto"
	CiscoASA Vendor = "cisco_asa"
	Linux    Vendor = "linux"
	Windows  Vendor = "windows"
)

// Vendors lists all vendors in the order of their ports.
func Vendors() []Vendor { return []Vendor{UniFi, PaloAlto, CiscoASA, Linux, Windows} }

// Ring holds rendered messages one after the other in one buffer, so that any run of
// them is one write. It belongs to one goroutine.
type Ring struct {
	buf   []byte
	msgs  []message
	slots []slot
	shown int64 // Unix second that the header times say
}

// message is where one message lies in the buffer.
type message struct {
	start, end int // with framing
	marker     int
}

// NewRing renders n messages of the vendors in equal shares and random order. Rings
// of the same seed are equal but for the time.
func NewRing(n int, vendors []Vendor, f Framing, seed uint64) (*Ring, error) {
	sets, err := compileAll(vendors)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	p := &painter{rng: rand.New(rand.NewPCG(seed, 5424)), now: now, memo: make(map[string]string)}
	r := &Ring{shown: now.Unix()}
	order := make([]int, len(sets))
	for i := range n {
		if i%len(sets) == 0 {
			copy(order, p.rng.Perm(len(sets)))
		}
		set := sets[order[i%len(sets)]]
		r.msgs = append(r.msgs, p.frame(set[p.rng.IntN(len(set))], f))
	}
	r.buf, r.slots = p.out, p.slots
	return r, nil
}

func compileAll(vendors []Vendor) ([][]template, error) {
	lines := map[Vendor]func() []string{
		UniFi: unifiLines, PaloAlto: paloAltoLines, CiscoASA: ciscoASALines,
		Linux: linuxLines, Windows: windowsLines,
	}
	var sets [][]template
	for _, v := range vendors {
		f, known := lines[v]
		if !known {
			return nil, fmt.Errorf("vendor %q is unknown: use one of %v", v, Vendors())
		}
		var set []template
		for i, text := range f() {
			t, err := compile(text)
			if err != nil {
				return nil, fmt.Errorf("template %d of %s: %w", i+1, v, err)
			}
			set = append(set, t)
		}
		sets = append(sets, set)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("a ring needs at least one vendor")
	}
	return sets, nil
}

// frame paints one message with its framing.
func (p *painter) frame(t template, f Framing) message {
	start := len(p.out)
	if f == Octet {
		// The length precedes what is not painted yet: paint once to learn
		// it, then move the text behind the count.
		slots := len(p.slots)
		p.paint(t)
		count := strconv.Itoa(len(p.out)-start) + " "
		p.out = append(p.out, count...)
		copy(p.out[start+len(count):], p.out[start:len(p.out)-len(count)])
		copy(p.out[start:], count)
		p.marker += len(count)
		for i := range p.slots[slots:] {
			p.slots[slots+i].at += len(count)
		}
		return message{start, len(p.out), p.marker}
	}
	p.paint(t)
	if f == LF {
		p.out = append(p.out, '\n')
	}
	return message{start, len(p.out), p.marker}
}

// Len is the number of messages.
func (r *Ring) Len() int { return len(r.msgs) }

// Bytes is the run of messages from to to-1, with framing.
func (r *Ring) Bytes(from, to int) []byte {
	return r.buf[r.msgs[from].start:r.msgs[to-1].end]
}

// Whole is how many messages, counted from the one at from, lie wholly within n bytes.
func (r *Ring) Whole(from, n int) int {
	limit := r.msgs[from].start + n
	k := from
	for k < len(r.msgs) && r.msgs[k].end <= limit {
		k++
	}
	return k - from
}

// Number gives the messages from to to-1 the sequence numbers from first on, and the
// send time now; header times follow it by the second.
func (r *Ring) Number(from, to int, first uint64, now time.Time) {
	if sec := now.Unix(); sec != r.shown {
		r.refresh(now)
		r.shown = sec
	}
	stamp := marker.NewStamp(now.UnixMicro())
	for i := from; i < to; i++ {
		marker.Put(r.buf[r.msgs[i].marker:], first, &stamp)
		first++
	}
}

// refresh writes the header times anew.
func (r *Ring) refresh(now time.Time) {
	now = now.UTC()
	text := make(map[string]string, len(layouts))
	for _, layout := range layouts {
		text[layout] = now.Format(layout)
	}
	for _, s := range r.slots {
		copy(r.buf[s.at:], text[s.layout])
	}
}
