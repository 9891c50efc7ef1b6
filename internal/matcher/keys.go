package matcher

import (
	"cmp"

	"syslog-gateway/internal/body"
	"syslog-gateway/internal/pack"
)

// keys are the keys that are read from texts of one form. Packs share them: what one of them
// has read from a line, the next one need not search again.
type keys struct {
	body.Pairs
	slots map[string]int // places in Names

	// Of rules, which read the keys of objects, CEF and LEEF too.
	ofRules bool
	blanks  [][]byte   // " key="
	paths   [][]string // in an object
}

func newKeys(separator byte, within int) *keys {
	return &keys{Pairs: body.Pairs{Separator: separator, Within: within}, slots: map[string]int{}}
}

// keysFor returns the keys of packs whose texts have the form of a pack's.
func (s *Set) keysFor(p *pack.Pack) *keys {
	within := cmp.Or(p.Within, defaultWithin)
	for _, k := range s.keys {
		if k.Separator == p.Separator && k.Within == within {
			return k
		}
	}
	k := newKeys(p.Separator, within)
	s.keys = append(s.keys, k)
	return k
}

// keySlot returns the place of a key.
func (c *compiled) keySlot(name string) int {
	slot, ok := c.keys.slots[name]
	if !ok {
		slot = len(c.keys.Names)
		c.keys.Names = append(c.keys.Names, []byte(name))
		c.keys.slots[name] = slot
	}
	return slot
}
