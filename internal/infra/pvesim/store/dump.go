package store

import (
	"fmt"
	"strings"
)

// Dump is the state as the files below /etc/pve that backup tools see: guests, firewalls,
// pools, storages. Hashes of passwords are left out.
func (c *Cluster) Dump() map[string]string {
	out := map[string]string{}
	for _, g := range c.Guests.byID {
		out[ConfPath(g.Kind, g.Node, g.VMID)] = hidePassword(g.Text())
		if text := g.Firewall.Text(); text != "" {
			out[fmt.Sprintf("firewall/%d.fw", g.VMID)] = text
		}
	}
	for _, n := range c.Nodes.byName {
		if text := n.Firewall.Text(); text != "" {
			out["nodes/"+n.Name+"/host.fw"] = text
		}
		if len(n.Config) > 0 {
			out["nodes/"+n.Name+"/config"] = n.Text()
		}
	}
	if text := c.Firewall.Text(); text != "" {
		out["firewall/cluster.fw"] = text
	}
	out["storage.cfg"] = c.Datastores.Text()
	var pools strings.Builder
	for _, id := range c.Pools.IDs() {
		p := c.Pools.Get(id)
		fmt.Fprintf(&pools, "pool:%s:%s:%s:%s:\n", id, p.Comment, strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Guests), " ", ","), "[]"), strings.Join(p.Storages, ","))
	}
	out["user.cfg"] = pools.String()
	return out
}

func hidePassword(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "cipassword: ") {
			lines[i] = "cipassword: **********"
		}
	}
	return strings.Join(lines, "\n")
}
