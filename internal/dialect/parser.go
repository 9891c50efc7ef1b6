package dialect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// Parser reads the messages of one port. It is immutable and safe for concurrent
// use.
type Parser struct {
	name string
	// open says that all kinds of products send to the port: a pack may recognise a message
	// by its program.
	open  bool
	packs *matcher.Set  // optional
	pins  []matcher.Pin // of the port
}

var families = [...]string{familyUniFi, familyPAN, familyCisco, familyLinux, familyWindows, Auto}

// New returns the parser of a vendor family: unifi, palo_alto, cisco_asa, linux,
// windows, or auto for a port that all of them send to. packs may be nil. pinned lists the
// packs that get the messages that say themselves nothing.
func New(family string, packs *matcher.Set, pinned ...string) (*Parser, error) {
	if !slices.Contains(families[:], family) {
		return nil, fmt.Errorf("vendor: %q is none of %s", family, strings.Join(families[:], ", "))
	}
	p := &Parser{name: family, packs: packs, open: family == familyLinux || family == Auto}
	for _, name := range pinned {
		pin, ok := packs.Pin(name)
		if !ok {
			return nil, fmt.Errorf("packs: %w", packs.Unknown(name))
		}
		p.pins = append(p.pins, pin)
	}
	return p, nil
}

// Names returns the names that New accepts.
func Names() []string { return slices.Clone(families[:]) }

// Name returns the name that New was called with.
func (p *Parser) Name() string { return p.name }

// Classes returns the classes that messages of the port can have. The index is the ClassID.
func (p *Parser) Classes() []Class { return Classes(p.packs) }

// Class returns one of them.
func (p *Parser) Class(id ClassID) Class { return classOf(p.packs, id) }

// NumClasses is how many there are.
func (p *Parser) NumClasses() int { return int(FirstPackClass) + len(p.packs.Classes()) }

// From is what is known of who sent a message besides the message.
type From struct {
	// Address is the address of the sender.
	Address netip.Addr
	// Pins are the packs that the address is pinned to.
	Pins []matcher.Pin
	// Family is the built-in family that the address is pinned to, or empty.
	Family string
	// Rules says that rules look at the message: its line is kept.
	Rules bool
}

// Parse sets *r to what msg is. h is what syslog.Scan found in msg. Parse never fails.
// It allocates only when the buffers of r have to grow.
func (p *Parser) Parse(msg []byte, h *syslog.Header, from *From, r *Result) {
	whole, scratch := r.whole, r.scratch
	*r = Result{}
	r.Body, r.whole, r.scratch, r.from = msg, whole, scratch, from
	if scratch == nil && (p.packs != nil || from.Rules) {
		r.scratch = new(matcher.Scratch)
	}
	if p.rejoin(msg, h, ByHeader, r) {
		return
	}
	var l line
	l.begin(h, ByHeader, r)
	p.read(&l, r)
}

// read sets r to what the line is: by a pin of its sender, by a marker, by a pack, by a marker
// behind the header of a relay or behind some words, or by the rules of the port's family.
func (p *Parser) read(l *line, r *Result) {
	switch {
	case p.certain(l, r):
	case l.byMarker(r):
		p.extend(l, r)
	case p.repaired(l, r):
	case p.ofPack(l, r):
	case p.relayed(l, r):
	case len(l.app) == 0 && l.byLaterMarker(p, r):
	default:
		p.finish(l, r)
	}
}

// finish reads a line that says itself nothing: by the pins of the source, by the rules of
// the port's family, or as CEF or LEEF of any vendor.
func (p *Parser) finish(l *line, r *Result) {
	l.keep(l.text, r)
	switch {
	case p.pinned(l, r):
	case p.byIdentifier(l, r):
	case p.open && p.generic(l, r):
	case p.own(l, r):
		if !p.open {
			p.better(l, r)
		}
	case p.open: // generic has been tried
		r.setUnknown()
	case p.better(l, r), p.generic(l, r):
	default:
		r.setUnknown()
	}
}

// own reads a line without a marker by the rules of the family of the sender or of the port. It returns false
// if these do not know the line. (It is a switch and not a table of functions: a call
// through a pointer would move the line to the heap.)
func (p *Parser) own(l *line, r *Result) bool {
	family := p.name
	if r.from.Family != "" {
		family = r.from.Family
	}
	switch family {
	case familyUniFi:
		return ownUniFi(l, r)
	case familyPAN:
		return ownPAN(l, r)
	case familyCisco:
		return ownCisco(l, r)
	case familyLinux:
		return ownLinux(l, r)
	case familyWindows:
		return ownWindows(l, r)
	default:
		return ownAuto(l, r)
	}
}
