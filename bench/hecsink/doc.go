// Package hecsink is an HTTP Event Collector that counts instead of indexing.
//
// It takes what Splunk's /services/collector/event takes (JSON objects one after the
// other, plain or gzip), really decompresses it, finds the marker of each event
// (package marker) and keeps one bit for each sequence number. So it knows exactly, and
// independently of the sender and of the receiver under test, how many messages are
// missing, how many came twice, and how many were none of ours.
//
// Events are separated by their LF, with one marker in each, which is what a well-made
// body has and what one fast pass can prove. Where a line holds more or less
// than one marker it is read again, object by object.
//
// The sink answers in HEC's own codes. It can be configured to be slow, to refuse for a
// while, or to take a request and cut the connection without an answer.
package hecsink
