// Package api is how requests are taken and answered, as pve-http-server does it: bodies in
// two forms, reason phrases, routes with their parameters and privileges, and a [Server]
// that takes a request through them.
//
// The routes themselves are in the packages below it, one for each part of the API; the
// state they change is in package store.
package api
