package pvesim

import (
	"fmt"
	"strings"
)

// Dump returns the state as the files below /etc/pve that backup tools see: guests, firewalls,
// pools, storages. Hashes of passwords are left out.
func (s *Sim) Dump() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	out := map[string]string{}
	for _, g := range s.guests {
		out[confPath(g.kind, g.node, g.vmid)] = hidePassword(g.raw())
		if text := g.fw.file(); text != "" {
			out[fmt.Sprintf("firewall/%d.fw", g.vmid)] = text
		}
	}
	for _, n := range s.nodes {
		if text := n.firewall.file(); text != "" {
			out["nodes/"+n.name+"/host.fw"] = text
		}
		if len(n.config) > 0 {
			out["nodes/"+n.name+"/config"] = n.raw()
		}
	}
	if text := s.cluster.firewall.file(); text != "" {
		out["firewall/cluster.fw"] = text
	}
	out["storage.cfg"] = s.storageConfig()
	var pools strings.Builder
	for _, id := range sortedKeys(s.pools) {
		p := s.pools[id]
		fmt.Fprintf(&pools, "pool:%s:%s:%s:%s:\n", id, p.comment, strings.Trim(strings.ReplaceAll(fmt.Sprint(p.vms), " ", ","), "[]"), strings.Join(p.storages, ","))
	}
	out["user.cfg"] = pools.String()
	return out
}

func hidePassword(raw string) string {
	lines := strings.Split(raw, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "cipassword: ") {
			lines[i] = "cipassword: **********"
		}
	}
	return strings.Join(lines, "\n")
}

// file is a firewall file, "" when there is nothing in it.
func (f *firewall) file() string {
	var b strings.Builder
	if len(f.options) > 0 {
		b.WriteString("[OPTIONS]\n\n")
		writeKeys(&b, f.options)
		b.WriteString("\n")
	}
	if len(f.aliases) > 0 {
		b.WriteString("[ALIASES]\n\n")
		for _, name := range sortedKeys(f.aliases) {
			b.WriteString(name + " " + f.aliases[name].cidr + comment(f.aliases[name].comment) + "\n")
		}
		b.WriteString("\n")
	}
	for _, name := range sortedKeys(f.ipsets) {
		b.WriteString("[IPSET " + name + "]" + comment(f.ipsets[name].comment) + "\n\n")
		for _, e := range f.ipsets[name].entries {
			b.WriteString(strings.Repeat("!", atoi(e["nomatch"])) + e["cidr"] + comment(e["comment"]) + "\n")
		}
		b.WriteString("\n")
	}
	if len(f.rules.list) > 0 {
		b.WriteString("[RULES]\n\n" + f.rules.file() + "\n")
	}
	for _, name := range sortedKeys(f.groups) {
		b.WriteString("[group " + name + "]" + comment(f.groups[name].comment) + "\n\n" + f.groups[name].rules.file() + "\n")
	}
	return b.String()
}

func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + text
}

func (r *ruleset) file() string {
	var b strings.Builder
	for _, rule := range r.list {
		if rule["enable"] == "0" {
			b.WriteString("|")
		}
		action := rule["action"]
		if m := rule["macro"]; m != "" {
			action = m + "(" + action + ")"
		}
		b.WriteString(strings.ToUpper(rule["type"]) + " " + action)
		for _, o := range [][2]string{{"iface", "-i"}, {"source", "-source"}, {"dest", "-dest"}, {"proto", "-p"}, {"dport", "-dport"}, {"sport", "-sport"}, {"icmp-type", "-icmp-type"}, {"log", "-log"}} {
			if v := rule[o[0]]; v != "" {
				b.WriteString(" " + o[1] + " " + v)
			}
		}
		b.WriteString(comment(rule["comment"]) + "\n")
	}
	return b.String()
}
