package live

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/plan/scope"
	"syslog-gateway/internal/infra/pve"
)

// Reader reads what a plan needs to know, and no more. Cluster is what it has read.
type Reader struct {
	API      API
	Parallel int // reads at a time; 0: 8
	Scope    *scope.Scope
	Owner    Owner
	*Cluster

	found   []*Guest                   // that the list of resources does not have yet
	content map[string]map[string]bool // volumes by node, content type and storage
}

// NewReader has read nothing yet.
func NewReader(api API, parallel int, s *scope.Scope, o Owner) *Reader {
	return &Reader{API: api, Parallel: parallel, Scope: s, Owner: o, Cluster: newCluster(), content: map[string]map[string]bool{}}
}

func (r *Reader) all(ctx context.Context, fill func(context.Context, *batch)) error {
	return all(ctx, r.API, r.Parallel, fill)
}

// ReadCluster reads what is asked for once: guests, pools, the cluster's firewall.
func (r *Reader) ReadCluster(ctx context.Context) error {
	return r.all(ctx, func(ctx context.Context, b *batch) {
		var resources []pve.Resource
		b.get(ctx, "/cluster/resources", &resources, func() {
			for _, res := range resources {
				switch {
				case res.IsGuest():
					r.Guests[res.VMID] = &Guest{Resource: res}
				case res.Type == "node":
					r.Nodes = append(r.Nodes, res.Node)
				}
			}
		})
		var pools []struct{ PoolID, Comment string }
		b.get(ctx, "/pools", &pools, func() {
			for _, p := range pools {
				r.Pools[p.PoolID] = p.Comment
			}
		})
		if r.Scope.Firewalled() {
			r.readFirewall(ctx, b)
		}
	})
}

// readFirewall reads the options of the cluster and the names of the groups.
func (r *Reader) readFirewall(ctx context.Context, b *batch) {
	b.get(ctx, "/cluster/firewall/options", &r.Firewall, nil)
	var groups []struct{ Group, Comment, Digest string }
	b.get(ctx, "/cluster/firewall/groups", &groups, func() {
		for _, g := range groups {
			r.Groups[g.Group] = &Group{Comment: g.Comment, Digest: g.Digest}
		}
	})
}

// ReadGuests reads one configuration per declared guest, the firewall of those that have
// a class, the rules of the groups, the templates of declared VMs, and guests of the
// estate that are no longer declared. It returns the undeclared live guests; none if the
// plan covers a part of the estate.
func (r *Reader) ReadGuests(ctx context.Context) (undeclared []*Guest, err error) {
	var ours []*Guest // before the reads change Undeclared
	if r.Scope.All() {
		undeclared = r.Undeclared(r.Scope.Estate)
		for _, lv := range undeclared {
			if _, known := r.Owner.Known[lv.VMID]; known || r.Owner.Marked(lv) {
				ours = append(ours, lv)
			}
		}
	}
	templates := r.templates()
	err = r.all(ctx, func(ctx context.Context, b *batch) {
		for _, g := range r.Scope.Guests {
			r.readDeclared(ctx, b, g)
		}
		for _, lv := range slices.Concat(templates, ours) {
			r.readConfig(ctx, b, lv)
		}
		r.readNodes(ctx, b)
		r.readACME(ctx, b)
		if slices.ContainsFunc(r.Scope.Guests, func(g *declaration.Guest) bool { return len(r.Scope.Names(g)) > 0 }) {
			r.Names = &Names{}
			readNames(ctx, b, "/cluster/firewall", r.Names)
		}
		for _, g := range r.Scope.Groups() {
			if lv := r.Groups[g.Name]; lv != nil {
				b.get(ctx, GroupPath(g.Name), &lv.Rules, nil)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, lv := range r.found {
		r.Guests[lv.VMID] = lv
	}
	return undeclared, nil
}

// ReadConfigs reads the configurations of guests.
func (r *Reader) ReadConfigs(ctx context.Context, guests []*Guest) error {
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, lv := range guests {
			r.readConfig(ctx, b, lv)
		}
	})
}

func (r *Reader) readDeclared(ctx context.Context, b *batch, g *declaration.Guest) {
	lv := r.Of(g)
	switch {
	case lv == nil:
		r.readAbsent(ctx, b, g)
	case lv.Kind() == g.Kind: // else it belongs to somebody else
		r.readConfig(ctx, b, lv)
		if g.Class != "" {
			lv.Firewall = readFirewall(ctx, b, lv.Path())
			if len(r.Scope.Names(g)) > 0 {
				readNames(ctx, b, lv.Path()+"/firewall", &lv.Firewall.Names)
			}
		}
	}
}

func (r *Reader) readConfig(ctx context.Context, b *batch, lv *Guest) {
	var conf pve.Config
	b.get(ctx, lv.Path()+"/config", &conf, func() {
		lv.Conf = conf
		// The list of resources is older: it may show a guest that was not finished.
		if name := conf[nameKey(lv.Kind())]; name != "" {
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

// readAbsent checks whether a guest that /cluster/resources does not know exists all
// the same: that list may be ten seconds old.
func (r *Reader) readAbsent(ctx context.Context, b *batch, g *declaration.Guest) {
	path := GuestPath(g.Node, g.Kind, g.VMID)
	b.group.Go(func() error {
		var conf pve.Config
		err := r.API.Get(ctx, path+"/config", nil, &conf)
		switch {
		case err == nil:
		case pve.IsNotFound(err), pve.IsForbidden(err):
			return nil // a token without the right to see the guest may still create it
		default:
			return fmt.Errorf("read %s/config: %w", path, err)
		}
		var st struct{ Status string }
		if err := r.API.Get(ctx, path+"/status/current", nil, &st); err != nil {
			return fmt.Errorf("read %s/status/current: %w", path, err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		// The map of guests is being read meanwhile.
		r.found = append(r.found, &Guest{Conf: conf, Resource: pve.Resource{
			Type: string(g.Kind), Node: g.Node, VMID: g.VMID, Name: conf[nameKey(g.Kind)],
			Pool: g.Pool, Status: st.Status, Tags: conf["tags"],
		}})
		return nil
	})
}

// readFirewall reads what is set for a guest or a node.
func readFirewall(ctx context.Context, b *batch, base string) *Firewall {
	f := &Firewall{}
	b.get(ctx, base+"/firewall/options", &f.Options, nil)
	b.get(ctx, base+"/firewall/rules", &f.Rules, nil)
	return f
}

// readNames reads which aliases and IP sets there are.
func readNames(ctx context.Context, b *batch, base string, out *Names) {
	for path, list := range map[string]*[]string{"/aliases": &out.Aliases, "/ipset": &out.Sets} {
		var named []struct{ Name string }
		b.get(ctx, base+path, &named, func() {
			for _, n := range named {
				*list = append(*list, n.Name)
			}
		})
	}
}

// readNodes reads the firewall of the nodes.
func (r *Reader) readNodes(ctx context.Context, b *batch) {
	if !r.Scope.NodeFirewalled() {
		return
	}
	for _, node := range r.Scope.Nodes() {
		r.Node[node] = readFirewall(ctx, b, pve.Path("nodes", node))
	}
}

// ReadLeaving reads the rules of guests without a class that may be leaving one: their tags
// are about to change, or the record does not say that they had none and their interfaces
// are filtered. The options are read of those that are.
func (r *Reader) ReadLeaving(ctx context.Context) error {
	var leaving []*Guest
	err := r.all(ctx, func(ctx context.Context, b *batch) {
		for _, g := range r.Scope.Guests {
			lv := r.Of(g)
			if g.Class != "" || lv == nil || lv.Firewall != nil || lv.Conf == nil || lv.Get("lock") != "" {
				continue
			}
			if lv.Filtered() && !r.Owner.Settled(g, lv) || TagList(SplitTags(lv.Get("tags"))) != TagList(g.Tags) {
				lv.Firewall = &Firewall{}
				leaving = append(leaving, lv)
				b.get(ctx, lv.Path()+"/firewall/rules", &lv.Firewall.Rules, nil)
			}
		}
	})
	if err != nil {
		return err
	}
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, lv := range leaving {
			known, _ := r.Owner.Recorded(lv)
			if known.Class != "" || rules.Leave(lv.Firewall.Rules, r.Scope.OwnGroups()).Method != "" {
				b.get(ctx, lv.Path()+"/firewall/options", &lv.Firewall.Options, nil)
			}
		}
	})
}

// ReadDormant reads the rules of the cluster, and which guests without a class its firewall
// would filter if it was switched on. Guests that the user may not see are left out.
func (r *Reader) ReadDormant(ctx context.Context) error {
	if !r.Scope.All() || !r.Scope.Firewall.ManageCluster || r.Cluster.Firewall["enable"] == "1" {
		return nil
	}
	if err := r.API.Get(ctx, "/cluster/firewall/rules", nil, &r.Rules); err != nil {
		return fmt.Errorf("read /cluster/firewall/rules: %w", err)
	}
	classed := map[int]bool{}
	for _, g := range r.Scope.Guests {
		classed[g.VMID] = g.Class != ""
	}
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, lv := range r.Guests {
			if classed[lv.VMID] || lv.Template {
				continue
			}
			b.group.Go(func() error {
				on, err := r.dormant(ctx, lv)
				if err != nil || on == nil {
					return err
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				r.Dormant = append(r.Dormant, on)
				return nil
			})
		}
	})
}

// dormant returns the guest with its firewall's options if these are switched on and an
// interface is filtered, else nil.
func (r *Reader) dormant(ctx context.Context, lv *Guest) (*Guest, error) {
	on := &Guest{Resource: lv.Resource, Conf: lv.Conf, Firewall: &Firewall{}}
	for path, out := range map[string]*pve.Config{"/firewall/options": &on.Firewall.Options, "/config": &on.Conf} {
		if *out != nil {
			continue
		}
		switch err := r.API.Get(ctx, lv.Path()+path, nil, out); {
		case pve.IsForbidden(err), pve.IsNotFound(err):
			return nil, nil //nolint:nilnil // nothing can be said of this guest
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", lv.Path()+path, err)
		}
	}
	if on.Firewall.Options["enable"] != "1" || !on.Filtered() {
		return nil, nil //nolint:nilnil // it is not dormant
	}
	return on, nil
}

// templates are the templates of declared VMs that do not exist yet.
func (r *Reader) templates() []*Guest {
	var out []*Guest
	for _, vm := range r.Scope.QEMU() {
		t := r.Guests[vm.Template]
		if r.Of(&vm.Guest) == nil && t != nil && t.Kind() == declaration.QEMU && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// LacksVolume reports whether the configuration lacks a volume that is declared.
func (r *Reader) LacksVolume(lv *Guest) bool {
	for _, c := range r.Scope.LXC() {
		if c.VMID == lv.VMID {
			for k := range c.Mounts {
				if lv.Get("mp"+strconv.Itoa(k)) == "" {
					return true
				}
			}
		}
	}
	for _, v := range r.Scope.QEMU() {
		if v.VMID == lv.VMID && slices.ContainsFunc(v.Disks, func(d declaration.Disk) bool { return lv.Get(d.Interface) == "" }) {
			return true
		}
	}
	return false
}

// ReadStorage reads the storages of nodes.
func (r *Reader) ReadStorage(ctx context.Context, nodes []string) error {
	return r.all(ctx, func(ctx context.Context, b *batch) {
		for _, node := range nodes {
			if _, read := r.Storage[node]; read {
				continue
			}
			byName := map[string]Storage{}
			r.Storage[node] = byName
			var list []Storage
			b.get(ctx, pve.Path("nodes", node, "storage"), &list, func() {
				for _, s := range list {
					byName[s.Storage] = s
				}
			})
		}
	})
}

// Bridges are the bridges of a node that the user may see, those of SDN included; none
// without a right to see any.
func (r *Reader) Bridges(ctx context.Context, node string) ([]string, error) {
	var list []struct{ Iface string }
	path := pve.Path("nodes", node, "network")
	if err := r.API.Get(ctx, path, url.Values{"type": {"any_bridge"}}, &list); err != nil {
		if pve.IsForbidden(err) || pve.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var out []string
	for _, b := range list {
		out = append(out, b.Iface)
	}
	slices.Sort(out)
	return out, nil
}

// HasVolume reports whether a node's storage has a volume.
func (r *Reader) HasVolume(ctx context.Context, node, volume, content string) (bool, error) {
	key := node + " " + content + " " + Store(volume)
	if _, read := r.content[key]; !read {
		var list []struct{ VolID string }
		path := pve.Path("nodes", node, "storage", Store(volume), "content")
		if err := r.API.Get(ctx, path, url.Values{"content": {content}}, &list); err != nil {
			return false, fmt.Errorf("search for %s: %w", volume, err)
		}
		r.content[key] = map[string]bool{}
		for _, v := range list {
			r.content[key][v.VolID] = true
		}
	}
	return r.content[key][volume], nil
}

// HasAppliance reports whether a node's list of appliances has a template.
func (r *Reader) HasAppliance(ctx context.Context, node, name string) (bool, error) {
	var list []struct{ Template string }
	path := pve.Path("nodes", node, "aplinfo")
	if err := r.API.Get(ctx, path, nil, &list); err != nil {
		if pve.IsForbidden(err) {
			return false, nil
		}
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	for _, a := range list {
		if a.Template == name {
			return true, nil
		}
	}
	return false, nil
}

// readACME reads the ACME objects, if the declaration has any. Only root@pam may
// read the contents of an account.
func (r *Reader) readACME(ctx context.Context, b *batch) {
	x := r.Scope.Extra
	if !r.Scope.All() || len(x.ACMEAccounts)+len(x.DNSPlugins)+len(x.ACMECertificates) == 0 {
		return
	}
	a := &ACME{Plugins: map[string]ACMEPlugin{}, Node: map[string]pve.Config{}, Names: map[string][]string{}}
	r.ACME = a
	var accounts []struct{ Name string }
	b.get(ctx, "/cluster/acme/account", &accounts, func() {
		for _, acc := range accounts {
			a.Accounts = append(a.Accounts, acc.Name)
		}
	})
	var plugins []ACMEPlugin
	b.get(ctx, "/cluster/acme/plugins", &plugins, func() {
		for _, p := range plugins {
			a.Plugins[p.Plugin] = p
		}
	})
	for _, c := range x.ACMECertificates {
		var conf pve.Config
		b.get(ctx, pve.Path("nodes", c.Node, "config"), &conf, func() { a.Node[c.Node] = conf })
		var served []struct {
			Filename string
			SAN      []string
		}
		b.get(ctx, pve.Path("nodes", c.Node, "certificates", "info"), &served, func() {
			for _, s := range served {
				if s.Filename == "pveproxy-ssl.pem" {
					a.Names[c.Node] = s.SAN
				}
			}
		})
	}
}

// API is what is read with; *pve.Client has it. out is decoded from the answer's data.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) error
}

// batch reads many things in parallel, with a bound.
type batch struct {
	api   API
	group *errgroup.Group
	mu    sync.Mutex // of what the reads fill
}

// all lets fill ask for reads and waits for them. parallel 0 is 8.
func all(ctx context.Context, api API, parallel int, fill func(context.Context, *batch)) error {
	if parallel <= 0 {
		parallel = 8
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	fill(ctx, &batch{api: api, group: group})
	return group.Wait()
}

// get reads path into out, and then calls use under the lock. use is optional.
func (b *batch) get(ctx context.Context, path string, out any, use func()) {
	b.group.Go(func() error {
		if err := b.api.Get(ctx, path, nil, out); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if use != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			use()
		}
		return nil
	})
}
