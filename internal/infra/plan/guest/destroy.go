package guest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
)

// shutdownTimeout is how many seconds a guest has for a clean shutdown before it is
// stopped.
const shutdownTimeout = 60

// Destroy removes a live guest.
func Destroy(key string, lv *live.Guest) change.Change {
	c := change.Change{Key: key, Object: lv.Object(), Action: change.Destroy, Name: lv.Name, VMID: lv.VMID, Node: lv.Node}
	c.Fields = append(c.Fields, change.Diff{Path: "name", From: lv.Name})
	for _, key := range lv.Volumes() {
		c.Fields = append(c.Fields, change.Diff{Path: key, From: lv.Volume(key)})
	}
	c.Steps = destroySteps(lv)
	return c
}

// destroySteps shut a guest down, and remove it with its disks. Nothing is begun when
// somebody changed it since the plan.
func destroySteps(lv *live.Guest) []change.Step {
	path := lv.Path()
	var steps []change.Step
	if lv.Running() {
		steps = append(steps, change.Step{
			Op: change.OpStop, Title: "shut down", Path: path, Source: path + "/config", Digest: lv.Digest(), Timeout: shutdownTimeout,
		})
	}
	params := url.Values{"purge": {"1"}, "destroy-unreferenced-disks": {"1"}}
	s := change.Write("destroy", "DELETE", path, params)
	s.Source, s.Digest = path+"/config", lv.Digest()
	return append(steps, s)
}

// replace turns a change that cannot be made in place into a replacement, which must be
// allowed by name, and is never allowed for a protected guest.
func (p *Planner) replace(c *change.Change, g *declaration.Guest, k kind, lv *live.Guest) {
	i := slices.IndexFunc(c.Fields, func(f change.Diff) bool { return f.IsReplacement() })
	if i < 0 {
		return
	}
	f := c.Fields[i]
	what := fmt.Sprintf("%s (%s to %s) %s", f.Path, f.From, f.To, f.Note)
	c.Action = change.Replace
	c.Steps = append(Unprotect(lv), destroySteps(lv)...)
	c.Steps = append(c.Steps, k.create(nil)...)
	switch why := Guard(g, lv); {
	case why != "":
		c.Blocks = append(c.Blocks, change.Block{Why: what + "; " + why + ": " + Unguard(g)})
	case !p.Owner.Sure(g, lv):
		c.Blocks = append(c.Blocks, change.Block{Why: what + "; " + RenameFirst(g, lv)})
	case !p.AllowReplace[g.VMID]:
		c.Blocks = append(c.Blocks, change.Block{
			Why:  what + "; to destroy the guest with its data and create it again, allow it by name",
			Flag: "--allow-replace " + g.Key,
		})
	}
}

// RenameFirst refuses to remove a guest by a name that it never had.
func RenameFirst(g *declaration.Guest, lv *live.Guest) string {
	return fmt.Sprintf("its name is %s, which is neither declared nor recorded for %s: apply the name first, or give %s another vm_id", lv.Name, g.Key, g.Key)
}

// Unprotect removes the protection of a live guest that is declared without one.
func Unprotect(lv *live.Guest) []change.Step {
	if !lv.Protected() {
		return nil
	}
	path := lv.Path() + "/config"
	return []change.Step{change.Write("take protection off", "PUT", path, url.Values{"protection": {"0"}}).From(path, lv.Digest())}
}

// Guard returns why a live guest and its disks may not be removed, "" when they may. Only a
// literal "protection": false lifts a protection: the default depends on the declared
// disks, and a disk with data may no longer be declared.
func Guard(g *declaration.Guest, lv *live.Guest) string {
	switch {
	case g.ProtectionDeclared && !g.Protection:
		return ""
	case g.Protection:
		return "it is protected"
	case lv.Protected():
		return "it is protected in Proxmox VE"
	case len(lv.DataDisks()) > 0:
		return "it has data (" + strings.Join(lv.DataDisks(), ", ") + ")"
	}
	return ""
}

// Unguard returns how to lift what Guard found.
func Unguard(g *declaration.Guest) string {
	if g.Key == declaration.SplunkKey {
		return "the Splunk VM always is: if it and its data may go, take it out of the declaration, take its protection off in Proxmox VE, " +
			"remove it there, and run `provision state forget " + g.Key + "`"
	}
	return "declare \"protection\": false first, if it and its data may go"
}
