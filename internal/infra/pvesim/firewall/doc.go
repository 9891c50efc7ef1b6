// Package firewall is one firewall file of Proxmox VE, as the cluster, every node and
// every guest has one: options, ordered rules, security groups, IP sets and aliases, each
// with the digest that the API gives it.
//
// Whose file it is, which of these a place has, and who may change them is not decided here.
package firewall
