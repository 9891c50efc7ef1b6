package pvesim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// permission decides whether a call may go on.
type permission func(*call) error

// need wants every one of privs on path; {names} in path are the call's parameters.
func need(path string, privs ...string) permission {
	return func(c *call) error { return c.require(c.expand(path), privs...) }
}

// needAny wants one of privs on path.
func needAny(path string, privs ...string) permission {
	return func(c *call) error {
		p := c.expand(path)
		for _, priv := range privs {
			if c.user.can(c.Sim, p, priv) {
				return nil
			}
		}
		return forbidden("%s, %s", p, strings.Join(privs, "|"))
	}
}

// onlyRoot wants root@pam itself.
func onlyRoot(c *call) error {
	if !c.user.isRoot() {
		return forbidden("user != root@pam")
	}
	return nil
}

func (c *call) expand(path string) string {
	for k, v := range c.params {
		path = strings.ReplaceAll(path, "{"+k+"}", v)
	}
	return path
}

func (c *call) require(path string, privs ...string) error {
	for _, p := range privs {
		if !c.user.can(c.Sim, path, p) {
			return forbidden("%s, %s", path, p)
		}
	}
	return nil
}

// requireVM is check_vm_perm: the right on the guest, or on the pool it is to join.
func (c *call) requireVM(vmid int, pool string, privs ...string) error {
	path := fmt.Sprintf("/vms/%d", vmid)
	for _, p := range privs {
		if pool != "" && c.user.can(c.Sim, "/pool/"+pool, p) {
			continue
		}
		if err := c.require(path, p); err != nil {
			return err
		}
	}
	return nil
}

func (i *identity) can(s *Sim, path, priv string) bool {
	if i.user == DefaultUser && !i.privSep {
		return true
	}
	_, ok := i.privileges(s, path)[priv]
	return ok
}

// privileges returns what an identity may do on path; the value says whether it goes on
// to what is below.
func (i *identity) privileges(s *Sim, path string) map[string]int {
	var own map[string]int
	if i.user == DefaultUser {
		own = map[string]int{}
		for _, p := range allPrivileges {
			own[p] = 1
		}
	} else {
		own = s.auth.granted(s, i.user, path)
	}
	if i.token == "" || !i.privSep {
		return own
	}
	both := map[string]int{}
	for p, propagate := range s.auth.granted(s, i.name(), path) {
		if _, ok := own[p]; ok {
			both[p] = propagate
		}
	}
	return both
}

// granted collects the ACL entries of a user or token along path: the deepest level
// that has entries decides. Guests and storages also get what their pool gives.
func (a *auth) granted(s *Sim, ugid, path string) map[string]int {
	out := a.alongPath(ugid, path)
	kind, id, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, p := range s.pools {
		vmid, _ := strconv.Atoi(id)
		if kind == "vms" && slices.Contains(p.vms, vmid) || kind == "storage" && slices.Contains(p.storages, id) {
			for priv, propagate := range a.alongPath(ugid, "/pool/"+p.id) {
				out[priv] = propagate
			}
		}
	}
	return out
}

func (a *auth) alongPath(ugid, path string) map[string]int {
	out := map[string]int{}
	levels := []string{"/"}
	for i, r := range path {
		if r == '/' && i > 0 {
			levels = append(levels, path[:i])
		}
	}
	if path != "/" {
		levels = append(levels, path)
	}
	for _, level := range levels {
		here, found := map[string]int{}, false
		for _, e := range a.acl {
			if e.UGID != ugid || e.Path != level || e.NoPropagate && level != path {
				continue
			}
			found = true
			for _, p := range a.roles[e.Role] {
				here[p] = 1
				if e.NoPropagate {
					here[p] = 0
				}
			}
		}
		if found {
			out = here
		}
	}
	return out
}

// allPrivileges are those of Administrator.
var allPrivileges = strings.Fields(`
	Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Group.Allocate Mapping.Audit
	Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit Realm.Allocate Realm.AllocateUser SDN.Allocate
	SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify
	VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk
	VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit
	VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted VM.Migrate
	VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback`)

// builtinRoles are the roles of a fresh installation that matter here.
func builtinRoles() map[string][]string {
	audit := func(p string) bool { return strings.HasSuffix(p, ".Audit") }
	pick := func(want func(string) bool) []string {
		var out []string
		for _, p := range allPrivileges {
			if want(p) {
				out = append(out, p)
			}
		}
		return out
	}
	return map[string][]string{
		"Administrator":    allPrivileges,
		"NoAccess":         {},
		"PVEAuditor":       pick(audit),
		"PVEVMAdmin":       pick(func(p string) bool { return strings.HasPrefix(p, "VM.") }),
		"PVEDatastoreUser": {"Datastore.AllocateSpace", "Datastore.Audit"},
		"PVEPoolAdmin":     {"Pool.Allocate", "Pool.Audit"},
		"PVESDNUser":       {"SDN.Audit", "SDN.Use"},
	}
}
