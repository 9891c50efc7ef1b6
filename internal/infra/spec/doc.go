// Package spec is the desired state of a Proxmox VE estate: what deployment.json,
// the SOPS file and the environment declare, checked as a whole, with every default
// applied, every address derived and every firewall class resolved.
//
// It reads files and the environment, and nothing else: no network, no Proxmox VE.
// A file that is missing, empty or broken is an error; it never reads as "no guests".
package spec
