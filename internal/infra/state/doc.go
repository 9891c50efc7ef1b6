// Package state keeps what provision remembers between runs, in one folder: a record
// of what was applied, a lock, and the journal of an apply under way. It also reads the
// state of Terraform or OpenTofu once, for moving over.
//
// None of it decides what exists: Proxmox VE does, and a guest's VMID is its identity.
// The record says which guests are ours and what they were first booted with; without
// it, plans are still right.
//
// Promises: the record is replaced whole or not at all, and is on disk when Save
// returns; two runs never hold the lock at once, and one that died does not keep it;
// a step that the journal calls begun was put down before anything was sent. Files are
// readable by their owner only (0600) and hold no secrets. What cannot be read is never
// taken for empty: it is an error that names the file, but for the torn last line of a
// journal, which a killed run leaves.
package state
