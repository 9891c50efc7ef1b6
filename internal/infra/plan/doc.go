// Package plan compares the declared estate with what is live on Proxmox VE and says,
// field by field, what is to be done.
//
// A guest's VMID is its identity: no state is needed to plan. What exists and matches is
// taken over in place, never made anew. Values are compared as parsed property strings;
// what only Proxmox VE fills in (MAC addresses, volume names, digests) never shows, and
// what the declaration does not speak of is left alone.
//
// Making a plan only reads: /cluster/resources once, per guest its configuration, what of
// it waits for a restart, and its firewall, and whatever the changes found make it
// necessary to look at (templates, storage). What would do harm is refused in the plan
// already, with a sentence that says how to get on.
//
// Data comes first. A guest of somebody else is never touched, and neither the VMID nor
// the record makes one ours: its kind and its name, or the estate's mark, have to say so.
// Removing or replacing a guest must be allowed by its key. Protected guests are not
// removed, nor are those with volumes beside the one they boot from, detached ones
// included: only a literal "protection": false lifts that. A volume that is declared and
// missing is not made blank while the guest has one that is not declared.
//
// Each change carries the requests that carry it out (Steps), in order, with the digest
// of what they were planned from. Package apply sends them.
//
// The way of a plan, a package each:
//
//	scope     which part of the declaration is looked at
//	live      what there is, and what of it is ours
//	guest     a container or VM beside its declaration
//	firewall  groups, and the firewall of guests, nodes and the cluster; rules: ordered lists
//	acme      accounts, plugins and certificates
//	storage   what new guests and disks need; refuses what would not fit
//	change    what all of them write: changes with fields, reasons and steps
package plan
