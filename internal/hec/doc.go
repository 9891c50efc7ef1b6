// Package hec delivers the records of the queue to Splunk's HTTP Event
// Collector: at least once, and never stopped by one bad event, one bad endpoint
// or one odd answer.
//
// A [Client] is shared by all shards. [Client.Deliver] is the sender of one
// shard: it takes records from its [Source], posts each until there is an
// outcome, counts the outcome in the ledger and acknowledges the record.
// [Client.Run] probes the endpoints and polls indexer acknowledgements.
//
// An answer has one of three outcomes, decided in response.go and nowhere else:
//
//	delivered  the record is acknowledged, now or when the indexer confirms it
//	retry      it is posted again, at another endpoint if there is one, without a limit
//	permanent  the events that HEC refuses are found and become dead letters, or go to
//	           the fallback index for their index; all others are delivered
//
// An answer about the configuration (token, channel) never ends the life of an event: the
// post is retried slowly, and an error is logged.
//
// The path of a record, from the outside in:
//
//	deliver.go   worker: next record, outcome, ledger, acknowledgement
//	split.go     finds the events that HEC refuses; fallback.go changes their index;
//	             refused.go remembers the refused indexes
//	post.go      one body until there is an outcome: endpoint, attempt, pause
//	exchange.go  one request and its answer; decode.go, response.go
//	ack.go       acknowledgements
//	probe.go     health probes
//	replay.go    dead letters once more
//
// Package hec/endpoints chooses the endpoint and the connection of a post, and keeps their
// state. Package deadletter keeps the dead letters.
//
// All deliveries together post at most InFlight records for each of them. How many of these
// one endpoint gets adapts to it: the number is halved when its answers come slowly, are 429
// or 503, or do not come; it grows by one with each round of good ones. A record goes to an
// endpoint that has room, and waits only while none has. While all endpoints are out, one
// record at a time is tried, and one more when that hangs.
//
// # One name, several servers
//
// Behind the name of an endpoint may be several servers, by a balancer of whole connections
// (layer 4) or by DNS. So an answer that says nothing about the body (busy, failing or
// refusing) ends the use of the connection that gave it. That connection gets
// no further post. What it means for the endpoint depends on the other connections:
//
//   - One of them works, or has a post under way that may show so: the endpoint stays up,
//     and the post is repeated at once. From then on new connections are made one at a
//     time, with growing pauses (hec.retry), until one works. Only a connection that had
//     worked before lowers the limit: the first answer of a new one is about its server,
//     not about our load.
//   - None works: the answer is about the endpoint, as if it had one server. After the
//     first such answer it gets a pause, of one second at most when no other endpoint has
//     room. The next one, on another connection, takes it out, or pauses it for as long as
//     Retry-After says. Trials bring it back: one post at a time, each on a new connection.
//
// When a post gets no answer in time, the connections that have been idle since it began are
// closed too. Each probe has a connection of its own, and a failed probe counts only while
// posts are not answered well. Connections end after 5 minutes at most, so that a new server
// gets its share. They speak HTTP/1.1: with HTTP/2 all posts would share one connection, and
// so one server.
//
// With acknowledgements each connection has a channel and cookies of its own. An ackId
// is asked for on the connection that gave it, which stays open until all of its ackIds
// are confirmed or timed out. When it breaks, they are asked for on new connections with
// its cookies; no other server knows the channel, so none can confirm by mistake.
//
// # What confirms nothing
//
// A 200 without ackId, with acknowledgements enabled, and a 200 whose body cannot be read
// (an unknown coding) confirm nothing, yet the events may be in the index. The record stays
// in the queue, and its endpoint gets one trial every 5 minutes, so that at most one record
// comes twice in that time. When ackIds are missing, each probe also polls for an ackId,
// which makes no event: when the answer changes from "acknowledgement is disabled" (code 14)
// to a proper one, there is a trial at once. With acknowledgements the first post to an
// endpoint goes alone, so that one record finds out and not all of them.
//
// A 503 with invalid-event-number k is said to mean that the first k events were accepted
// (open-telemetry/opentelemetry-collector-contrib issue 36113). Splunk does not document
// it, and where it is not true they would be lost: all are sent again.
//
// A token is never part of a log line, an error, a letter or a metric: text of a server or
// a library goes through package redact before it is truncated and shown. An answer counts for
// the token that was sent: after a 403 to one that is no longer configured, the post is
// repeated at once, and nothing else changes.
//
// Sources: Splunk, "Format events for HTTP Event Collector", "HTTP Event
// Collector indexer acknowledgement", "Troubleshoot HTTP Event Collector" (the
// table of codes), and the REST reference of services/collector.
//
// It has more than 1,500 lines: a delivery, its answers, splits and acknowledgements change
// one record between them, and are not understood apart.
package hec
