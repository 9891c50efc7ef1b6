package guest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// splitFeatures returns the features that a token may set when it makes a container,
// and whether there are others. Only nesting of an unprivileged container is free
// (proxmox.md, section 2.4; Proxmox VE, API of LXC: "changing feature flags").
func splitFeatures(c *declaration.Container) (allowed string, rest bool) {
	f := c.Features
	if !c.Unprivileged {
		return "", f.Any()
	}
	if f.Nesting {
		allowed = "nesting=1"
	}
	return allowed, f.Keyctl || f.Fuse || len(f.Mount) > 0
}

// featureProps are the features in Proxmox VE's words.
func featureProps(f declaration.Features) pve.Props {
	p := pve.ParseProps("", "")
	for _, x := range []struct {
		key string
		on  bool
	}{{"nesting", f.Nesting}, {"keyctl", f.Keyctl}, {"fuse", f.Fuse}} {
		if x.on {
			p.Set(x.key, "1")
		}
	}
	if len(f.Mount) > 0 {
		p.Set("mount", strings.Join(f.Mount, ";"))
	}
	return p
}

func featureString(f declaration.Features) string { return featureProps(f).String() }

// manual says what of a new container's features must be set by hand.
func (c *container) manual(d *delta) {
	if rest := c.ofRoot(); len(rest) > 0 && !c.asRoot {
		d.byHand(&c.Guest, rest)
	}
	c.unit(d)
}

// unit adds a note on a container whose unit would not start.
func (c *container) unit(d *delta) {
	if c.LacksNesting() {
		d.addNote("the unit of its tag does not start without nesting: set features.nesting to true")
	}
}

// byHand says how to set by hand what only root@pam may.
func (d *delta) byHand(g *declaration.Guest, values url.Values) {
	var shown, options []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		shown = append(shown, key+" "+values.Get(key))
		options = append(options, fmt.Sprintf("--%s '%s'", key, values.Get(key)))
	}
	tool := map[declaration.Kind]string{declaration.LXC: "pct", declaration.QEMU: "qm"}[g.Kind]
	d.manual = append(d.manual, fmt.Sprintf("%s: only root@pam itself may set this, no token: log in with "+
		"PROXMOX_VE_USERNAME=root@pam and PROXMOX_VE_PASSWORD, or run on %s: %s set %d %s && %s reboot %d",
		strings.Join(shown, "; "), g.Node, tool, g.VMID, strings.Join(options, " "), tool, g.VMID))
}

// features compares the feature flags. If none is declared, the live ones stay.
func (c *container) features(d *delta, lv *live.Guest) []change.Step {
	have, want := pve.ParseProps(lv.Get("features"), ""), featureProps(c.Features)
	if have.Get("nesting") != "1" {
		c.unit(d)
	}
	if !c.Features.Any() {
		if have.Len() > 0 {
			d.addNote("its features (%s) are not declared and stay", have)
		}
		return nil
	}
	out, root := have.Clone(), !lv.Unprivileged()
	changed := false
	for _, key := range []string{"nesting", "keyctl", "fuse", "mount"} {
		from, to := have.Get(key), want.Get(key)
		if key == "mount" {
			from, to = sortedList(from), sortedList(to)
		}
		if from == to || from == "0" && to == "" {
			continue
		}
		changed = true
		root = root || key != "nesting"
		d.differs("features."+key, from, to, "")
		if out.Delete(key); to != "" {
			out.Set(key, want.Get(key))
		}
	}
	switch {
	case !changed:
		return nil
	case root && !c.asRoot:
		d.fields = slices.DeleteFunc(d.fields, func(f change.Diff) bool { return strings.HasPrefix(f.Path, "features.") })
		d.byHand(&c.Guest, url.Values{"features": {featureString(c.Features)}})
		return nil
	}
	if lv.Running() {
		d.reboot = true
		d.fields[len(d.fields)-1].Note = atReboot
	}
	step := change.Write("set features", "PUT", lv.Path()+"/config", url.Values{"features": {out.String()}}).From(lv.Path()+"/config", lv.Get("digest"))
	step.Root = root
	return []change.Step{step}
}

func sortedList(s string) string {
	list := strings.Split(s, ";")
	slices.Sort(list)
	return strings.Join(list, ";")
}
