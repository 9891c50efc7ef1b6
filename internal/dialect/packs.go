package dialect

import (
	"bytes"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/syslog"
)

// This file asks the packs. A pack decides less surely than a marker of a built-in family and
// more surely than the port does: what a device writes itself is known before who it is
// guessed to be.

// FirstPackClass is the ClassID of the first class of the packs. Its index in the classes of
// the set is ClassID - FirstPackClass.
const FirstPackClass = classCount

// show makes the line the one at hand for the packs. text is the device's own text.
func (l *line) show(text []byte, r *Result) *matcher.Scratch {
	s := r.scratch
	s.Text, s.Tagged, s.Program, s.ProcID, s.MsgID, s.Data, s.Host = text, l.tagged, l.app, l.procID, l.msgID, l.data, l.host
	s.Shape, s.Priority, s.From = l.shape, l.priority, r.from.Address
	s.Start()
	return s
}

// certain gives the line to the pack that its sender is pinned to, to a pack of the site
// whose mark it has, or to one for its vendor of CEF or LEEF.
func (p *Parser) certain(l *line, r *Result) bool {
	device := l.isDevice()
	if p.packs == nil || len(r.from.Pins) == 0 && !p.packs.SiteMarks() && !device {
		return false
	}
	var m matcher.Match
	s := l.show(l.text, r)
	switch {
	case p.packs.Pinned(r.from.Pins, s, &m), p.packs.SiteMark(s, &m), device && p.packs.Mark(s, &m):
		return l.setPack(&m, r)
	}
	return false
}

// isDevice reports whether the text is CEF or LEEF.
func (l *line) isDevice() bool { return hasPrefix(l.text, "CEF:") || hasPrefix(l.text, "LEEF:") }

// ofPack gives the line to the pack that recognises it.
func (p *Parser) ofPack(l *line, r *Result) bool {
	if p.packs == nil {
		return false
	}
	s := l.show(l.text, r)
	m := &s.Found // a Match of our own would be cleared for each line
	switch {
	case l.ofCisco(p, s, m, r):
	case p.packs.Mark(s, m):
	case p.open && len(p.pins) == 0 && p.packs.Match(s, m):
	default:
		return false
	}
	return l.setPack(m, r)
}

// pinned gives the line to the pack that its source is pinned to.
func (p *Parser) pinned(l *line, r *Result) bool {
	if len(p.pins) == 0 {
		return false
	}
	var m matcher.Match
	return p.packs.Pinned(p.pins, l.show(l.text, r), &m) && l.setPack(&m, r)
}

// packed gives a line whose own text begins at a later word to a pack for CEF or LEEF, or for
// a Cisco message.
func (p *Parser) packed(l *line, at []byte, r *Result) bool {
	if p.packs == nil || len(at) == 0 || at[0] != '%' && !hasPrefix(at, "CEF:") && !hasPrefix(at, "LEEF:") {
		return false
	}
	var m matcher.Match
	s := l.show(at, r)
	return (p.packs.Extend(familyCisco, s, &m) || p.packs.Mark(s, &m) || p.packs.Generic(s, &m)) && l.setPack(&m, r)
}

// generic gives a line in CEF or LEEF to the pack for vendors that no other pack names.
func (p *Parser) generic(l *line, r *Result) bool {
	if p.packs == nil || !l.isDevice() && string(l.app) != "CEF" && string(l.app) != "LEEF" {
		return false
	}
	var m matcher.Match
	return p.packs.Generic(l.show(l.text, r), &m) && l.setPack(&m, r)
}

// better gives a line of which only the port is known to a pack, if it says more than a
// program that the port's own devices may have too.
func (p *Parser) better(l *line, r *Result) bool {
	if p.packs == nil || r.ClassBy != ByPort && r.ClassBy != ByNothing {
		return false
	}
	var m matcher.Match
	s := l.show(l.text, r)
	return (p.packs.Extend(p.name, s, &m) || p.packs.MatchText(s, &m)) && l.setPack(&m, r)
}

// extend gives a line of Cisco IOS to the pack that knows its identifier.
func (p *Parser) extend(l *line, r *Result) {
	if p.packs == nil || r.Class != CiscoIOS {
		return
	}
	var m matcher.Match
	if s := l.show(l.text, r); p.packs.Extend(familyCisco, s, &m) || p.packs.Mark(s, &m) {
		l.setPack(&m, r)
	}
}

// ofCisco finds the class that a pack has added for the identifier of a product of Cisco that
// is none of the built-in family.
func (l *line) ofCisco(p *Parser, s *matcher.Scratch, m *matcher.Match, r *Result) bool {
	if len(l.text) == 0 || l.text[0] != '%' || !p.packs.Extend(familyCisco, s, m) {
		return false
	}
	setCisco(l, CiscoIOS, r)
	return true
}

// byIdentifier reads a line of a Cisco device on a port for all products whose identifier is
// not where a text begins: behind the node and the process of IOS XR, the counters of Unified
// CM. Only what has the whole form "%FACILITY-severity-MNEMONIC" counts.
func (p *Parser) byIdentifier(l *line, r *Result) bool {
	i := bytes.IndexByte(head(l.rest, maxCiscoHeader), '%')
	if p.name != Auto || i < 0 || len(l.rest) < i+2 || !isMnemonic(l.rest[i+1:]) {
		return false
	}
	class, known := messageID(l.rest[i:])
	if p.packs != nil {
		var m matcher.Match
		if p.packs.Extend(familyCisco, l.show(l.rest[i:], r), &m) {
			l.nodeTime(l.rest[:i], r)
			setCisco(l, CiscoIOS, r)
			return l.setPack(&m, r)
		}
	}
	return class == CiscoIOS && known && l.identified(i, class, r)
}

// repaired reads a line whose header is none by any RFC, if a pack names its form.
func (p *Parser) repaired(l *line, r *Result) bool {
	if p.packs == nil || l.headed {
		return false
	}
	for _, repair := range p.packs.Repairs() {
		var h syslog.Header
		if !syslog.Repair(string(repair.Form), l.rest, &h) {
			continue
		}
		h.Priority = l.priority
		saved := *r
		var repaired line
		repaired.begin(&h, ByHeader, r)
		repaired.headed = true
		var m matcher.Match
		if p.packs.Holding(repair.Packs, repaired.show(repaired.text, r), &m) {
			return repaired.setPack(&m, r)
		}
		if p.finish(&repaired, r); r.Class != Fallback {
			return true
		}
		*r = saved
	}
	return false
}

// setPack sets r to what a pack says of the line. It returns true.
func (l *line) setPack(m *matcher.Match, r *Result) bool {
	l.keep(r.scratch.Text, r)
	r.setClass(FirstPackClass+ClassID(m.Class), ByPack)
	r.Pack, r.Rule, r.Slow = m.Pack, m.By, m.Slow
	r.Source, r.Sourcetype, r.Unparsed = m.Source, m.Sourcetype, m.Broken
	r.CEF = CEFHeader{m.Vendor, m.Product, m.ID}
	switch {
	case m.HostOfSender:
		r.Host, r.HostBy = nil, ByNothing
	case m.Host != nil:
		r.Host, r.HostBy = m.Host, ByPack
	}
	if m.Stamp.Exists() {
		if r.Location = m.Location; m.Location == nil {
			r.setStamp(&m.Stamp, ByPack)
		} else {
			r.Stamp, r.TimeBy = m.Stamp, ByPack
		}
	}
	if body := r.scratch.Event(m.Form); len(body) != 0 {
		r.Body = body
	}
	return true
}
