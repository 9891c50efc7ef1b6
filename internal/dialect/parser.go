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

// own reads what has no family's mark by the rules of the port's family; false
// when it does not know the message either. (A switch and not a table of
// functions: a call through a pointer would move the line to the heap.)
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

// New returns the parser of a vendor: unifi, palo_alto, cisco_asa, linux,
// windows, or auto for a port that all of them send to.
func New(vendorName string) (*Parser, error) {
	if !slices.Contains(families[:], vendorName) {
		return nil, fmt.Errorf("vendor: %q is none of %s", vendorName, strings.Join(families[:], ", "))
	}
	return &Parser{name: vendorName}, nil
}

// Names lists what New takes.
func Names() []string { return slices.Clone(families[:]) }

// Name returns the name that the parser was made by.
func (p *Parser) Name() string { return p.name }

// Parse sets *r to what msg is; h is what syslog.Scan found in msg. It never
// fails and does not allocate, but for the buffer of r when that has to grow.
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

// read tells what a line is.
func (p *Parser) read(l *line, r *Result) {
	switch {
	case l.marked(r):
	case p.relayed(l, r):
	case len(l.app) == 0 && l.markedBehind(r):
	case p.own(l, r):
	default:
		r.unknown()
	}
}

// unknown makes a fallback event of what no rule knows.
func (r *Result) unknown() {
	r.setClass(Fallback, ByNothing)
	r.Unparsed = true
}
