// Package tfimport writes a declaration from a Terraform state of the provider bpg/proxmox:
// pools, containers and VMs, as the state says that they are. What it cannot take over, it says.
// It reads no live cluster and takes no secret; the record of what is ours is state's.
package tfimport
