package access

import (
	"slices"
	"strings"
)

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

// builtinRoles are the roles of a fresh installation that matter here.
func builtinRoles() map[string][]string {
	all := allPrivileges()
	without := func(other func(string) bool) []string { return slices.DeleteFunc(slices.Clone(all), other) }
	return map[string][]string{
		"Administrator":    all,
		"NoAccess":         {},
		"PVEAuditor":       without(func(p string) bool { return !strings.HasSuffix(p, ".Audit") }),
		"PVEVMAdmin":       without(func(p string) bool { return !strings.HasPrefix(p, "VM.") }),
		"PVEDatastoreUser": {"Datastore.AllocateSpace", "Datastore.Audit"},
		"PVEPoolAdmin":     {"Pool.Allocate", "Pool.Audit"},
		"PVESDNUser":       {"SDN.Audit", "SDN.Use"},
	}
}
