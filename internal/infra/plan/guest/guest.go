// Package guest compares a declared container or VM with the live one and says what makes
// them the same: parameters, disks, network cards, a restart, a replacement. It knows
// nothing of firewalls and storages, and reads nothing.
package guest

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/pve"
)

// Planner plans the guests in scope.
type Planner struct {
	Scope *scope.Scope
	Live  *live.Cluster
	Owner live.Owner
	List  *change.List // what is planned goes here
	// Root is true when the user logs in as root@pam itself, with a ticket.
	Root bool
	// What is allowed, by VMID.
	AllowReplace, AllowReboot, AllowReuse map[int]bool
	// AllowDetach are undeclared mount points, by path, and disks, by interface, that may be
	// taken off.
	AllowDetach map[int]map[string]bool
	// Detached are those of AllowDetach that are there, by VMID.
	Detached map[int][]string
}

// kind is what differs between containers and VMs.
type kind interface {
	// limited are the resources that only a few creations may use at a time.
	limited() []string
	// create returns the steps that make the guest. lv is what an interrupted attempt left
	// behind; optional.
	create(lv *live.Guest) []change.Step
	// show lists the fields of a new guest.
	show(d *delta)
	// diff compares a live guest and returns the steps after the config request.
	diff(d *delta, lv *live.Guest) []change.Step
	// manual are the steps of a new guest that the user must take by hand.
	manual(d *delta)
}

// Plan compares every guest in scope.
func (p *Planner) Plan() {
	for _, c := range p.Scope.LXC() {
		p.guest(&c.Guest, &container{Container: c, template: p.Scope.ContainerTemplate, asRoot: p.Root})
	}
	for _, v := range p.Scope.QEMU() {
		p.guest(&v.Guest, &vm{VM: v, template: p.Live.Guests[v.Template], store: p.Scope.DefaultStore, asRoot: p.Root})
	}
}

// guest compares one declared guest with what is live under its VMID.
func (p *Planner) guest(g *declaration.Guest, k kind) {
	c := change.Change{Key: g.Key, Object: change.ObjectOf(g.Kind), Name: g.Name, VMID: g.VMID, Node: g.Node, Limited: k.limited()}
	if g.Pool != "" {
		c.After = append(c.After, change.ObjectPool+"/"+g.Pool)
	}
	lv := p.Live.Of(g)
	if lv == nil {
		p.create(c, g, k)
		return
	}
	c.Node = lv.Node
	if lock := lv.Get("lock"); lock == "create" || lock == "clone" {
		c.Action = change.Wait
		c.Fields = []change.Diff{{Path: "lock", From: lock, Note: "it is being made: waits, then plans again"}}
		c.Steps = []change.Step{{Op: change.OpSettle, Title: "wait for the lock (" + lock + ")", Path: lv.Path(), Source: lv.Path() + "/config"}}
		p.List.Add(c)
		return
	}
	if block := p.notOurs(g, lv); block != nil {
		c.Action, c.Blocks = change.Refuse, []change.Block{*block}
		p.List.Add(c)
		return
	}
	if lv.Begun() {
		p.resume(c, g, k, lv)
		return
	}
	p.update(c, g, k, lv)
}

// notOurs returns why the live guest is not the declared one, or nil when it is.
func (p *Planner) notOurs(g *declaration.Guest, lv *live.Guest) *change.Block {
	if why := p.Owner.Taken(g, lv); why != "" && !p.AllowReuse[g.VMID] {
		return &change.Block{Why: why, Flag: "--allow-reuse " + g.Key}
	} else if why == "" {
		why = p.Owner.Foreign(g, lv)
		if why != "" {
			return &change.Block{Why: why}
		}
	}
	if why := p.Owner.Reuses(g, lv); why != "" && !p.AllowReuse[g.VMID] {
		return &change.Block{
			Why:  why + "; to make that guest, with its disks, into " + g.Key + " in place, say so by name; else give " + g.Key + " another vm_id",
			Flag: "--allow-reuse " + g.Key,
		}
	}
	return nil
}

// create makes a guest from nothing.
func (p *Planner) create(c change.Change, g *declaration.Guest, k kind) {
	d := newDelta()
	k.show(d)
	k.manual(d)
	c.Action, c.Fields, c.Manual, c.Blocks = change.Create, d.fields, d.manual, d.blocks
	c.Steps = k.create(nil)
	p.List.Add(c)
	p.addNotes(g.Key, d)
}

// resume continues what an interrupted apply began.
func (p *Planner) resume(c change.Change, g *declaration.Guest, k kind, lv *live.Guest) {
	d := newDelta()
	k.manual(d)
	c.Action, c.Manual, c.Blocks, c.Resumes = change.Create, d.manual, d.blocks, true
	c.Fields = []change.Diff{{Path: "description", From: live.Unfinished, To: g.Description, Note: "continues where an earlier apply ended"}}
	c.Steps = k.create(lv)
	p.pool(&c, d, g, lv)
	p.List.Add(c)
	p.addNotes(g.Key, d)
}

// update changes a guest in place, or replaces it where that cannot be done.
func (p *Planner) update(c change.Change, g *declaration.Guest, k kind, lv *live.Guest) {
	d := newDelta()
	d.guarded = Guard(g, lv)
	d.common(g, lv)
	d.detach = p.AllowDetach[g.VMID]
	steps := k.diff(d, lv)
	if p.Detached != nil {
		p.Detached[g.VMID] = d.taken
	}
	if params := d.params(); params != nil {
		c.Steps = append(c.Steps, change.Write("change", "PUT", lv.Path()+"/config", params).From(lv.Path()+"/config", lv.Digest()))
	}
	c.Steps = append(c.Steps, steps...)
	c.Action, c.Fields, c.Blocks, c.Manual = change.Update, d.fields, d.blocks, d.manual
	c.Owed = d.owed
	p.pool(&c, d, g, lv)
	record, known := p.Owner.Recorded(lv)
	d.firstInputs(p.Scope.FirstBoot(g), record)
	c.Adopts = p.Owner.Known != nil && !known
	p.addNotes(g.Key, d)
	p.replace(&c, g, k, lv)
	p.reboot(&c, d, g, lv)
	if lock := lv.Get("lock"); lock != "" && len(c.Steps) > 0 {
		c.Blocks = append(c.Blocks, change.Block{Why: "it is locked (" + lock + ") by another task: wait until that is done; " +
			"if none runs, check it and unlock it on the node"})
	}
	switch {
	case len(c.Steps) > 0 || len(c.Blocks) > 0:
		p.List.Add(c)
	case len(c.Manual) > 0:
		c.Action = change.Manual
		p.List.Add(c)
	}
}

// firstInputs adds notes on inputs that changed after the guest was made from them.
func (d *delta) firstInputs(want map[string]string, record live.Known) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if was, known := record.Inputs[key]; known && was != want[key] {
			d.addNote("its %s changed in the declaration since it was made, and that alone changes nothing in the guest: "+
				"change it there, and `provision adopt %s` ends this note", inputWords[key], record.Key)
		}
	}
}

// inputWords are the names of the inputs of a first boot in messages.
var inputWords = map[string]string{"template": "template", "ssh_keys": "SSH keys", "user": "cloud-init user", "password": "password",
	"cloud_init": "cloud-init file", "cloud_init_options": "cloud_init"}

func (p *Planner) addNotes(key string, d *delta) {
	for _, n := range d.notes {
		p.List.AddNote(key, "%s", n)
	}
}

// common compares what containers and VMs have in common but the network.
func (d *delta) common(g *declaration.Guest, lv *live.Guest) {
	if have, want := strings.TrimRight(lv.Get("description"), "\n"), strings.TrimRight(g.Description, "\n"); have != want {
		d.differs("description", have, want, "")
		d.set.Set("description", want)
	}
	if have, want := live.TagList(live.SplitTags(lv.Get("tags"))), live.TagList(g.Tags); have != want {
		d.differs("tags", have, want, "")
		d.set.Set("tags", want)
	}
	d.plain("onboot", lv.Get("onboot"), "0", pve.Flag(g.OnBoot))
	switch {
	case g.Protection || g.ProtectionDeclared:
		d.plain("protection", lv.Get("protection"), "0", pve.Flag(g.Protection))
	case lv.Protected():
		d.addNote("it is protected, which is not declared: that stays")
	}
	d.startup(g, lv)
	d.resolver("nameserver", strings.Join(live.SplitTags(lv.Get("nameserver")), " "), nameserverList(g), g, lv)
	d.resolver("searchdomain", lv.Get("searchdomain"), g.Domain, g, lv)
	if g.OnBoot && !lv.Running() {
		d.addNote("it is not running (%s), and starts on boot", lv.Status)
	}
	if lv.Node != g.Node {
		d.addNote("it runs on %s, declared is %s: it is left there; migrate it, or declare its node", lv.Node, g.Node)
	}
}

func nameserverList(g *declaration.Guest) string {
	var list []string
	for _, a := range g.Nameservers {
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

// resolver compares a setting of the guest's resolver. A running container takes it over
// at its next start; a VM has it from cloud-init, at its first boot.
func (d *delta) resolver(key, have, want string, g *declaration.Guest, lv *live.Guest) {
	switch {
	case have == want:
	case g.Kind == declaration.QEMU:
		if lv.Get("ipconfig0") != "" {
			d.addNote("cloud-init gave it %s %s, declared is %s: that is read at the first boot only and stays", key, cmp.Or(have, "none"), cmp.Or(want, "none"))
		}
	case want == "":
		d.addNote("its %s (%s) is not declared and stays", key, have)
	default:
		d.late(key, have, "", want, lv.Running())
	}
}

func (d *delta) startup(g *declaration.Guest, lv *live.Guest) {
	if g.Startup.Order == 0 {
		if s := lv.Get("startup"); s != "" {
			d.addNote("its startup order (%s) is not declared and stays", s)
		}
		return
	}
	p := pve.ParseProps(lv.Get("startup"), "order")
	order, _ := p.Int("order")
	up, _ := p.Int("up")
	have := startup(order, up)
	if lv.Get("startup") == "" {
		have = ""
	}
	if want := startup(g.Startup.Order, g.Startup.Up); have != want {
		p.Set("order", strconv.Itoa(g.Startup.Order))
		if p.Delete("up"); g.Startup.Up > 0 {
			p.Set("up", strconv.Itoa(g.Startup.Up))
		}
		d.differs("startup", have, want, "")
		d.set.Set("startup", p.String())
	}
}

// pool puts the guest into its pool. Out of a pool that is not declared it is not taken.
func (p *Planner) pool(c *change.Change, d *delta, g *declaration.Guest, lv *live.Guest) {
	if lv.Pool == g.Pool {
		return
	}
	params := url.Values{"poolid": {g.Pool}, "vms": {strconv.Itoa(g.VMID)}, "allow-move": {"1"}}
	if g.Pool == "" {
		if !p.Scope.DeclaresPool(lv.Pool) {
			d.addNote("it is in the pool %s, which is not declared: it stays there", lv.Pool)
			return
		}
		params = url.Values{"poolid": {lv.Pool}, "vms": {strconv.Itoa(g.VMID)}, "delete": {"1"}}
	}
	c.Fields = append(c.Fields, change.Diff{Path: "pool", From: lv.Pool, To: g.Pool})
	c.Steps = append(c.Steps, change.Write("put into pool "+g.Pool, "PUT", "/pools", params))
}

// reboot plans the restart that makes pending values active, if it is allowed.
func (p *Planner) reboot(c *change.Change, d *delta, g *declaration.Guest, lv *live.Guest) {
	c.Reboot = d.reboot
	if !lv.Running() || c.Action == change.Replace {
		return
	}
	if !p.AllowReboot[g.VMID] {
		if len(lv.Pending) > 0 {
			p.List.AddNote(g.Key, "waits for its next start: %s (--allow-reboot %s restarts it)", strings.Join(lv.Pending, ", "), g.Key)
		}
		return
	}
	if d.reboot || len(lv.Pending) > 0 {
		for _, k := range lv.Pending {
			c.Fields = append(c.Fields, change.Diff{Path: k, Note: "waits for a restart"})
		}
		c.Reboot = true
		c.Steps = append(c.Steps, change.Write("restart", "POST", lv.Path()+"/status/reboot", url.Values{}))
	}
}

// showCommon lists the fields of a new guest.
func showCommon(d *delta, g *declaration.Guest) {
	d.differs("description", "", g.Description, "")
	d.differs("tags", "", live.TagList(g.Tags), "")
	if g.Pool != "" {
		d.differs("pool", "", g.Pool, "")
	}
	d.differs("cores", "", strconv.Itoa(g.Cores), "")
	d.differs("memory", "", strconv.Itoa(g.Memory), "")
	d.differs("onboot", "", pve.Flag(g.OnBoot), "")
	if g.Startup.Order != 0 {
		d.differs("startup", "", startup(g.Startup.Order, g.Startup.Up), "")
	}
	d.differs("protection", "", pve.Flag(g.Protection), "")
	if s := nameserverList(g); s != "" {
		d.differs("nameserver", "", s, "")
	}
	if g.Domain != "" {
		d.differs("searchdomain", "", g.Domain, "")
	}
}
