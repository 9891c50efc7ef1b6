package dialect

import (
	"net/netip"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// Views returns how packs see a message: behind its header, behind the header of each relay,
// and behind a header that a pack repairs. It is for people who wonder why, and for tools.
func (p *Parser) Views(msg []byte, from netip.Addr) []matcher.Line {
	var h syslog.Header
	syslog.Scan(msg, &h)
	r := Result{from: &From{Address: from}, scratch: new(matcher.Scratch)}
	view := func(h *syslog.Header) line {
		var l line
		l.begin(h, ByHeader, &r)
		return l
	}
	outer := view(&h)
	all := []matcher.Line{outer.show(outer.text, &r).Line}
	const maxRelays = 4
	for l := outer; len(all) <= maxRelays; {
		text, _ := l.inner()
		if len(text) == 0 {
			break
		}
		var inner syslog.Header
		syslog.Scan(text[octetCount(text):], &inner)
		if inner.Shape == syslog.Bare && inner.Priority == syslog.NoPriority {
			break
		}
		l = view(&inner)
		all = append(all, l.show(l.text, &r).Line)
	}
	if p.packs == nil || outer.headed {
		return all
	}
	for _, repair := range p.packs.Repairs() {
		var repaired syslog.Header
		if syslog.Repair(string(repair.Form), outer.rest, &repaired) {
			repaired.Priority = outer.priority
			l := view(&repaired)
			all = append(all, l.show(l.text, &r).Line)
		}
	}
	return all
}
