// Package access is who talks to the simulated cluster, and what they may do: users,
// API tokens, tickets with their CSRF tokens, roles and the access control list.
//
// Which privilege a request needs is written beside its route, not here.
package access
