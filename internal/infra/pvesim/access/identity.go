package access

import (
	"slices"
	"strings"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Identity is the user or token that a request comes from.
type Identity struct {
	User    string
	access  *Access
	token   string // "" with a ticket
	privSep bool
}

// Name is what UPIDs carry: root@pam, or root@pam!token.
func (i *Identity) Name() string {
	if i.token == "" {
		return i.User
	}
	return i.User + "!" + i.token
}

// IsRoot reports whether this is root@pam itself, which no token ever is.
func (i *Identity) IsRoot() bool { return i.User == RootUser && i.token == "" }

// Can reports whether the identity has a privilege on path.
func (i *Identity) Can(path, priv string) bool {
	if i.User == RootUser && !i.privSep {
		return true
	}
	_, ok := i.Privileges(path)[priv]
	return ok
}

// Require refuses unless the identity has all privileges on path.
func (i *Identity) Require(path string, privs ...string) error {
	for _, p := range privs {
		if !i.Can(path, p) {
			return refusal.Forbidden("%s, %s", path, p)
		}
	}
	return nil
}

// RequireAny refuses unless the identity has one of the privileges on path.
func (i *Identity) RequireAny(path string, privs ...string) error {
	for _, p := range privs {
		if i.Can(path, p) {
			return nil
		}
	}
	return refusal.Forbidden("%s, %s", path, strings.Join(privs, "|"))
}

// RequireRoot refuses everybody but root@pam itself.
func (i *Identity) RequireRoot() error {
	if !i.IsRoot() {
		return refusal.Forbidden("user != root@pam")
	}
	return nil
}

// Privileges returns what an identity may do on path; the value is 1 when it goes on
// to what is below.
func (i *Identity) Privileges(path string) map[string]int {
	var own map[string]int
	if i.User == RootUser {
		own = map[string]int{}
		for _, p := range allPrivileges() {
			own[p] = 1
		}
	} else {
		own = i.access.granted(i.User, path)
	}
	if i.token == "" || !i.privSep {
		return own
	}
	both := map[string]int{}
	for p, propagate := range i.access.granted(i.Name(), path) {
		if _, ok := own[p]; ok {
			both[p] = propagate
		}
	}
	return both
}

// allPrivileges are those of Administrator.
func allPrivileges() []string {
	return strings.Fields(`
	Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Group.Allocate Mapping.Audit
	Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit Realm.Allocate Realm.AllocateUser SDN.Allocate
	SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify
	VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk
	VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit
	VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted VM.Migrate
	VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback`)
}

// builtinRoles are the roles that every installation has.
func builtinRoles() map[string][]string {
	all := allPrivileges()
	without := func(other func(string) bool) []string { return slices.DeleteFunc(slices.Clone(all), other) }
	of := func(area string) []string {
		return without(func(p string) bool { return !strings.HasPrefix(p, area+".") })
	}
	return map[string][]string{
		"Administrator": all,
		"NoAccess":      {},
		"PVEAdmin": without(func(p string) bool {
			return slices.Contains([]string{"Permissions.Modify", "Realm.Allocate", "Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"}, p)
		}),
		"PVEAuditor":        without(func(p string) bool { return !strings.HasSuffix(p, ".Audit") }),
		"PVEDatastoreAdmin": of("Datastore"),
		"PVEDatastoreUser":  {"Datastore.AllocateSpace", "Datastore.Audit"},
		"PVEMappingAdmin":   of("Mapping"),
		"PVEMappingUser":    {"Mapping.Audit", "Mapping.Use"},
		"PVEPoolAdmin":      of("Pool"),
		"PVEPoolUser":       {"Pool.Audit"},
		"PVESDNAdmin":       of("SDN"),
		"PVESDNUser":        {"SDN.Audit", "SDN.Use"},
		"PVESysAdmin":       {"Sys.Audit", "Sys.Console", "Sys.Syslog"},
		"PVETemplateUser":   {"VM.Audit", "VM.Clone"},
		"PVEUserAdmin":      {"Group.Allocate", "Realm.AllocateUser", "User.Modify"},
		"PVEVMAdmin":        of("VM"),
		"PVEVMUser":         {"VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.GuestAgent.Audit", "VM.PowerMgmt"},
	}
}
