package rules

import (
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// part is a part of a message that a rule compares or looks up.
type part struct {
	kind  partKind
	place matcher.Place
}

type partKind uint8

const (
	partHost partKind = iota
	partClass
	partIdentity
	partSender
	partProgram
	partValue
)

func newPart(r *matcher.Rules, d *pack.Place) part {
	switch d.Word {
	case "host":
		return part{kind: partHost}
	case "class":
		return part{kind: partClass}
	case "message_id":
		return part{kind: partIdentity}
	case "sender":
		return part{kind: partSender}
	case "program":
		return part{kind: partProgram}
	}
	return part{kind: partValue, place: r.Place(&d.Value)}
}

// get returns the part of the message at hand. It is nil for the sender and the class, which
// are no text.
func (p *part) get(a *Actor, m *Message) []byte {
	switch p.kind {
	case partHost:
		return m.Host
	case partIdentity:
		return a.line(m).Identity()
	case partProgram:
		return a.line(m).ProgramName()
	case partValue:
		return p.place.Get(a.line(m))
	default:
		return nil
	}
}
