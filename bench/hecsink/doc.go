// Package hecsink is an HTTP Event Collector that counts instead of indexing.
//
// It takes what Splunk's /services/collector/event takes (JSON objects one after the
// other, plain or gzip), really decompresses it, finds the mark of each event
// (package mark) and keeps one bit for each sequence number. So it knows exactly, and
// independently of the sender and of the receiver under test, how many messages are
// missing, how many came twice, and how many were none of ours.
//
// Events are told apart by their LF, with one mark in each, which is what a well-made
// body looks like and what one fast pass can prove. Where a line holds more or less
// than one mark it is read again, object by object.
//
// The sink answers in HEC's own codes. It can be told to be slow, to refuse for a
// while, or to take a request and cut the connection without an answer.
package hecsink
