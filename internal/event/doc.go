// Package event holds what flows through the gateway, and nothing else.
//
// A syslog message becomes one HEC event object (Splunk, "Format events for
// HTTP Event Collector") that is appended to a [Batch]; a sealed batch becomes
// one [Record], the finished body of one HEC request; a record is what the disk
// queue stores and what is posted. Each form has one owner at a time:
//
//	listener  fills a Batch         until it hands it over
//	shard     compresses the Batch  and gives it back to its Pool
//	queue     stores the Record     until it is acknowledged
//	hec       posts the Record      and acknowledges it
//
// The encoder never allocates, and what it appends is valid JSON whatever bytes
// a sender sent: one object that Splunk cannot read would cost the whole batch.
package event
