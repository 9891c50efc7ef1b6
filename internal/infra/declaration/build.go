package declaration

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// builder makes the estate out of the merged layers.
type builder struct {
	*loader
	o         Options
	e         *Estate
	prefix    bool   // whether network_prefix is known, so that addresses can be derived
	concealed string // the prefix, where it came encrypted
	claims    map[string]claim
	uses      []templateUse
}

// claim is the first use of something that must be used once.
type claim struct{ owner *value }

// templateUse is a VMID that is cloned.
type templateUse struct {
	id    int
	place *value
}

func (u templateUse) shown() string {
	if u.place.hidden {
		return ""
	}
	return " " + strconv.Itoa(u.id)
}

func build(l *loader, root *value, o Options) *Estate {
	b := &builder{loader: l, o: o, e: &Estate{}, claims: make(map[string]claim)}
	r := l.reader(root)
	b.defaults(r)
	b.network(r)
	b.ssh(r)
	b.pools(r)
	b.containers(r)
	b.vms(r)
	b.splunk(r)
	b.crossCheck()
	b.hostServices(r)
	b.extra(r)
	b.datastores(r)
	b.inventorySync(r)
	r.end()
	b.e.Network.Splunk = b.splunkAddresses()
	b.e.Firewall = firewall(b.e.Network)
	return b.e
}

// defaults reads what guests take where they say nothing.
func (b *builder) defaults(r *object) {
	e := b.e
	e.Node = r.text("proxmox_node", "pve", nameRule)
	e.Environment = r.text("environment", "homelab", tagRule)
	e.Domain = r.text("domain", "", domainRule)
	e.DefaultStore = r.text("datastore_default", "local-zfs", storeRule)
	e.FileStore = r.text("datastore_iso", "local", storeRule)
	e.ContainerTemplate = e.FileStore + ":vztmpl/" + r.text("proxmox_ct_template_debian", "debian-13-standard_13.1-2_amd64.tar.zst", fileRule)
	e.ISO = e.FileStore + ":iso/" + r.text("proxmox_iso_debian", "debian-13.2.0-amd64-netinst.iso", fileRule)

	// Decision: the file was read and then used by nothing. Its name is checked as
	// before, so that old declarations load; the file is not needed.
	if v := r.typed("ansible_cloud_init_file", isText); v != nil {
		b.check(v, []rule{pattern(cloudInit, "is not a cloud-init file", "it has the form cloud-init/NAME.yml")})
	}
}

func (b *builder) pools(r *object) {
	for _, p := range r.entries("pools", poolRule) {
		b.e.Pools = append(b.e.Pools, Pool{
			ID:      p.key,
			Comment: p.text("comment", fmt.Sprintf("TF Pool %s - %s", titleCase(p.key), b.e.Environment), singleLine),
		})
		p.end()
	}
}

// titleCase is Terraform's title(): the first letter of every word in upper case.
func titleCase(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		letter := r >= 'a' && r <= 'z'
		if start && letter {
			r += 'A' - 'a'
		}
		start = !(letter || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '\'')
		return r
	}, s)
}

// unique claims an identity and reports the second claim.
func (b *builder) unique(what, id string, owner *value) {
	key := what + "\x00" + strings.ToLower(id)
	first, taken := b.claims[key]
	if !taken {
		b.claims[key] = claim{owner}
		return
	}
	where := first.owner.path
	switch {
	case first.owner.file != owner.file:
		where += fmt.Sprintf(" (%s)", first.owner.from())
	case first.owner.line > 0:
		where += fmt.Sprintf(" (line %d)", first.owner.line)
	}
	if owner.hidden || first.owner.hidden {
		id = "(not shown)"
	}
	b.problem(owner, fmt.Sprintf("%s %s is already that of %s", what, id, where), "every guest needs its own")
}

// crossCheck is what can be judged only when all guests are known.
func (b *builder) crossCheck() {
	for _, use := range b.uses {
		if first, taken := b.claims["VMID\x00"+strconv.Itoa(use.id)]; taken {
			b.problem(use.place, fmt.Sprintf("the template%s is the guest %s as well", use.shown(), strings.TrimSuffix(first.owner.path, ".vm_id")), "a template is not a guest that runs: give the guest another VMID or name the right template")
		}
	}
	tiers, legacy := 0, 0
	for _, g := range b.e.Guests() {
		switch {
		case g.Startup.Tier != "":
			tiers++
		case g.Startup.Order > 0:
			legacy++
		}
	}
	if tiers > 0 && legacy > 0 {
		b.notes = append(b.notes, Problem{Path: "$", What: fmt.Sprintf("%d guests start by tier, %d in the order 256 - VMID", tiers, legacy),
			Fix: "the numbers are compared: give every guest a tier (startup)"})
	}
	slices.SortFunc(b.e.Pools, func(x, y Pool) int { return cmp.Compare(x.ID, y.ID) })
}

// splunkAddresses are those of the Splunk VM, then of the containers tagged splunk.
func (b *builder) splunkAddresses() []netip.Addr {
	var list []netip.Addr
	add := func(g *Guest) {
		if g.Address.CIDR.IsValid() {
			list = append(list, g.Address.CIDR.Addr())
		}
	}
	if b.e.Splunk != nil {
		add(&b.e.Splunk.Guest)
	}
	for i := range b.e.Containers {
		if slices.Contains(b.e.Containers[i].Tags, "splunk") {
			add(&b.e.Containers[i].Guest)
		}
	}
	return list
}

// datastores are checked on the node and never made: neither did the modules before.
func (b *builder) datastores(r *object) {
	for _, d := range r.entries("datastores", storeRule) {
		b.e.Datastores = append(b.e.Datastores, Datastore{
			Name:    d.key,
			Type:    d.needText("type", pattern(wordText, "is not a type of storage", "such as zfspool, dir, nfs")),
			Content: d.texts("content", []string{"images", "vztmpl", "iso", "backup"}, oneOf("images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import")),
		})
		for _, key := range []string{"path", "server", "export", "options"} {
			d.typed(key, isText)
		}
		d.typed("shared", isFlag)
		d.texts("nodes", nil, nameRule)
		d.end()
	}
	if v := r.get("datastores"); v != nil && len(v.members) > 0 {
		b.note(v, "datastores are not made, only checked", "make them in Proxmox VE under Datacenter > Storage")
	}
}

// inventorySync are the files that the inventory is published to: a path that ends in
// .json is the file, another one the repository that has it in its usual place.
func (b *builder) inventorySync(r *object) {
	paths := r.texts("inventory_sync", nil, notEmpty, singleLine)
	for _, p := range paths {
		b.e.InventorySync = append(b.e.InventorySync, syncTarget(b.o, p))
	}
}
