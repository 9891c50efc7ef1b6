package preflight

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/pve"
)

// need is what an apply needs on one object.
type need struct {
	path  string   // of the access control list: /vms/101
	pool  string   // whose rights count as well, "" for none
	privs []string // all of them
	what  string   // for people
}

// rights checks the privileges that an apply needs, each on its own object, as the API
// itself grants them (Proxmox VE Administration Guide, User Management). root@pam has all.
func (p *preflight) rights(ctx context.Context) {
	defer p.root(ctx)
	if p.Client.IsRoot() {
		p.add(Fine, "rights", "%s", p.Client.User())
		return
	}
	resources, err := p.Client.Resources(ctx)
	if err != nil {
		p.add(Fail, "rights", "%v", err)
		return
	}
	live := map[int]bool{}
	for _, r := range resources {
		if r.IsGuest() {
			live[r.VMID] = true
		}
	}
	granted := map[string]map[string]pve.Int{}
	all := needs(p.Estate, live)
	judged := all
	if p.Plan != nil {
		// Without the rights to read there is no plan: then everything is judged.
		if changes, err := p.Plan(ctx); err == nil {
			judged = planned(p.Estate, changes)
		}
	}
	var lacks, role []string
	for _, n := range all {
		role = append(role, n.privs...)
	}
	for _, n := range judged {
		missing := n.privs
		for _, path := range []string{n.path, n.pool} {
			if path == "" || len(missing) == 0 {
				continue
			}
			if missing, err = p.without(ctx, path, missing, granted); err != nil {
				p.add(Fail, "rights", "%v", err)
				return
			}
		}
		if len(missing) > 0 {
			lacks = append(lacks, fmt.Sprintf("%s on %s (%s)", strings.Join(missing, ", "), n.path, n.what))
			if above, err := p.without(ctx, "/", missing, granted); err == nil && len(above) == 0 {
				lacks[len(lacks)-1] += ", where a role of its own takes the place of that on /: give it there"
			}
		}
		role = append(role, n.privs...)
	}
	if len(lacks) == 0 {
		p.add(Fine, "rights", "%s", p.Client.User())
		return
	}
	slices.Sort(role)
	p.add(Fail, "rights", "%s lacks %s; as root on a node: %s", p.Client.User(), strings.Join(lacks, "; "), roleCommands(p.Client.User(), slices.Compact(role)))
}

// without are the privileges that the user does not have on a path. granted keeps what was read.
func (p *preflight) without(ctx context.Context, path string, privs []string, granted map[string]map[string]pve.Int) ([]string, error) {
	if granted[path] == nil {
		var answer map[string]map[string]pve.Int
		if err := p.Client.Get(ctx, "/access/permissions", url.Values{"path": {path}}, &answer); err != nil {
			return nil, err
		}
		granted[path] = map[string]pve.Int{}
		for priv, n := range answer[path] {
			granted[path][priv] = n
		}
	}
	return slices.DeleteFunc(slices.Clone(privs), func(priv string) bool { _, has := granted[path][priv]; return has }), nil
}

// roleCommands make the role that an apply needs and give it to the user, and to the token:
// one with separated privileges has those only that both have.
func roleCommands(user string, privs []string) string {
	owner, _, token := strings.Cut(user, "!")
	text := fmt.Sprintf("`pveum role add Provision --privs '%s' && pveum acl modify / --roles Provision --users '%s'", strings.Join(privs, " "), owner)
	if token {
		text += fmt.Sprintf(" && pveum acl modify / --roles Provision --tokens '%s'", user)
	}
	return text + "` (`pveum role modify` if the role is there)"
}

// needs are the rights on every object of an estate, those on a live guest without that of
// making it.
func needs(e *declaration.Estate, live map[int]bool) []need {
	cluster := []string{"Sys.Audit", "Sys.Modify"} // security groups, and the switch
	out := []need{{path: "/", privs: cluster, what: "firewall of the cluster"}}
	for _, node := range e.Nodes() {
		out = append(out, need{path: "/nodes/" + node, privs: cluster, what: "node and its firewall"})
		for _, use := range e.StoresOn(node) {
			privs := []string{"Datastore.Audit"}
			if use.Content == "images" || use.Content == "rootdir" {
				privs = append(privs, "Datastore.AllocateSpace")
			}
			out = append(out, need{path: "/storage/" + use.Store, privs: privs, what: use.Content})
		}
	}
	for _, pool := range e.Pools {
		out = append(out, need{path: "/pool/" + pool.ID, privs: []string{"Pool.Allocate", "Pool.Audit"}, what: "pool"})
	}
	for _, g := range e.Guests() {
		n := need{path: "/vms/" + strconv.Itoa(g.VMID), what: g.Key, privs: []string{
			"VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"}}
		if g.Pool != "" {
			n.pool = "/pool/" + g.Pool
		}
		if !live[g.VMID] {
			n.privs = append(n.privs, "VM.Allocate")
		}
		out = append(out, n)
		for _, nic := range g.NICs {
			path := "/sdn/zones/localnetwork/" + nic.Bridge
			if nic.VLAN > 0 {
				path += "/" + strconv.Itoa(nic.VLAN)
			}
			out = append(out, need{path: path, privs: []string{"SDN.Use"}, what: g.Key})
		}
	}
	for _, v := range e.AllVMs() {
		out = append(out, vmNeeds(v, live[v.VMID])...)
	}
	return out
}

// vmNeeds are the rights that only some VMs need.
func vmNeeds(v declaration.VM, live bool) []need {
	n := need{path: "/vms/" + strconv.Itoa(v.VMID), what: v.Key}
	if v.Pool != "" {
		n.pool = "/pool/" + v.Pool
	}
	if v.VGA != "" || v.Machine != "" || len(v.Devices) > 0 || v.Template == 0 && !live { // a VM without template gets its SCSI controller
		n.privs = append(n.privs, "VM.Config.HWType")
	}
	if v.CDROM != "" && !live {
		n.privs = append(n.privs, "VM.Config.CDROM")
	}
	out := []need{n}
	for _, d := range v.Devices {
		if d.Mapping != "" {
			out = append(out, need{path: "/mapping/" + d.Type + "/" + d.Mapping, privs: []string{"Mapping.Use"}, what: v.Key})
		}
	}
	if v.Template > 0 && !live {
		out = append(out, need{path: "/vms/" + strconv.Itoa(v.Template), privs: []string{"VM.Audit", "VM.Clone"}, what: "template of " + v.Key})
	}
	return out
}
