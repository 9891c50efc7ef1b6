// Package event has the forms in which messages pass through the gateway.
//
// A syslog message becomes one HEC event object (Splunk, "Format events for HTTP Event
// Collector") in a [Batch]. A full batch becomes one [Record], the finished body of one
// HEC request, which the disk queue stores and the HEC client posts. Each form has one
// owner at a time:
//
//	listener  fills a Batch         and hands it over
//	shard     compresses the Batch  and returns it to its Pool
//	queue     stores the Record     until it is acknowledged
//	hec       posts the Record      and acknowledges it
//
// The encoder does not allocate. It appends valid JSON for any bytes: one object that
// Splunk cannot read would cost the whole batch.
//
// How many events there are in which state belongs in package ledger, what is in an event
// object in package dialect and splunk.
package event
