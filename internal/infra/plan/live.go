package plan

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// guest is a live guest.
type guest struct {
	pve.Resource
	conf    pve.Config     // nil: not read
	fw      *guestFirewall // nil: not read
	pending []string       // keys that wait for a restart
	// detached are the volumes that a restart takes off, which the configuration shows no
	// more: they are the guest's all the same.
	detached map[string]string
}

func (g *guest) get(key string) string    { return g.conf[key] }
func (g *guest) detaches(key string) bool { return g.detached[key] != "" }
func (g *guest) running() bool            { return g.Status == "running" }
func (g *guest) kind() declaration.Kind   { return declaration.Kind(g.Type) }
func (g *guest) path() string             { return guestPath(g.Node, g.kind(), g.VMID) }
func (g *guest) protected() bool          { return g.conf.Bool("protection", false) }

// guestFirewall is what is set for a guest.
type guestFirewall struct {
	options pve.Config
	rules   []LiveRule
}

// live is everything that was read.
type live struct {
	guests    map[int]*guest
	found     []*guest // that the list of resources does not have yet
	nodes     []string
	pools     map[string]string // ID -> comment
	cluster   pve.Config        // firewall options
	groups    map[string]*liveGroup
	nodeRules map[string][]LiveRule
	nodeOpts  map[string]pve.Config
	storage   map[string]map[string]storage // node -> name
	acme      *acmeLive                     // nil: not read
}

type liveGroup struct {
	comment string
	digest  string // of the list of groups
	rules   []LiveRule
}

func guestPath(node string, kind declaration.Kind, vmid int) string {
	return pve.Path("nodes", node, string(kind), strconv.Itoa(vmid))
}

func groupPath(name string) string { return pve.Path("cluster", "firewall", "groups", name) }

// reader reads in parallel, with a bound.
type reader struct {
	api   API
	group *errgroup.Group
	ctx   context.Context
	mu    sync.Mutex // of live
}

func newReader(ctx context.Context, api API, parallel int) *reader {
	if parallel <= 0 {
		parallel = 8
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	return &reader{api: api, group: g, ctx: ctx}
}

// get reads path into out, and then calls use with the reader's lock held.
func (r *reader) get(path string, query url.Values, out any, use func()) {
	r.group.Go(func() error {
		if err := r.api.Get(r.ctx, path, query, out); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		use()
		return nil
	})
}

// readCluster reads what is asked for once: guests, pools, the cluster's firewall.
func (m *maker) readCluster(ctx context.Context) error {
	r := newReader(ctx, m.api, m.opts.Parallel)
	l := m.live
	var resources []pve.Resource
	r.get("/cluster/resources", nil, &resources, func() {
		for _, res := range resources {
			switch {
			case res.IsGuest():
				l.guests[res.VMID] = &guest{Resource: res}
			case res.Type == "node":
				l.nodes = append(l.nodes, res.Node)
			}
		}
	})
	var pools []struct{ PoolID, Comment string }
	r.get("/pools", nil, &pools, func() {
		for _, p := range pools {
			l.pools[p.PoolID] = p.Comment
		}
	})
	if m.firewalled() {
		m.readFirewall(r)
	}
	return r.group.Wait()
}

// readFirewall reads the options of the cluster and the names of the groups.
func (m *maker) readFirewall(r *reader) {
	l := m.live
	r.get("/cluster/firewall/options", nil, &l.cluster, func() {})
	var groups []struct{ Group, Comment, Digest string }
	r.get("/cluster/firewall/groups", nil, &groups, func() {
		for _, g := range groups {
			l.groups[g.Group] = &liveGroup{comment: g.Comment, digest: g.Digest}
		}
	})
}

// readNodes reads the options and rules of the nodes. With Only they are left out.
func (m *maker) readNodes(r *reader) {
	if len(m.opts.Only) > 0 || len(m.estate.Firewall.Node) == 0 {
		return
	}
	l := m.live
	for _, node := range m.nodes() {
		base := pve.Path("nodes", node, "firewall")
		var options pve.Config
		var rules []LiveRule
		r.get(base+"/options", nil, &options, func() { l.nodeOpts[node] = options })
		r.get(base+"/rules", nil, &rules, func() { l.nodeRules[node] = rules })
	}
}

// readGuests reads one configuration per declared guest, the firewall of those that have
// a class, the rules of the groups, and the templates that something is cloned from.
func (m *maker) readGuests(ctx context.Context) error {
	r := newReader(ctx, m.api, m.opts.Parallel)
	var undeclared []*guest
	if len(m.opts.Only) == 0 {
		undeclared = m.undeclared()
	}
	var ours []*guest // before reads change what it looks at
	for _, lv := range undeclared {
		if _, known := m.opts.Known[lv.VMID]; known || m.marked(lv) {
			ours = append(ours, lv)
		}
	}
	for _, g := range m.declared {
		lv := m.live.guests[g.VMID]
		if lv == nil {
			m.readAbsent(r, g)
			continue
		}
		if lv.kind() != g.Kind {
			continue // somebody else's
		}
		m.readConfig(r, lv)
		if g.Class != "" {
			m.readGuestFirewall(r, lv)
		}
	}
	for _, t := range m.templates() {
		m.readConfig(r, t)
	}
	m.readNodes(r)
	m.readACME(r)
	for _, name := range m.groupNames() {
		if g := m.live.groups[name]; g != nil {
			r.get(groupPath(name), nil, &g.rules, func() {})
		}
	}
	for _, lv := range ours {
		m.readConfig(r, lv)
	}
	if err := r.group.Wait(); err != nil {
		return err
	}
	for _, lv := range m.live.found {
		m.live.guests[lv.VMID] = lv
	}
	m.leavers(undeclared)
	return nil
}

func (m *maker) readConfig(r *reader, lv *guest) {
	var conf pve.Config
	r.get(lv.path()+"/config", nil, &conf, func() {
		lv.conf = conf
		// The list of resources is older: it may show a guest that was not finished.
		if name := conf[nameKey(lv.kind())]; name != "" {
			lv.Name, lv.Tags = name, conf["tags"]
		}
	})
}

// nameKey is the key of a guest's name.
func nameKey(k declaration.Kind) string {
	if k == declaration.QEMU {
		return "name"
	}
	return "hostname"
}

// readAbsent looks whether a guest that /cluster/resources does not know is there all
// the same: that list may be ten seconds old.
func (m *maker) readAbsent(r *reader, g *declaration.Guest) {
	path := guestPath(g.Node, g.Kind, g.VMID)
	r.group.Go(func() error {
		var conf pve.Config
		err := m.api.Get(r.ctx, path+"/config", nil, &conf)
		switch {
		case err == nil:
		case pve.IsNotFound(err), pve.IsForbidden(err):
			return nil // who may not see a guest that is not there can still make it
		default:
			return fmt.Errorf("read %s/config: %w", path, err)
		}
		var st struct{ Status string }
		if err := m.api.Get(r.ctx, path+"/status/current", nil, &st); err != nil {
			return fmt.Errorf("read %s/status/current: %w", path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		// The map of guests is being read meanwhile.
		m.live.found = append(m.live.found, &guest{conf: conf, Resource: pve.Resource{
			Type: string(g.Kind), Node: g.Node, VMID: g.VMID, Name: conf[nameKey(g.Kind)],
			Pool: g.Pool, Status: st.Status, Tags: conf["tags"],
		}})
		return nil
	})
}

func (m *maker) readGuestFirewall(r *reader, lv *guest) {
	lv.fw = &guestFirewall{}
	r.get(lv.path()+"/firewall/options", nil, &lv.fw.options, func() {})
	r.get(lv.path()+"/firewall/rules", nil, &lv.fw.rules, func() {})
}

// readLeaving reads the rules of guests without a class that may be leaving one: their tags
// are about to change, or the record does not say that they had none and their interfaces
// are filtered. The options are read of those that are.
func (m *maker) readLeaving(ctx context.Context) error {
	r := newReader(ctx, m.api, m.opts.Parallel)
	var looked []*guest
	for _, g := range m.declared {
		lv := m.live.guests[g.VMID]
		if g.Class != "" || lv == nil || lv.fw != nil || lv.conf == nil || lv.get("lock") != "" {
			continue
		}
		if lv.filtered() && !m.settled(g, lv) || tagList(splitTags(lv.get("tags"))) != tagList(g.Tags) {
			lv.fw = &guestFirewall{}
			looked = append(looked, lv)
			r.get(lv.path()+"/firewall/rules", nil, &lv.fw.rules, func() {})
		}
	}
	if err := r.group.Wait(); err != nil {
		return err
	}
	r = newReader(ctx, m.api, m.opts.Parallel)
	for _, lv := range looked {
		if NextLeave(lv.fw.rules, m.ownGroups()).Method != "" {
			r.get(lv.path()+"/firewall/options", nil, &lv.fw.options, func() {})
		}
	}
	return r.group.Wait()
}

// filtered says whether the firewall sees an interface of the guest.
func (g *guest) filtered() bool {
	for key, value := range g.conf {
		if nicKeys.MatchString(key) && pve.ParseProps(value, "model").Get("firewall") == "1" {
			return true
		}
	}
	return false
}

// undeclared are the live guests of which none is declared, by VMID. Templates are
// nobody's guests.
func (m *maker) undeclared() []*guest {
	declared := map[int]bool{}
	for _, g := range m.estate.Guests() {
		declared[g.VMID] = true
	}
	var out []*guest
	for id, lv := range m.live.guests {
		if !declared[id] && !lv.Template {
			out = append(out, lv)
		}
	}
	slices.SortFunc(out, func(a, b *guest) int { return a.VMID - b.VMID })
	return out
}

// templates are those that declared VMs are cloned from which are not there.
func (m *maker) templates() []*guest {
	var out []*guest
	for _, vm := range m.vms() {
		t := m.live.guests[vm.Template]
		if m.live.guests[vm.VMID] == nil && t != nil && t.kind() == declaration.QEMU && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// vms are the declared VMs that are looked at, Splunk included.
func (m *maker) vms() []*declaration.VM {
	var out []*declaration.VM
	for i := range m.estate.VMs {
		out = append(out, &m.estate.VMs[i])
	}
	if m.estate.Splunk != nil {
		out = append(out, m.estate.Splunk)
	}
	return slices.DeleteFunc(out, func(v *declaration.VM) bool { return !m.looksAt(&v.Guest) })
}

// settled says that the record knows the guest as it is declared, with the same class.
func (m *maker) settled(g *declaration.Guest, lv *guest) bool {
	k, recorded := m.recorded(lv)
	return recorded && k.Key == g.Key && k.Class == g.Class
}

// doubtful are the live guests of which more must be known than their configuration: what
// waits for a restart. Of a settled one only where a volume of it is not there, or where
// something is allowed that restarts or removes.
func (m *maker) doubtful() []*guest {
	allowed := len(m.opts.AllowDestroy)+len(m.opts.AllowReplace)+len(m.opts.AllowReboot)+len(m.opts.AllowReuse) > 0
	out := m.looked()
	if allowed {
		return out
	}
	for i, g := range m.declared {
		if lv := out[i]; lv != nil && lv.conf != nil && m.settled(g, lv) && !m.lacksVolume(lv) {
			out[i] = nil
		}
	}
	return out
}

// lacksVolume says whether the configuration lacks a volume that is declared.
func (m *maker) lacksVolume(lv *guest) bool {
	for i := range m.estate.Containers {
		if c := &m.estate.Containers[i]; c.VMID == lv.VMID {
			for k := range c.Mounts {
				if lv.get("mp"+strconv.Itoa(k)) == "" {
					return true
				}
			}
		}
	}
	for _, v := range m.vms() {
		if v.VMID == lv.VMID && slices.ContainsFunc(v.Disks, func(d declaration.Disk) bool { return lv.get(d.Interface) == "" }) {
			return true
		}
	}
	return false
}

// looked are the live guests that are declared or leave.
func (m *maker) looked() []*guest {
	var out []*guest
	for _, g := range m.declared {
		out = append(out, m.live.guests[g.VMID])
	}
	for _, l := range m.leaving {
		out = append(out, l.guest)
	}
	return out
}
