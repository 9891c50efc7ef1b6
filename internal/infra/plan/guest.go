package plan

import (
	"net/url"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// making is the description of a guest that is being made in several steps. As long as
// it is there, what is missing is done again from the live state, first boot included.
const making = "Being made by provision; not finished yet."

// parts are what differs between containers and VMs.
type parts struct {
	object string
	// create returns the steps that make the guest; lv is what an interrupted earlier
	// attempt has left, nil for nothing.
	create func(lv *guest) []Step
	// shown are the fields of a new guest.
	shown func(d *delta)
	// diff compares a live guest and returns the steps after the config request.
	diff func(d *delta, lv *guest) []Step
	// manual are the steps of a new guest that somebody must take by hand.
	manual func(d *delta)
	lanes  []string
}

// guest compares one declared guest with what is live under its VMID.
func (m *maker) guest(g *declaration.Guest, p parts) {
	c := Change{Key: g.Key, Object: p.object, Name: g.Name, VMID: g.VMID, Node: g.Node, Lanes: p.lanes}
	if g.Pool != "" {
		c.After = append(c.After, ObjectPool+"/"+g.Pool)
	}
	lv := m.live.guests[g.VMID]
	if lv == nil {
		m.createGuest(c, g, p)
		return
	}
	c.Node = lv.Node
	switch lock := lv.get("lock"); lock {
	case "create", "clone":
		c.Action = Wait
		c.Fields = []Diff{{Path: "lock", From: lock, Note: "it is being made: waits, then looks again"}}
		c.Steps = []Step{{Op: OpSettle, Title: "wait for the lock (" + lock + ")", Path: lv.path(), Source: lv.path() + "/config"}}
		m.add(c)
		return
	}
	if why := m.foreign(g, lv); why != "" {
		c.Action, c.Blocks = Refuse, []Block{{Why: why}}
		m.add(c)
		return
	}
	if why := m.reuses(g, lv); why != "" && !m.opts.allowed.reuse[g.VMID] {
		c.Action, c.Blocks = Refuse, []Block{{
			Why:  why + "; to make that guest, with its disks, into " + g.Key + " in place, say so by name; else give " + g.Key + " another vm_id",
			Flag: "--allow-reuse " + g.Key,
		}}
		m.add(c)
		return
	}
	if strings.TrimSpace(lv.get("description")) == making {
		m.resumeGuest(c, g, p, lv)
		return
	}
	m.updateGuest(c, g, p, lv)
}

func (m *maker) createGuest(c Change, g *declaration.Guest, p parts) {
	d := newDelta()
	p.shown(d)
	p.manual(d)
	c.Action, c.Fields, c.Manual, c.Blocks = Create, d.fields, d.manual, d.blocks
	c.Steps = p.create(nil)
	m.add(c)
	m.notes(g.Key, d)
}

// resumeGuest goes on with what an interrupted apply has begun.
func (m *maker) resumeGuest(c Change, g *declaration.Guest, p parts, lv *guest) {
	d := newDelta()
	p.manual(d)
	c.Action, c.Manual, c.Blocks, c.resumes = Create, d.manual, d.blocks, true
	c.Fields = []Diff{{Path: "description", From: making, To: g.Description, Note: "goes on where an earlier apply ended"}}
	c.Steps = p.create(lv)
	m.pool(&c, d, g, lv)
	m.add(c)
	m.notes(g.Key, d)
}

func (m *maker) updateGuest(c Change, g *declaration.Guest, p parts, lv *guest) {
	d := newDelta()
	d.guarded = guard(g, lv)
	m.common(d, g, lv)
	steps := p.diff(d, lv)
	if params := d.params(); params != nil {
		c.Steps = append(c.Steps, write("change", "PUT", lv.path()+"/config", params).from(lv.path()+"/config", lv.get("digest")))
	}
	c.Steps = append(c.Steps, steps...)
	c.Action, c.Fields, c.Blocks, c.Manual = Update, d.fields, d.blocks, d.manual
	c.Owed = d.owed
	m.pool(&c, d, g, lv)
	_, known := m.recorded(lv)
	c.Adopts = m.opts.Known != nil && !known
	m.notes(g.Key, d)
	m.replace(&c, g, p, lv)
	m.reboot(&c, d, g, lv)
	if lock := lv.get("lock"); lock != "" && len(c.Steps) > 0 {
		c.Blocks = append(c.Blocks, Block{Why: "it is locked (" + lock + ") by another task: wait until that is done; " +
			"if none runs, look at it and unlock it on the node"})
	}
	switch {
	case len(c.Steps) > 0 || len(c.Blocks) > 0:
		m.add(c)
	case len(c.Manual) > 0:
		c.Action = Manual
		m.add(c)
	}
}

func (m *maker) notes(key string, d *delta) {
	for _, n := range d.notes {
		m.note(key, "%s", n)
	}
}

// common compares what containers and VMs have in common but the network.
func (m *maker) common(d *delta, g *declaration.Guest, lv *guest) {
	if live, want := strings.TrimRight(lv.get("description"), "\n"), strings.TrimRight(g.Description, "\n"); live != want {
		d.differs("description", live, want, "")
		d.set.Set("description", want)
	}
	if live, want := tagList(splitTags(lv.get("tags"))), tagList(g.Tags); live != want {
		d.differs("tags", live, want, "")
		d.set.Set("tags", want)
	}
	d.plain("onboot", lv.get("onboot"), "0", flag(g.OnBoot))
	switch {
	case g.Protection || g.ProtectionDeclared:
		d.plain("protection", lv.get("protection"), "0", flag(g.Protection))
	case lv.protected():
		d.note("it is protected, which is not declared: that stays")
	}
	m.startup(d, g, lv)
	d.resolver("nameserver", strings.Join(splitTags(lv.get("nameserver")), " "), nameserverList(g), g, lv)
	d.resolver("searchdomain", lv.get("searchdomain"), g.Domain, g, lv)
	if g.OnBoot && !lv.running() {
		d.note("it is not running (%s), and starts on boot", lv.Status)
	}
	if lv.Node != g.Node {
		d.note("it runs on %s, declared is %s: it is left there; migrate it, or declare its node", lv.Node, g.Node)
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
func (d *delta) resolver(key, live, want string, g *declaration.Guest, lv *guest) {
	switch {
	case live == want:
	case g.Kind == declaration.QEMU:
		if lv.get("ipconfig0") != "" {
			d.note("cloud-init gave it %s %s, declared is %s: that is read at the first boot only and stays", key, orNone(live), orNone(want))
		}
	case want == "":
		d.note("its %s (%s) is not declared and stays", key, live)
	default:
		d.late(key, live, "", want, lv.running())
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (m *maker) startup(d *delta, g *declaration.Guest, lv *guest) {
	if g.Startup.Order == 0 {
		if s := lv.get("startup"); s != "" {
			d.note("its startup order (%s) is not declared and stays", s)
		}
		return
	}
	p := pve.ParseProps(lv.get("startup"), "order")
	order, _ := p.Int("order")
	up, _ := p.Int("up")
	live := startup(order, up)
	if lv.get("startup") == "" {
		live = ""
	}
	if want := startup(g.Startup.Order, g.Startup.Up); live != want {
		p.Set("order", strconv.Itoa(g.Startup.Order))
		if p.Delete("up"); g.Startup.Up > 0 {
			p.Set("up", strconv.Itoa(g.Startup.Up))
		}
		d.differs("startup", live, want, "")
		d.set.Set("startup", p.String())
	}
}

// pool puts the guest into its pool. Out of a pool that is not declared it is not taken.
func (m *maker) pool(c *Change, d *delta, g *declaration.Guest, lv *guest) {
	if lv.Pool == g.Pool {
		return
	}
	params := url.Values{"poolid": {g.Pool}, "vms": {strconv.Itoa(g.VMID)}, "allow-move": {"1"}}
	if g.Pool == "" {
		if !m.declaresPool(lv.Pool) {
			d.note("it is in the pool %s, which is not declared: it stays there", lv.Pool)
			return
		}
		params = url.Values{"poolid": {lv.Pool}, "vms": {strconv.Itoa(g.VMID)}, "delete": {"1"}}
	}
	c.Fields = append(c.Fields, Diff{Path: "pool", From: lv.Pool, To: g.Pool})
	c.Steps = append(c.Steps, write("put into pool "+g.Pool, "PUT", "/pools", params))
}

// reboot plans the restart that makes pending values active, if it is allowed.
func (m *maker) reboot(c *Change, d *delta, g *declaration.Guest, lv *guest) {
	c.Reboot = d.reboot
	if !lv.running() || c.Action == Replace {
		return
	}
	if !m.opts.allowed.reboot[g.VMID] {
		if len(lv.pending) > 0 {
			m.note(g.Key, "waits for its next start: %s (--allow-reboot %s restarts it)", strings.Join(lv.pending, ", "), g.Key)
		}
		return
	}
	if d.reboot || len(lv.pending) > 0 {
		for _, k := range lv.pending {
			c.Fields = append(c.Fields, Diff{Path: k, Note: "waits for a restart"})
		}
		c.Reboot = true
		c.Steps = append(c.Steps, write("restart", "POST", lv.path()+"/status/reboot", url.Values{}))
	}
}

func write(title, method, path string, params url.Values) Step {
	return Step{Op: OpWrite, Title: title, Method: method, Path: path, Params: params}
}

// from guards a step by the digest of what it was planned from.
func (s Step) from(source, digest string) Step {
	s.Source, s.Digest = source, digest
	return s
}

// showCommon lists the fields of a new guest.
func showCommon(d *delta, g *declaration.Guest) {
	d.differs("description", "", g.Description, "")
	d.differs("tags", "", tagList(g.Tags), "")
	if g.Pool != "" {
		d.differs("pool", "", g.Pool, "")
	}
	d.differs("cores", "", strconv.Itoa(g.Cores), "")
	d.differs("memory", "", strconv.Itoa(g.Memory), "")
	d.differs("onboot", "", flag(g.OnBoot), "")
	if g.Startup.Order != 0 {
		d.differs("startup", "", startup(g.Startup.Order, g.Startup.Up), "")
	}
	d.differs("protection", "", flag(g.Protection), "")
	if s := nameserverList(g); s != "" {
		d.differs("nameserver", "", s, "")
	}
	if g.Domain != "" {
		d.differs("searchdomain", "", g.Domain, "")
	}
}
