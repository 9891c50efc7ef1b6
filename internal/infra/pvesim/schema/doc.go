// Package schema is the form of requests and stored values: parameters, named
// formats and property strings, checked and worded as JSONSchema.pm does it.
//
// [Tables] are this package's own, written as text in tables_guest.go and
// tables_props.go. [Official] is the schema that Proxmox publishes; a request can be
// checked against it as well. Neither knows the state of a cluster: whether a storage or a
// guest exists, and who may change it, is decided elsewhere.
package schema
