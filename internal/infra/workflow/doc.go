// Package workflow holds the rules of how provision works on an estate: which record and
// which cluster belong to a declaration, who may change them, in which order a plan is
// carried out and recorded, and when an inventory may be published.
//
// Start with a Site, the files of an estate. Open adds a connection to Proxmox VE, for
// verbs that read. Begin adds the lock, for verbs that write. Flags, environment
// variables, printing and exit codes belong to cmd/provision. What differs and what is
// refused is decided in plan; steps are carried out by apply; files are kept by state.
package workflow
