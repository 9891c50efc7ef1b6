package plan

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// LiveRule is a firewall rule as Proxmox VE lists it.
type LiveRule struct {
	Type   string  `json:"type"`
	Action string  `json:"action"`
	Enable pve.Int `json:"enable"`
	Proto  string  `json:"proto"`
	DPort  string  `json:"dport"`
	SPort  string  `json:"sport"`
	Source string  `json:"source"`
	Dest   string  `json:"dest"`
	Iface  string  `json:"iface"`
	Macro  string  `json:"macro"`
	ICMP   string  `json:"icmp-type"`
	Digest string  `json:"digest"`
}

// signature is what makes two rules the same: everything that matters to the firewall.
// Comments and log levels don't.
func (r LiveRule) signature() string {
	s := signature(declaration.Rule{
		Type: r.Type, Action: r.Action, Proto: r.Proto, DPort: r.DPort,
		Source: r.Source, Dest: r.Dest,
	})
	for _, extra := range []string{r.SPort, r.Iface, r.Macro, r.ICMP} {
		if extra != "" {
			s += " !" + extra
		}
	}
	if r.Enable != 1 {
		s += " !disabled"
	}
	return s
}

func signature(r declaration.Rule) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(r.Type) + " " + r.Action)
	for _, f := range []struct{ name, value string }{
		{"proto", r.Proto}, {"dport", ports(r.DPort)}, {"source", addresses(r.Source)}, {"dest", addresses(r.Dest)},
	} {
		if f.value != "" {
			b.WriteString(" " + f.name + "=" + f.value)
		}
	}
	return b.String()
}

// addresses puts a list into one form: its order means nothing.
func addresses(s string) string {
	list := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(list)
	return strings.Join(list, ",")
}

// ports writes ranges one way: Proxmox VE takes both a:b and a-b.
func ports(s string) string { return strings.ReplaceAll(s, "-", ":") }

// RuleOp is the next request that brings a list of rules closer to the wanted one.
// Method "" says that they are the same.
type RuleOp struct {
	Method string
	Pos    int // of PUT and DELETE
	Params url.Values
}

// NextRule compares an ordered list of rules with the wanted one and returns one request.
// Missing rules come first, so that nothing that is wanted is closed in between, then
// those that are too many go, then the order is put right. A new rule lands on top,
// whatever position is asked for, so that missing ones are sent last first.
func NextRule(live []LiveRule, want []declaration.Rule) RuleOp {
	place := match(live, want)
	for i := len(want) - 1; i >= 0; i-- {
		if !slices.Contains(place, i) {
			return RuleOp{Method: "POST", Params: ruleParams(want[i])}
		}
	}
	for pos := len(live) - 1; pos >= 0; pos-- {
		if place[pos] < 0 {
			return RuleOp{Method: "DELETE", Pos: pos, Params: url.Values{}}
		}
	}
	return nextMove(place)
}

// NextLeave returns the request that removes the last rule which stands for one of the
// groups.
func NextLeave(live []LiveRule, groups []string) RuleOp {
	for pos := len(live) - 1; pos >= 0; pos-- {
		if live[pos].isGroup(groups) {
			return RuleOp{Method: "DELETE", Pos: pos, Params: url.Values{}}
		}
	}
	return RuleOp{}
}

// NextJoin returns the request that brings the rules which stand for the groups closer to
// being there and enabled, below all others, so that what somebody denies stays denied.
// A new rule lands on top, whatever position is asked for: it is made disabled, moved
// down, and enabled there. One that is enabled already stays where it is.
func NextJoin(live []LiveRule, groups []string) RuleOp {
	for _, name := range groups {
		at := -1
		for pos, r := range live {
			if r.isGroup([]string{name}) && (at < 0 || r.Enable == 1) {
				at = pos
			}
		}
		switch {
		case at < 0:
			params := ruleParams(declaration.Rule{Type: "group", Action: name})
			params.Set("enable", "0")
			return RuleOp{Method: "POST", Params: params}
		case live[at].Enable == 1:
		case at < len(live)-1:
			return RuleOp{Method: "PUT", Pos: at, Params: url.Values{"moveto": {strconv.Itoa(len(live))}}}
		default:
			return RuleOp{Method: "PUT", Pos: at, Params: url.Values{"enable": {"1"}}}
		}
	}
	return RuleOp{}
}

func (r LiveRule) isGroup(groups []string) bool {
	return r.Type == "group" && slices.Contains(groups, r.Action)
}

// match says for every live rule which wanted one it is, -1 for none.
func match(live []LiveRule, want []declaration.Rule) []int {
	free := map[string][]int{}
	for i, r := range want {
		free[signature(r)] = append(free[signature(r)], i)
	}
	place := make([]int, len(live))
	for pos, r := range live {
		place[pos] = -1
		if list := free[r.signature()]; len(list) > 0 {
			place[pos], free[r.signature()] = list[0], list[1:]
		}
	}
	return place
}

// nextMove finds a rule that is out of the longest run that is in order already, and
// moves it to where it belongs. Each move makes that run longer.
func nextMove(place []int) RuleOp {
	keep := longestRun(place)
	for pos, p := range place {
		if slices.Contains(keep, pos) {
			continue
		}
		before := len(place)
		for _, k := range keep {
			if place[k] > p {
				before = k
				break
			}
		}
		return RuleOp{Method: "PUT", Pos: pos, Params: url.Values{"moveto": {strconv.Itoa(before)}}}
	}
	return RuleOp{}
}

// longestRun returns the positions of a longest increasing subsequence.
func longestRun(place []int) []int {
	length, prev := make([]int, len(place)), make([]int, len(place))
	best := -1
	for i := range place {
		length[i], prev[i] = 1, -1
		for j := range i {
			if place[j] < place[i] && length[j] >= length[i] {
				length[i], prev[i] = length[j]+1, j
			}
		}
		if best < 0 || length[i] > length[best] {
			best = i
		}
	}
	var run []int
	for ; best >= 0; best = prev[best] {
		run = append(run, best)
	}
	slices.Reverse(run)
	return run
}

func ruleParams(r declaration.Rule) url.Values {
	v := url.Values{"type": {r.Type}, "action": {r.Action}, "enable": {"1"}}
	for _, f := range []struct{ name, value string }{
		{"proto", r.Proto}, {"dport", r.DPort}, {"source", r.Source}, {"dest", r.Dest},
	} {
		if f.value != "" {
			v.Set(f.name, f.value)
		}
	}
	return v
}

// sameRules says whether nothing is to be done.
func sameRules(live []LiveRule, want []declaration.Rule) bool {
	return NextRule(live, want).Method == ""
}
