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
//	transport.go  one attempt: choose an endpoint, exchange, classify; decode.go
//	room.go       which endpoint has room; limit.go how much it has
//	link.go       over which connection; dial.go to which address
//	pool.go       what an answer changes; endpoint.go what is known of each
//	ack.go        acknowledgements; confirm.go what confirms nothing
//
// All deliveries together post at most InFlight records for each of them. How many of
// these one endpoint gets adapts to it: halved when its answers come slowly, are 429
// or 503, or do not come; one more with each round of good ones. A record goes where
// there is room and waits, in a line, only while nobody has any. While all endpoints are
// out, one record at a time is tried, and one more when that hangs.
//
// # One name, several servers
//
// Behind the name of an endpoint may be several servers, by a balancer that hands on
// whole connections (layer 4) or by DNS. So an answer that says nothing about the body
// (busy, failing or refusing) condemns the connection that gave it. That connection gets
// no further post. What it means for the endpoint depends on the other connections:
//
//   - One of them works, or has a post under way that may show so: nothing more is
//     noted, and the post goes again at once. The endpoint stays up. New connections are
//     made one at a time from then on, with growing pauses (hec.retry), until one works.
//     Only a connection that had worked before lowers the limit: the first answer of a
//     new one is about the server that it leads to, not about our load.
//   - None works: the answer is about the endpoint, as if it had one server. The first
//     such answer gives it a rest, of a second at most where nothing else can be had;
//     the next, on another connection, takes it out or holds it for as long as
//     Retry-After says. Trials by one post at a time, each on a new connection, bring it
//     back.
//
// A connection that a post finds without an answer in time takes those with it that
// have been idle since that post began. Probes have a connection each, and a failed one
// counts only while posts are not answered well. Connections end after 5 minutes at
// most, so that a new server gets its share. They speak HTTP/1.1: with HTTP/2 all posts
// would share one connection, and so one server.
//
// With acknowledgements each connection has a channel and cookies of its own. An ackId
// is asked for on the connection that gave it, which stays open until all of its ackIds
// are confirmed or timed out. Where it breaks they are asked for on new connections with
// its cookies; no other server knows the channel, so none can confirm by mistake.
//
// # What confirms nothing
//
// A 200 without ackId, with acknowledgements enabled, and a 200 whose body cannot be
// read (a coding that is not known) are not believed, yet the events may be in the index.
// The record stays in the queue, and its endpoint gets one trial every 5 minutes, so at
// most one record comes twice in that time. For missing ackIds it is asked by a poll,
// which makes no event, with each probe: a change from "acknowledgement is disabled"
// (code 14) to a proper answer allows a trial at once. With acknowledgements the first
// post to an endpoint goes alone, so that one record finds out and not all on their way.
//
// A 503 with invalid-event-number k is said to mean that the first k events were taken
// (open-telemetry/opentelemetry-collector-contrib issue 36113). Splunk documents it
// nowhere, and where it is not so they would be lost: all are sent again.
//
// A token is never part of a log line, an error, a letter or a metric: what a server or
// a library says goes through package redact before it is cut and shown. An answer
// counts against the token that was sent: a 403 to one that is no longer configured
// makes its post go again at once, and nothing else.
//
// Sources: Splunk, "Format events for HTTP Event Collector", "HTTP Event
// Collector indexer acknowledgement", "Troubleshoot HTTP Event Collector" (the
// table of codes), and the REST reference of services/collector.
package hec
