package matcher

import (
	"fmt"
	"strings"
	"time"

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/suggest"
	"syslog-gateway/internal/syslog"
)

// Set is all packs that recognise messages, made ready for one profile.
type Set struct {
	site, embedded index
	packs          map[string]*compiled
	keys           []*keys // of all packs
	classes        []Class
	// extended are the rules that packs add to built-in families, by family.
	extended  map[string]*index
	repairs   []Repair
	siteMarks bool
}

// Class is a class of a pack, as Splunk gets it.
type Class struct {
	// Name is the key in the configuration and the value of the field class.
	Name string
	// Pack is the pack of the class.
	Pack *pack.Pack
	// Names are those of the profile of the Set. Sourcetype and Source end where the first
	// placeholder is, which the message completes.
	Names pack.Names
	// SourcetypeOpen and SourceOpen say that there is a placeholder.
	SourcetypeOpen, SourceOpen bool
	// FieldsFromCEF says that vendor, product and class are those in the header of a CEF
	// or LEEF message.
	FieldsFromCEF bool
	Fields        map[string]string
	// Soft says that the message is known by its program only, which Linux servers run too.
	Soft bool
}

// Match is what a pack says of a message.
type Match struct {
	// Class is the index of the class in Set.Classes.
	Class int
	// Pack is the name of the pack, and By the part of the message that decided.
	Pack, By string
	// Host is nil if the pack has no rule for it that gives one.
	Host []byte
	// HostOfSender says that the host is the address of the sender.
	HostOfSender bool
	// Stamp has no time if the pack has no rule for it that gives one.
	Stamp syslog.Stamp
	// Location is the zone of times without one; nil is the zone of the source.
	Location *time.Location
	// Form says what the event consists of.
	Form pack.Form
	// Sourcetype and Source complete the names of the class.
	Sourcetype, Source []byte
	// Vendor, Product and ID are from the header of a CEF or LEEF message, if the class has
	// its fields from there.
	Vendor, Product, ID []byte
	// Broken says that the header of a CEF or LEEF message is incomplete.
	Broken bool
	// Slow says that the pack has a regular expression or builds the event anew.
	Slow bool
}

// Classes returns the classes of all packs. The index is Match.Class.
func (s *Set) Classes() []Class {
	if s == nil {
		return nil
	}
	return s.classes
}

// SiteMark is Mark with the site's own packs only.
func (s *Set) SiteMark(sc *Scratch, m *Match) bool { return s.site.mark(sc, m) }

// Mark finds the pack of a message that says itself what it is: by an SD-ID, the vendor of
// CEF or LEEF, or the identifier of a Cisco message.
func (s *Set) Mark(sc *Scratch, m *Match) bool { return s.embedded.mark(sc, m) }

// Match finds the pack of a message by its program, the begin of its text, or the form of its
// header.
func (s *Set) Match(sc *Scratch, m *Match) bool {
	return !s.site.empty && s.site.match(sc, m) || s.embedded.match(sc, m)
}

// Generic finds the pack for CEF or LEEF of a vendor that no other pack names.
func (s *Set) Generic(sc *Scratch, m *Match) bool {
	return sc.device != nil && (s.site.generic(sc, m) || s.embedded.generic(sc, m))
}

// Extend finds the class that a pack has added to a built-in family for a message.
func (s *Set) Extend(family string, sc *Scratch, m *Match) bool {
	x := s.extended[family]
	return x != nil && (x.mark(sc, m) || x.match(sc, m))
}

// Pin is a pack that a source or a sender is pinned to.
type Pin struct{ pack *compiled }

// Pin returns the pack of a name. ok is false if there is none.
func (s *Set) Pin(name string) (p Pin, ok bool) {
	if s == nil {
		return Pin{}, false
	}
	c, ok := s.packs[name]
	return Pin{c}, ok
}

// Pinned gives a message to one of the packs: to the first whose conditions hold, else to the
// first. It returns false if there are none, or if they never take such a message.
func (s *Set) Pinned(pins []Pin, sc *Scratch, m *Match) bool {
	if len(pins) > 1 && s.Holding(pins, sc, m) {
		return true
	}
	for _, p := range pins {
		if !holdsAny(p.pack.not, p.pack, sc) {
			p.pack.read(sc, m, "pin", true)
			return true
		}
	}
	return false
}

// Holding gives a message to the first of the packs whose conditions hold.
func (s *Set) Holding(pins []Pin, sc *Scratch, m *Match) bool {
	for _, p := range pins {
		for i := range p.pack.rules {
			if r := p.pack.rules[i]; r.all.holds(p.pack, sc) && !holdsAny(p.pack.not, p.pack, sc) {
				p.pack.read(sc, m, r.by, true)
				return true
			}
		}
	}
	return false
}

// read fills m with what the pack says of the line at hand.
func (c *compiled) read(s *Scratch, m *Match, by string, pinned bool) {
	s.taker = c
	class := c.classOf(s)
	id := class.id
	if pinned {
		id = class.pinnedID
	}
	*m = Match{Class: id, Pack: c.pack.Name, By: by, Location: c.location, Form: class.form, Slow: c.Slow, Broken: s.device != nil && s.extension() == nil}
	for i := range c.hosts {
		h := &c.hosts[i]
		if h.sender {
			m.HostOfSender = true
			break
		}
		if m.Host = syslog.Host(h.get(c, s)); m.Host != nil {
			break
		}
	}
	for i := range c.times {
		if stamp, ok := c.times[i].get(c, s); ok {
			m.Stamp = stamp
			break
		}
	}
	if len(class.sourcetype.pieces) != 0 {
		m.Sourcetype = class.sourcetype.fill(c, s)
	}
	if len(class.source.pieces) != 0 {
		m.Source = class.source.fill(c, s)
	}
	if class.fromCEF {
		m.Vendor, m.Product, m.ID = s.part(0), s.part(1), s.part(3)
	}
}

// classOf returns the first class whose condition holds, else the last.
func (c *compiled) classOf(s *Scratch) *class {
	last := len(c.classes) - 1
	for i := range c.classes[:last] {
		if holdsAny(c.classes[i].when, c, s) {
			return &c.classes[i]
		}
	}
	return &c.classes[last]
}

// SiteMarks reports whether the site's packs recognise messages by marks.
func (s *Set) SiteMarks() bool { return s.siteMarks }

// MatchText is Match without the embedded packs that only a program tells.
func (s *Set) MatchText(sc *Scratch, m *Match) bool {
	return s.site.match(sc, m) || s.embedded.matchText(sc, m)
}

// Repair is a form of broken headers that syslog.Scan does not read by itself.
type Repair struct {
	Form  pack.Repair
	Packs []Pin // that name the form
}

// Repairs returns the forms of broken headers that packs name.
func (s *Set) Repairs() []Repair { return s.repairs }

// addRepair enters a pack that names a form of broken headers.
func (s *Set) addRepair(form pack.Repair, c *compiled) {
	for i := range s.repairs {
		if r := &s.repairs[i]; r.Form == form {
			r.Packs = append(r.Packs, Pin{c})
			return
		}
	}
	s.repairs = append(s.repairs, Repair{form, []Pin{{c}}})
}

// Unknown returns the error about the name of a pack that is not in the set.
func (s *Set) Unknown(name string) error {
	if s == nil {
		return fmt.Errorf("%q is not a pack: no packs are loaded", name)
	}
	near := suggest.Closest(name, sorted(s.packs), 1)
	return fmt.Errorf("%q is not a pack; did you mean %s?", name, strings.Join(near, ""))
}

// OnLinux reports whether a pack is for programs of Linux servers.
func (s *Set) OnLinux(name string) bool {
	c := s.packs[name]
	return c != nil && c.pack.LinuxServer
}
