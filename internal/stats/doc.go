// Package stats serves what an operator and a monitoring system want to know of
// the gateway, on one port (:8404 by default).
//
//	/               goes to /stats
//	/stats          a page for people; /stats;norefresh does not reload itself
//	/api/v1/status  the same as JSON
//	/metrics        the same for Prometheus, with what the stages register
//	/healthz        200 while the process answers
//	/readyz         200, or 503, and one line for each condition
//
// # What is promised
//
// It only reads: no request changes anything, and only GET and HEAD are answered.
// The page needs no script and loads nothing from anywhere else; whatever a name or
// an answer holds is escaped. With a user name and password set, everything but
// /healthz and /readyz asks for them (RFC 7617). Nothing is cached by a browser or
// proxy. Connections, headers and times are bounded, so that a scanner can not take
// the file descriptors that the listeners need.
//
// # The books
//
// The numbers of events come from the [event.Ledger] and nowhere else, so the page,
// the JSON and the metrics show one truth:
//
//	received + recovered = delivered + pending + deadlettered + dropped
//
// The columns of a page of the books are read one after the other while the stages
// go on booking. A reading that does not balance is therefore repeated a few times;
// what does not balance even then is shown as it is, as a difference.
//
// Everything else comes from one [Provider], in types of this package: stats knows
// none of the stages.
package stats
