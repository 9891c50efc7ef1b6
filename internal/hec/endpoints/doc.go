// Package endpoints keeps the HEC endpoints of a client: which of them may take a post
// now, over which connection, and what answers and probes have shown of each.
//
//	pool.go         the endpoints of the present configuration, and their status
//	acquire.go      before a post: wait until an endpoint takes it
//	answered.go     after it, and after a probe: what the answer changes
//	admission.go    which endpoint takes a post next, and who waits until one can
//	limit.go        how many posts one endpoint may have under way (AIMD)
//	health.go       up, down, refused; failures, pauses, recovery
//	trial.go        the posts that show whether an endpoint works again
//	connections.go  the connections of one endpoint; connection.go one of them
//	dial.go         to which address of a name
//
// The mutex of the [Pool] guards all endpoints with their parts. Only the Pool locks it, and
// never while it waits for the network.
//
// How a post is made and what its answer means for the events does not belong here: an
// answer comes as a [Verdict].
//
// It has more than 1,500 lines: all parts of an endpoint are guarded by that one mutex.
package endpoints
