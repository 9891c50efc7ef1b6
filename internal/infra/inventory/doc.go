// Package inventory is what Ansible gets to know of an estate: one JSON document in
// the shape that the replaced Terraform output had, the same as an Ansible inventory,
// and its publication into the repositories that read it.
//
// Everything comes out of the desired state, never from a guest agent: the document is
// whole or not there. Sync writes all targets or none, each by a rename in its folder.
package inventory
