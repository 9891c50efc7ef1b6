package declaration

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
)

// build makes the estate out of the merged layers. Sections are read in the order in
// which [Explain] lists them; guests need what is read before them.
func build(report *reader.Report, root *reader.Value, o Options) *Estate {
	r, e, claims := report.Object(root), &Estate{}, newClaims(report)
	readDefaults(report, r, e)
	addresses := readNetwork(report, claims, r)
	e.SSH = ssh{report, o}.read(r)
	e.Pools = readPools(r, e.Environment)
	common := guests{
		report: report, claims: claims, addresses: addresses, estate: e, rules: &ownRules{report: report},
		accounts: accounts{report: report, deployment: o.Deployment, key: e.SSH.GuestPublicKey},
	}
	e.Containers = each(r, "containers", keyRule, containers{common}.read)
	e.VMs = each(r, "vms", keyRule, vms{common}.read)
	e.Splunk = splunkVM{common}.read(r)
	claims.checkTemplates()
	reportMixedStartup(report, e.Guests())
	e.HostServices = hostServices{report}.read(r)
	e.Extra = acme{report, o.Deployment}.read(r)
	e.DNS = dns{report, e}.read(r)
	e.GuestCertificates = guestCertificates{report, e}.read(r)
	e.Datastores = readDatastores(report, r)
	e.InventorySync = readInventorySync(o, r)
	readState(report, r, o) // checked here, used by LoadState
	e.Network = addresses.network
	e.Network.Splunk = splunkAddresses(e)
	e.Firewall = firewall(e.Network)
	common.rules.estate(r, e)
	r.End()
	return e
}

// readDefaults reads what guests take where they say nothing.
func readDefaults(report *reader.Report, r *reader.Object, e *Estate) {
	e.Node = r.Text("proxmox_node", "pve", nameRule)
	e.Environment = r.Text("environment", "homelab", tagRule)
	e.Domain = r.Text("domain", "", domainRule)
	e.DefaultStore = r.Text("datastore_default", "local-zfs", storeRule)
	e.FileStore = r.Text("datastore_iso", "local", storeRule)
	e.ContainerTemplate = e.FileStore + ":vztmpl/" + r.Text("proxmox_ct_template_debian", "debian-13-standard_13.1-2_amd64.tar.zst", fileRule)
	e.ISO = e.FileStore + ":iso/" + r.Text("proxmox_iso_debian", "debian-13.2.0-amd64-netinst.iso", fileRule)

	// Decision: the file was read and then used by nothing. Its name is checked as
	// before, so that old declarations load; the file is not needed.
	if v := r.Typed("ansible_cloud_init_file", reader.KindText); v != nil {
		report.Check(v, []reader.Rule{pattern(cloudInit, "is not a cloud-init file", "it has the form cloud-init/NAME.yml")})
	}
}

// each reads the entries of a map, whose keys follow a rule.
func each[T any](r *reader.Object, key string, rule reader.Rule, read func(reader.Entry) T) []T {
	var list []T
	for _, en := range r.Entries(key, rule) {
		list = append(list, read(en))
		en.End()
	}
	return list
}

func readPools(r *reader.Object, environment string) []Pool {
	return each(r, "pools", poolRule, func(p reader.Entry) Pool {
		comment := p.Text("comment", fmt.Sprintf("TF Pool %s - %s", titleCase(p.Key), environment), singleLine)
		return Pool{ID: p.Key, Comment: comment, CommentDeclared: p.Get("comment") != nil}
	})
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

// reportMixedStartup says so when some guests start by tier and others by VMID.
func reportMixedStartup(report *reader.Report, guests []*Guest) {
	tiers, legacy := 0, 0
	for _, g := range guests {
		switch {
		case g.Startup.Tier != "":
			tiers++
		case g.Startup.Order > 0:
			legacy++
		}
	}
	if tiers > 0 && legacy > 0 {
		report.Notes = append(report.Notes, reader.Problem{Path: "$", What: fmt.Sprintf("%d guests start by tier, %d in the order 256 - VMID", tiers, legacy),
			Fix: "the numbers are compared: give every guest a tier (startup)"})
	}
}

// splunkAddresses are those of the Splunk VM, then of the containers tagged splunk.
func splunkAddresses(e *Estate) []netip.Addr {
	var list []netip.Addr
	add := func(g *Guest) {
		if g.Address.CIDR.IsValid() {
			list = append(list, g.Address.CIDR.Addr())
		}
	}
	if e.Splunk != nil {
		add(&e.Splunk.Guest)
	}
	for i := range e.Containers {
		if slices.Contains(e.Containers[i].Tags, "splunk") {
			add(&e.Containers[i].Guest)
		}
	}
	return list
}

// readDatastores reads the datastores that are expected. They are checked on the node and never made: neither did the modules before.
func readDatastores(report *reader.Report, r *reader.Object) []Datastore {
	list := each(r, "datastores", storeRule, func(d reader.Entry) Datastore {
		store := Datastore{
			Name:    d.Key,
			Type:    d.NeedText("type", pattern(wordText, "is not a type of storage", "such as zfspool, dir, nfs")),
			Content: d.Words("content", []string{"images", "vztmpl", "iso", "backup"}, "images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"),
		}
		for _, key := range []string{"path", "server", "export", "options"} {
			d.Typed(key, reader.KindText)
		}
		d.Typed("shared", reader.KindFlag)
		d.Texts("nodes", nil, nameRule)
		return store
	})
	if v := r.Get("datastores"); v != nil && len(v.Members) > 0 {
		report.AddNote(v, "datastores are not made, only checked", "make them in Proxmox VE under Datacenter > Storage")
	}
	return list
}

// readInventorySync reads the files that the inventory is published to: a path that ends in
// .json is the file, another one the repository that has it in its usual place.
func readInventorySync(o Options, r *reader.Object) []string {
	var files []string
	for _, p := range r.Texts("inventory_sync", nil, reader.NotEmpty, singleLine) {
		files = append(files, syncTarget(o, p))
	}
	return files
}
