// Package stats serves what an operator and a monitoring system want to know of
// the gateway, on one port (:8404 by default).
//
//	/                     goes to /stats
//	/stats                a page for people, kept up to date by /api/v1/events
//	/stats;csv  ;json     the same as HAProxy 2.6 writes it
//	POST /stats           sets a shard or an endpoint aside, as HAProxy takes it
//	/api/v1/…             the same as JSON; /api/v1/openapi.yaml describes it
//	/api/v1/tap           messages as they go through
//	/metrics              the same for Prometheus, with what the stages register
//	/healthz              200 while the process answers
//	/readyz               200, or 503, and one line for each condition
//	/debug/pprof/         profiles, when asked for
//
// # What is promised
//
// Only POST /stats changes anything; it needs the admin right, and is refused when a
// browser makes it for another site's page. Lines of messages are shown to users only.
// Where a request comes from proves nothing; on the machine itself there is the control
// socket, which knows root and the gateway's user by their credentials. The page works without scripts and loads nothing from anywhere
// else; whatever a name, a line or an answer holds is escaped by html/template or set as
// text. With users set, everything but /healthz and /readyz asks for one (RFC 7617).
// Nothing is cached by a browser or proxy. Connections, headers, streams and times are
// bounded, so that a scanner cannot take the file descriptors that the listeners need;
// whoever holds most of them gives one up for a newcomer, so that a health check always
// gets in.
//
// # What it costs
//
// One reading of the stages a second, whoever looks; what open pages show is rendered
// once for all that show the same, and only what has changed is sent. Nothing of it
// is on the path of a message.
//
// # The books
//
// The numbers of events come from the [ledger.Ledger] and nowhere else, so the page,
// the JSON and the metrics show one truth:
//
//	received + recovered = delivered + pending + deadlettered + dropped
//
// The columns of a page of the books are read one after the other while the stages
// go on booking. A reading that does not balance is therefore repeated a few times;
// what does not balance even then is shown as it is, as a difference.
//
// Everything else comes from one [Provider], in types of this package: stats knows
// none of the stages. What the buttons do is an [Operator]'s.
package stats
