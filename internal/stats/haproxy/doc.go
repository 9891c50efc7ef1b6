// Package haproxy has the formats of HAProxy 2.6's statistics page: the rows of
// /stats;csv and /stats;json, the options behind /stats, and the form that sets the mode of
// a server. Sources are its frontends; shards and endpoints are servers of two backends.
//
// It serves nothing. Package stats has the routes and checks who may do what.
package haproxy
