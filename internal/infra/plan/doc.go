// Package plan compares the declared estate with what is live on Proxmox VE and says,
// field by field, what is to be done.
//
// A guest's VMID is its identity: no state is needed to plan. What exists and matches is
// taken over in place, never made anew. Values are compared as parsed property strings;
// what only Proxmox VE fills in (MAC addresses, volume names, digests) never shows, and
// what the declaration does not speak of is left alone.
//
// Making a plan only reads: /cluster/resources once, one configuration per guest, two
// firewall reads per guest that has a firewall class, and whatever the changes found
// make it necessary to look at (templates, storage). What would do harm is refused in
// the plan already, with a sentence that says how to get on: removing or replacing a
// guest must be allowed by its key, protected guests are never removed, and a guest of
// somebody else is never touched.
//
// Each Change carries the requests that carry it out (Steps), in order, with the digest
// of what they were planned from. Package apply sends them.
package plan
