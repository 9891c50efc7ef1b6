// Package store is the state of the simulated cluster: nodes, guests, datastores with
// their volumes, pools, tasks, the cluster's firewall, ACME accounts and plugins.
//
// [Cluster] joins them and has the one lock of the simulator: everything here is read and
// changed within [Cluster.Do], and no other type locks it. The objects keep their own
// rules (two guests never share a VMID, a full datastore takes no volume, a deleted guest
// is in no pool). Who may change what, and what parameters a request has, is not known here.
package store
