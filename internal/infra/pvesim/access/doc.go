// Package access holds the identities of the simulated cluster and their rights: users,
// API tokens, tickets with their CSRF tokens, roles and the access control list.
//
// Which privilege a request needs is written beside its route, not here.
package access
