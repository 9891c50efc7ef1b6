// Package splunk says what Splunk calls a message: sourcetype, index, source and indexed
// fields of each class of package dialect.
//
// A [Profile] is one set of such names, "default" or "sc4s". It is asked once for each
// source and class, when the configuration is read, and never for a message.
//
// How a message is recognised belongs in package dialect, the JSON of an event in
// package event. The tables are documented in docs/metadata.md, which a test of this
// package writes.
package splunk
