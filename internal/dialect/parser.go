package dialect

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/syslog"
)

// Parser reads the messages of one port. It is immutable and safe for concurrent
// use.
type Parser struct{ name string }

var families = [...]string{familyUniFi, familyPAN, familyCisco, familyLinux, familyWindows, Auto}

// New returns the parser of a vendor family: unifi, palo_alto, cisco_asa, linux,
// windows, or auto for a port that all of them send to.
func New(family string) (*Parser, error) {
	if !slices.Contains(families[:], family) {
		return nil, fmt.Errorf("vendor: %q is none of %s", family, strings.Join(families[:], ", "))
	}
	return &Parser{name: family}, nil
}

// Names returns the names that New accepts.
func Names() []string { return slices.Clone(families[:]) }

// Name returns the name that New was called with.
func (p *Parser) Name() string { return p.name }

// Parse sets *r to what msg is. h is what syslog.Scan found in msg. Parse never fails.
// It allocates only when the buffer of r for rejoined messages has to grow.
func (p *Parser) Parse(msg []byte, h *syslog.Header, r *Result) {
	whole := r.whole
	*r = Result{}
	r.Body, r.whole = msg, whole
	if p.rejoin(msg, h, ByHeader, r) {
		return
	}
	l := newLine(h, ByHeader, r)
	p.read(&l, r)
}

// read sets r to what the line is: by a marker, by a marker behind the header of a relay, by
// a marker behind some words, or by the rules of the port's family.
func (p *Parser) read(l *line, r *Result) {
	switch {
	case l.byMarker(r):
	case p.relayed(l, r):
	case len(l.app) == 0 && l.byLaterMarker(r):
	case p.own(l, r):
	default:
		r.setUnknown()
	}
}

// own reads a line without a marker by the rules of the port's family. It returns false
// if these do not know the line. (It is a switch and not a table of functions: a call
// through a pointer would move the line to the heap.)
func (p *Parser) own(l *line, r *Result) bool {
	switch p.name {
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
