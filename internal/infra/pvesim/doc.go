// Package pvesim is an in-memory Proxmox VE API (9.x): a test double for programs that
// use one. It answers over HTTP as the real daemon does: reason phrases, the
// 400 maps of every wrong parameter, property strings rewritten in Proxmox's order,
// digests with their true values, tasks with UPIDs and logs, locks, tickets, tokens,
// CSRF and privileges.
//
//	sim, err := pvesim.New(pvesim.Options{Seed: 1})
//	srv := httptest.NewServer(sim.Handler())
//	// … send requests to srv.URL + "/api2/json" with the token pvesim.DefaultToken …
//	sim.Writes() // what was written
//
// Nothing runs in the background. A task has a time at which it is due; the next
// request after it (or [Sim.Dump], [Sim.Settle]) carries it out. So there is nothing
// to close, and equal seeds and equal requests give equal UPIDs, MACs and volumes.
//
// # Packages
//
//	schema    the form of parameters and stored values; the official schema
//	store     the cluster's state as objects, and the one lock
//	access    users, tokens, tickets, roles: who may do what
//	firewall  one firewall file: rules, groups, sets, aliases
//	task      workers: UPID, log, exit status
//	api       taking and answering requests; below it the routes: datacenter, guests, firewall
//	knobs     what tests do: failures, journal, changes without a request
//	conf, refusal  configuration files with their digest; how the API says no
//
// [Sim] joins them; it decides nothing itself.
//
// # Knobs
//
// [Options] holds what is fixed: nodes, users, tokens, ACLs, the delay of tasks, the lag of
// cluster/resources, how many clones of one template may run at once. [Sim.Fail] makes
// requests or their tasks fail, by method, path and count. The Add… and Set… methods change
// the state without a request in the journal.
//
// # Source
//
// Behaviour and texts follow the Proxmox VE API schema (9.1), the published source code
// (pve-common JSONSchema.pm, pve-container, qemu-server, pve-firewall, pve-http-server)
// and answers recorded from API 9.2; TRANSCRIPTS.md says which recorded answers are
// given and which are not. The parameter tables are this package's own; with
// [Options.Schema] every request is checked against the official schema as well.
//
// # What it leaves out
//
// The content of volumes and of uploaded files (a snapshot keeps the configuration), the
// memory of suspended VMs, restore, what HA, replication and backup jobs do by themselves, SDN
// beyond zones, virtual networks and subnets, Ceph, the consoles, two-factor login, logins by
// added realms, ACME orders (accounts and plugins are records; ordering a certificate succeeds
// when the account exists), the guest's inside (the agent answers with its name and the
// addresses of ipconfigN, or not at all). A migration takes the volumes along when the target
// has the storage. A write that does not get a lock file is refused at once, not after ten
// seconds of waiting. Unknown or unserved paths answer 501 `Method 'GET /x' not implemented`,
// as unknown ones do in reality. A container's or VM's shutdown always succeeds. Storage is
// bookkeeping: volumes have a size and count in full against the storage's capacity. The texts
// of a full storage, of a request body over 512 KiB and of a JSON body that is not an object
// were not recorded and are near guesses. Formats of rare options (hostpci, usb, audio, …) are
// checked loosely: a value that the real API refuses may pass. A request that is answered with
// an error ends its connection (net/http cannot give reason phrases otherwise).
package pvesim
