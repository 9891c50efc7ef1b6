package rules

import "strconv"

// Tell says in words what the rules did, one rule after the other: "site.no_dns dropped".
func (o *Outcome) Tell() []string {
	all := make([]string, 0, len(o.acts))
	for _, a := range o.acts {
		all = append(all, a.rule.name+" "+a.words())
	}
	return all
}

// Left is the name of the rule that leaves the message out, or empty.
func (o *Outcome) Left() string {
	if o.left == nil {
		return ""
	}
	return o.left.name
}

func (a *act) words() string {
	n := strconv.Itoa(a.n)
	switch a.did {
	case didDrop:
		return "dropped"
	case didSample:
		return "left out by sampling"
	case didSuppress:
		return "suppressed"
	case didKeep:
		return "kept one of " + n
	case didLet:
		return "let through after " + n + " suppressed"
	case didLookUp:
		return "looked up"
	case didSet:
		return "set names"
	case didMask:
		if a.n == 1 {
			return "masked 1 value"
		}
		return "masked " + n + " values"
	default: // didTrim
		return "removed " + n + " bytes"
	}
}
