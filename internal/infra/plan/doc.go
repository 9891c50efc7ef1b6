// Package plan compares the declared estate with what is live on Proxmox VE and says,
// field by field, what is to be done.
//
// A guest's VMID is its identity: no state is needed to plan. What exists and matches is
// adopted in place and never created again. Values are compared as parsed property strings;
// what only Proxmox VE fills in (MAC addresses, volume names, digests) never shows, and
// what the declaration does not mention stays as it is.
//
// A plan only reads: /cluster/resources once; the configuration, pending values and
// firewall of every guest; templates and storages when a change needs them. A harmful
// change is refused in the plan, and the reason says what to do.
//
// Data comes first. Guests of others are never changed. A VMID or an entry in the record
// does not make a guest ours: its kind and name, or the estate's tags, must match as well.
// Removing or replacing a guest must be allowed by its key. Protected guests are not
// removed, nor are guests with volumes beside the boot volume, detached ones included:
// only a literal "protection": false lifts that. A missing declared volume is not
// created blank while the guest has an undeclared one.
//
// Each change carries the requests that carry it out (Steps), in order, with the digest
// of what they were planned from. Package apply sends them.
//
// The steps of planning, each in its own package:
//
//	scope     which part of the declaration is in scope
//	live      what exists, and which of it is ours
//	guest     a container or VM beside its declaration
//	firewall  groups, and the firewall of guests, nodes and the cluster; rules: ordered lists
//	acme      accounts, plugins and certificates
//	dns       records of Route 53
//	storage   what new guests and disks need; refuses what would not fit
//	change    what all of them write: changes with fields, reasons and steps
package plan
