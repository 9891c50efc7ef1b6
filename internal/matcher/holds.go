package matcher

import (
	"cmp"

	"syslog-gateway/internal/pack"
)

// Holds reports whether a condition of a pack holds for a line in a profile. It is for
// people who wonder why: it compiles the condition each time.
func Holds(p *pack.Pack, c *pack.Condition, profile string, l *Line) bool {
	of := &compiled{pack: p, profile: profile, tabs: p.Read == pack.Tab}
	of.keys = newKeys(p.Separator, cmp.Or(p.Within, defaultWithin))
	one, ok := of.newCondition(c)
	if !ok {
		return false
	}
	var s Scratch
	s.Begin(l)
	return one.holds(of, &s)
}
