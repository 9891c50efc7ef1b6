// Package preflight checks whether a cluster has what an estate needs, before anything is
// planned: API, rights, nodes, storages, bridges, templates, AWS, SSH. It changes nothing. Whether a
// single change is possible is plan's subject.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/change"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/workflow/upload"
)

// The results of one check.
const (
	Fine = "ok"
	Warn = "warn" // only some declarations need it
	Fail = "FAIL"
)

// Finding is the result of one check.
type Finding struct {
	State string `json:"state"`
	What  string `json:"what"`
	Says  string `json:"says"`
}

// Options say what is checked against what.
type Options struct {
	Estate   *declaration.Estate
	Client   *pve.Client
	Root     *pve.Client // root@pam by password, beside a token; nil without one
	SSH      *upload.Uploader
	Endpoint string // URL of the API, for people
	// AWS tries the shared state and the zone of declared DNS records; optional.
	AWS func(context.Context) []Finding
	Now func() time.Time // nil: time.Now
	// Plan plans an apply of everything; optional. The rights that are checked are then those
	// of its steps.
	Plan func(context.Context) ([]change.Change, error)
}

// preflight collects the findings.
type preflight struct {
	Options
	found   []Finding
	present []string // the nodes of the estate that the cluster has
}

func (p *preflight) add(state, what, format string, args ...any) {
	p.found = append(p.found, Finding{state, what, fmt.Sprintf(format, args...)})
}

// Run makes all checks, in an order in which later ones may need earlier ones. If the API
// does not answer, nothing else is checked.
func Run(ctx context.Context, o Options) []Finding {
	p := &preflight{Options: o}
	if p.Now == nil {
		p.Now = time.Now
	}
	v, err := p.Client.Version(ctx)
	if err != nil {
		p.add(Fail, "API", "%v", err)
		return p.found
	}
	p.add(Fine, "API", "Proxmox VE %s at %s", v.Version, p.Endpoint)
	p.rights(ctx)
	p.nodes(ctx)
	p.storages(ctx)
	p.bridges(ctx)
	p.templates(ctx)
	p.certificates(ctx)
	if p.AWS != nil {
		p.found = append(p.found, p.AWS(ctx)...)
	}
	p.ssh(ctx)
	return p.found
}

// root checks, if the estate needs it, that there is a login of root@pam.
func (p *preflight) root(ctx context.Context) {
	var needs []string
	for _, c := range p.Estate.Containers {
		f := c.Features
		if len(c.Devices) > 0 || slices.ContainsFunc(c.Mounts, func(m declaration.Mount) bool { return m.Bind != "" }) {
			needs = append(needs, "directories and devices of the node in "+c.Key)
		}
		if f.Keyctl || f.Fuse || len(f.Mount) > 0 || f.Nesting && !c.Unprivileged {
			needs = append(needs, "the features of "+c.Key)
		}
	}
	for _, v := range p.Estate.AllVMs() {
		if slices.ContainsFunc(v.Devices, func(d declaration.HostDevice) bool { return d.Mapping == "" }) {
			needs = append(needs, "devices of the node in "+v.Key)
		}
	}
	for _, a := range p.Estate.Extra.ACMEAccounts {
		needs = append(needs, "the ACME account "+a.Name)
	}
	if len(needs) == 0 || p.Client.IsRoot() {
		return
	}
	what := strings.Join(needs, ", ")
	if p.Root == nil {
		p.add(Warn, "root@pam", "only root@pam with its password (PROXMOX_VE_USERNAME, PROXMOX_VE_PASSWORD) may set %s; no token may", what)
		return
	}
	if _, err := p.Root.Version(ctx); err != nil {
		p.add(Fail, "root@pam", "the login with PROXMOX_VE_PASSWORD failed: %v", err)
		return
	}
	p.add(Fine, "root@pam", "may set %s", what)
}

// nodes checks that the nodes are there and answer. Of one that is not there nothing else is
// asked.
func (p *preflight) nodes(ctx context.Context) {
	var list []struct{ Node string }
	if err := p.Client.Get(ctx, "/nodes", nil, &list); err != nil {
		p.add(Fail, "nodes", "%v", err)
		return
	}
	var names []string
	for _, n := range list {
		names = append(names, n.Node)
	}
	slices.Sort(names)
	for _, node := range p.Estate.Nodes() {
		if !slices.Contains(names, node) {
			p.add(Fail, "node "+node, "the cluster has no such node, it has %s: correct proxmox_node or PROXMOX_VE_NODE, or the node of the guest", strings.Join(names, ", "))
			continue
		}
		p.present = append(p.present, node)
		var st struct {
			Uptime pve.Int `json:"uptime"`
		}
		if err := p.Client.Get(ctx, pve.Path("nodes", node, "status"), nil, &st); err != nil {
			p.add(Fail, "node "+node, "%v", err)
			continue
		}
		p.add(Fine, "node "+node, "up for %s", (time.Duration(st.Uptime) * time.Second).String())
	}
}

// liveStorage is a storage as a node sees it.
type liveStorage struct {
	Storage string  `json:"storage"`
	Content string  `json:"content"`
	Active  pve.Int `json:"active"`
	Avail   pve.Int `json:"avail"` // bytes
}

// storages checks that each datastore exists and allows the content types it needs.
func (p *preflight) storages(ctx context.Context) {
	for _, node := range p.present {
		var there []liveStorage
		if err := p.Client.Get(ctx, pve.Path("nodes", node, "storage"), nil, &there); err != nil {
			p.add(Fail, "storages of "+node, "%v", err)
			continue
		}
		for _, need := range p.Estate.StoresOn(node) {
			what := "storage " + need.Store + " on " + node
			found := slices.IndexFunc(there, func(s liveStorage) bool { return s.Storage == need.Store })
			switch {
			case found < 0:
				p.add(Fail, what, "does not exist: correct datastore_id, or add it under Datacenter, Storage")
			case there[found].Active == 0:
				p.add(Fail, what, "exists but is not active")
			case !slices.Contains(strings.Split(there[found].Content, ","), need.Content):
				p.add(Fail, what, "allows %s but not %s: enable it under Datacenter, Storage, Content", there[found].Content, need.Content)
			default:
				p.add(Fine, what, "%s, %d GiB free", need.Content, there[found].Avail>>30)
			}
		}
	}
}

// bridges checks that each node has the bridges of its guests. A user who may see no
// bridge gets no finding: rights says what is missing.
func (p *preflight) bridges(ctx context.Context) {
	for _, node := range p.present {
		var list []struct{ Iface string }
		if err := p.Client.Get(ctx, pve.Path("nodes", node, "network"), url.Values{"type": {"any_bridge"}}, &list); err != nil || len(list) == 0 {
			continue
		}
		var there []string
		for _, b := range list {
			there = append(there, b.Iface)
		}
		slices.Sort(there)
		for _, g := range p.Estate.Guests() {
			for _, n := range g.NICs {
				if g.Node == node && !slices.Contains(there, n.Bridge) {
					p.add(Fail, "bridge "+n.Bridge+" on "+node, "does not exist, and %s is on it: declare one of %s, or make it there", g.Key, strings.Join(there, ", "))
				}
			}
		}
	}
}

// templates checks what guests are created from.
func (p *preflight) templates(ctx context.Context) {
	if store, _, ok := strings.Cut(p.Estate.ContainerTemplate, ":"); ok && len(p.Estate.Containers) > 0 {
		for _, node := range p.containerNodes() {
			p.volume(ctx, node, store, "vztmpl", p.Estate.ContainerTemplate, func() {
				p.noTemplate(ctx, node, store)
			})
		}
	}
	resources, err := p.Client.Resources(ctx)
	if err != nil {
		p.add(Fail, "templates", "%v", err)
		return
	}
	if why := p.Estate.SSH.GuestKeyFault; why != "" && slices.ContainsFunc(p.Estate.Guests(), func(g *declaration.Guest) bool {
		return !slices.ContainsFunc(resources, func(r pve.Resource) bool { return r.VMID == g.VMID })
	}) {
		p.add(Fail, "key of the guests", "%s", why)
	}
	var checked []int
	for _, v := range p.Estate.AllVMs() {
		if v.Template == 0 || slices.Contains(checked, v.Template) {
			continue
		}
		checked = append(checked, v.Template)
		i := slices.IndexFunc(resources, func(r pve.Resource) bool { return r.VMID == v.Template && r.Type == "qemu" })
		what := "template " + strconv.Itoa(v.Template)
		switch {
		case i < 0:
			p.add(Fail, what, "does not exist, or is hidden by a missing right (VM.Audit); %s is cloned from it", v.Key)
		case !resources[i].Template:
			p.add(Fail, what, "is a VM (%s), not a template", resources[i].Name)
		default:
			p.add(Fine, what, "%s", resources[i].Name)
		}
	}
	p.files(ctx, resources)
}

// files checks the ISO images and snippets that new VMs name. What is uploaded is not asked for.
func (p *preflight) files(ctx context.Context, live []pve.Resource) {
	for _, v := range p.Estate.AllVMs() {
		if !slices.Contains(p.present, v.Node) || slices.ContainsFunc(live, func(r pve.Resource) bool { return r.VMID == v.VMID }) {
			continue
		}
		for _, f := range []struct{ content, volume string }{
			{"iso", v.CDROM}, {"snippets", v.CloudInit.User}, {"snippets", v.CloudInit.Vendor}, {"snippets", v.CloudInit.Network},
		} {
			store, _, ok := strings.Cut(f.volume, ":")
			if !ok || f.volume == v.SnippetFile {
				continue
			}
			p.volume(ctx, v.Node, store, f.content, f.volume, func() {
				p.add(Fail, f.volume, "is not on %s, and %s is made with it: upload it to the storage", v.Node, v.Key)
			})
		}
	}
}

func (p *preflight) containerNodes() (nodes []string) {
	for _, c := range p.Estate.Containers {
		nodes = append(nodes, c.Node)
	}
	slices.Sort(nodes)
	return slices.DeleteFunc(slices.Compact(nodes), func(n string) bool { return !slices.Contains(p.present, n) })
}

// liveVolume is a file or disk on a storage.
type liveVolume struct {
	VolID string `json:"volid"`
}

// volume checks that a file is on a storage of a node. absent says what it means if it is not.
func (p *preflight) volume(ctx context.Context, node, store, content, volume string, absent func()) {
	var there []liveVolume
	err := p.Client.Get(ctx, pve.Path("nodes", node, "storage", store, "content"), url.Values{"content": {content}}, &there)
	switch {
	case err != nil:
		p.add(Fail, volume, "%v", err)
	case !slices.Contains(there, liveVolume{volume}):
		absent()
	default:
		p.add(Fine, volume, "on %s", node)
	}
}

// noTemplate is about the template of containers, which is not on a node.
func (p *preflight) noTemplate(ctx context.Context, node, store string) {
	volume := p.Estate.ContainerTemplate
	name := volume[strings.LastIndex(volume, "/")+1:]
	if listed, err := (&live.Reader{API: p.Client}).HasAppliance(ctx, node, name); err == nil && listed {
		p.add(Fine, volume, "is not on %s yet: apply downloads it", node)
		return
	}
	p.add(Fail, volume, "is not on %s: download it, `pveam update && pveam download %s %s`", node, store, name)
}

// ssh checks the login to the node, if a snippet has to be uploaded.
func (p *preflight) ssh(ctx context.Context) {
	files := map[string]string{}
	for _, v := range p.Estate.AllVMs() {
		if v.Snippet != "" {
			files[v.Node] = v.SnippetFile
		}
	}
	for node, file := range files {
		switch err := p.SSH.Probe(ctx, node); {
		case errors.Is(err, upload.ErrNoKey):
			p.add(Warn, "SSH", "%v; without a key %s must be put on the node by hand", err, file)
		case err != nil:
			p.add(Fail, "SSH", "%v", err)
		default:
			p.add(Fine, "SSH", "%s", p.SSH.Address(node))
		}
	}
}
