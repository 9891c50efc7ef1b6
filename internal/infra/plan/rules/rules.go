// Package rules brings an ordered list of firewall rules of Proxmox VE to a wanted one,
// request by request. It reads and sends nothing.
package rules

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/printable"
)

// Live is a firewall rule as Proxmox VE lists it.
type Live struct {
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

// Signature is what makes two rules the same: everything that matters to the firewall.
// Comments and log levels do not.
func (r Live) Signature() string {
	s := signature(declaration.Rule{
		Type: r.Type, Action: r.Action, Proto: r.Proto, DPort: r.DPort,
		Source: r.Source, Dest: r.Dest, ICMP: r.ICMP,
	})
	for _, extra := range []struct{ name, value string }{{"sport", r.SPort}, {"iface", r.Iface}, {"macro", r.Macro}} {
		if extra.value != "" {
			s += " " + extra.name + "=" + extra.value
		}
	}
	if r.Enable != 1 {
		s += " (disabled)"
	}
	return s
}

func signature(r declaration.Rule) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(r.Type) + " " + r.Action)
	for _, f := range []struct{ name, value string }{
		{"proto", r.Proto}, {"dport", ports(r.DPort)}, {"source", addresses(r.Source)}, {"dest", addresses(r.Dest)}, {"icmp-type", r.ICMP},
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

// Request is the next request that brings a list of rules closer to the wanted one.
// Method "" says that they are the same.
type Request struct {
	Method string
	Pos    int // of PUT and DELETE
	Params url.Values
}

// Next compares an ordered list of rules with the wanted one and returns one request.
// It adds missing rules, then removes extra ones, then corrects the order, so that wanted
// traffic is never blocked in between. Proxmox VE puts every new rule on top, so missing
// rules are sent in reverse order. keep leaves rules that are not wanted where they are.
func Next(live []Live, want []declaration.Rule, keep bool) Request {
	place := match(live, want)
	for i := len(want) - 1; i >= 0; i-- {
		if !slices.Contains(place, i) {
			return Request{Method: "POST", Params: params(want[i])}
		}
	}
	for pos := len(live) - 1; pos >= 0 && !keep; pos-- {
		if place[pos] < 0 {
			return Request{Method: "DELETE", Pos: pos, Params: url.Values{}}
		}
	}
	return nextMove(place)
}

// Leave returns the request that removes the last rule of one of the groups.
func Leave(live []Live, groups []string) Request {
	for pos := len(live) - 1; pos >= 0; pos-- {
		if live[pos].IsGroup(groups) {
			return Request{Method: "DELETE", Pos: pos, Params: url.Values{}}
		}
	}
	return Request{}
}

// Join returns the next request that adds the rules of the groups below all others, so
// that traffic that another rule denies stays denied. Proxmox VE puts every new rule on
// top: it is created disabled, moved down, and enabled there. An enabled one stays in place.
func Join(live []Live, groups []string) Request {
	for _, name := range groups {
		at := -1
		for pos, r := range live {
			if r.IsGroup([]string{name}) && (at < 0 || r.Enable == 1) {
				at = pos
			}
		}
		switch {
		case at < 0:
			off := params(declaration.Rule{Type: "group", Action: name})
			off.Set("enable", "0")
			return Request{Method: "POST", Params: off}
		case live[at].Enable == 1:
		case at < len(live)-1:
			return Request{Method: "PUT", Pos: at, Params: url.Values{"moveto": {strconv.Itoa(len(live))}}}
		default:
			return Request{Method: "PUT", Pos: at, Params: url.Values{"enable": {"1"}}}
		}
	}
	return Request{}
}

// IsGroup reports whether the rule refers to one of the security groups.
func (r Live) IsGroup(groups []string) bool {
	return r.Type == "group" && slices.Contains(groups, r.Action)
}

// match says for every live rule which wanted one it is, -1 for none.
func match(live []Live, want []declaration.Rule) []int {
	free := map[string][]int{}
	for i, r := range want {
		free[signature(r)] = append(free[signature(r)], i)
	}
	place := make([]int, len(live))
	for pos, r := range live {
		place[pos] = -1
		if list := free[r.Signature()]; len(list) > 0 {
			place[pos], free[r.Signature()] = list[0], list[1:]
		}
	}
	return place
}

// nextMove moves one rule that is not in the longest ordered run to its position. Each
// move makes that run longer.
func nextMove(place []int) Request {
	var ours []int // positions of wanted rules; what lies between them stays
	for pos, p := range place {
		if p >= 0 {
			ours = append(ours, pos)
		}
	}
	var keep []int
	for _, i := range longestRun(wanted(place)) {
		keep = append(keep, ours[i])
	}
	for pos, p := range place {
		if p < 0 || slices.Contains(keep, pos) {
			continue
		}
		before := ours[len(ours)-1] + 1
		for _, k := range keep {
			if place[k] > p {
				before = k
				break
			}
		}
		return Request{Method: "PUT", Pos: pos, Params: url.Values{"moveto": {strconv.Itoa(before)}}}
	}
	return Request{}
}

// wanted are the places of the wanted rules alone.
func wanted(place []int) []int {
	return slices.DeleteFunc(slices.Clone(place), func(p int) bool { return p < 0 })
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

func params(r declaration.Rule) url.Values {
	v := url.Values{"type": {r.Type}, "action": {r.Action}, "enable": {"1"}}
	for _, f := range []struct{ name, value string }{
		{"proto", r.Proto}, {"dport", r.DPort}, {"source", r.Source}, {"dest", r.Dest}, {"icmp-type", r.ICMP},
	} {
		if f.value != "" {
			v.Set(f.name, f.value)
		}
	}
	return v
}

// Same reports whether nothing is to be done.
func Same(live []Live, want []declaration.Rule, keep bool) bool {
	return Next(live, want, keep).Method == ""
}

// Diffs shows which rules come, go, or change their place.
func Diffs(live []Live, want []declaration.Rule, keep bool) []change.Diff {
	var out []change.Diff
	place := match(live, want)
	for i, r := range want {
		if !slices.Contains(place, i) {
			out = append(out, change.Diff{Path: "rule[" + strconv.Itoa(i) + "]", To: signature(r)})
		}
	}
	kept := 0
	for pos, r := range live {
		if place[pos] < 0 {
			if keep {
				continue
			}
			out = append(out, change.Diff{Path: "rule[" + strconv.Itoa(pos) + "]", From: r.Signature()})
			continue
		}
		kept++
	}
	if len(longestRun(wanted(place))) < kept {
		out = append(out, change.Diff{Path: "rules", From: "another order", To: "in order"})
	}
	return out
}

// Extra shows the live rules that are not wanted.
func Extra(live []Live, want []declaration.Rule) []string {
	var out []string
	for pos, place := range match(live, want) {
		if place < 0 {
			out = append(out, live[pos].Signature())
		}
	}
	return out
}

// Step brings the list at path to want.
func Step(path string, live []Live, want []declaration.Rule) change.Step {
	s := change.Step{Op: change.OpRules, Title: "set " + printable.Count(len(want), "rule"), Path: path, Source: path, Rules: want}
	if len(live) > 0 {
		s.Digest = live[0].Digest
	}
	return s
}
