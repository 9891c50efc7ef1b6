// Package hec delivers the records of the queue to Splunk's HTTP Event
// Collector: at least once, and never stopped by one bad event, one bad endpoint
// or one odd answer.
//
// A [Client] is shared by all shards. [Client.Deliver] is the sender of one
// shard: it takes records from its [Source], posts each until there is an
// outcome, books the outcome in the ledger and acknowledges the record.
// [Client.Run] probes the endpoints and polls indexer acknowledgements.
//
// An answer has one of three outcomes, decided in response.go and nowhere else:
//
//	delivered  the record is acknowledged, now or when the indexer confirms it
//	retry      it is posted again, at another endpoint if there is one, for ever
//	permanent  the events HEC refuses are found and moved to the dead letters, or
//	           for their index to the fallback index; the rest is delivered
//
// What HEC says of its configuration (token, channel) is never a reason to give
// an event up: it is retried slowly and logged loudly.
//
// The way of a post, from the outside in:
//
//	sender.go     worker: next record, outcome, books, acknowledgement
//	split.go      finds the events that HEC refuses; fallback.go changes their index;
//	              refused.go remembers the refused ones
//	retry.go      one body until there is an outcome (go-retryablehttp)
//	transport.go  one attempt: choose an endpoint, exchange, classify
//	room.go       which endpoint has room; limit.go how much it has
//	pool.go       what an answer changes; endpoint.go what is known of each
//
// All deliveries together post at most InFlight records for each of them. How many of
// these one endpoint gets adapts to it: halved when its answers come slowly, are 429
// or 503, or do not come; one more with each round of good ones. A record goes where
// there is room and waits, in a line, only while nobody has any. While all endpoints are
// out, one record at a time is tried, and one more when that hangs.
//
// A token is never part of a log line, an error or a metric; what a server says
// is searched for it before it is shown.
//
// Sources: Splunk, "Format events for HTTP Event Collector", "HTTP Event
// Collector indexer acknowledgement", "Troubleshoot HTTP Event Collector" (the
// table of codes), and the REST reference of services/collector.
package hec
