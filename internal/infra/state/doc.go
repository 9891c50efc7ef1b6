// Package state keeps what provision remembers between runs, in one folder: a record of
// what was applied, a lock, and the journal of the apply that is running. It also reads a
// Terraform or OpenTofu state, for migration. Its packages shared and backend keep the
// record in S3 instead.
//
// It does not decide what exists: Proxmox VE does, and a guest is identified by its VMID.
// The record says which guests are ours and what they were first booted with; plans are
// right without it. Who may change the record, and when, is workflow's subject.
//
// The record is replaced as a whole, and is on disk when Save returns. Two runs never
// hold the lock at once, and a dead run does not keep it. A step is in the journal before
// its request is sent. Files have mode 0600 and hold no secrets. A file that cannot be
// read is an error that names it, never taken for empty; only a torn last line of the
// journal, which a killed run leaves, is ignored.
package state
