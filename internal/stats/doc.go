// Package stats serves the statistics page, HAProxy's interfaces, the API and the metrics
// of the gateway on one port (:8404 by default) and on the control socket.
//
//	/                     redirects to /stats
//	/stats                the page, kept up to date by /api/v1/events
//	/stats;csv  ;json     the same as HAProxy 2.6 writes it
//	POST /stats           sets the mode of a shard or an endpoint, as HAProxy's form does
//	/api/v1/…             the same as JSON; /api/v1/openapi.yaml describes it
//	/api/v1/tap           messages as they go through
//	/help/…               the documentation; sections of docs/operations.md
//	/metrics              the same for Prometheus, with the metrics of the stages
//	/healthz              200 while the process answers
//	/readyz               200 or 503, and one line for each condition
//	/debug/pprof/         profiles, if enabled
//
// What is shown belongs elsewhere: the page to stats/desk, readings and health to stats/monitor, users and rights
// to stats/auth, HAProxy's formats to stats/haproxy, metrics to stats/metrics, the socket's
// file to stats/control. The package knows none of the stages: one [Provider] reports for
// all of them, and the buttons call an [Operator]. It is larger than most packages because
// routes, page, streams and their bounds share every connection.
//
// # Promises
//
// Only POST /stats changes anything. It needs the admin right, and is refused if a browser
// sends it for a page of another site. Lines of messages are shown to users only. With
// users, everything but /healthz and /readyz asks for one (RFC 7617). On the machine
// itself, the control socket knows root and the gateway's user by their credentials.
//
// The page works without scripts and loads nothing from other sites. html/template escapes
// every name, line and answer of others, or the script sets it as text. Browsers and
// proxies cache nothing.
//
// Connections, headers, streams and times are bounded, so that a scanner cannot take the
// file descriptors that the listeners need. When all connections are taken, the address
// with most of them loses one to a new one, so a health check always gets in.
//
// # Costs
//
// The stages are read once a second, and at each request to the API. Sections of the page are
// rendered once for all who chose the same, whether they load it or have it open, and only
// those that have changed are sent. Nothing of it is on the
// path of a message.
package stats
