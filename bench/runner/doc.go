// Package runner measures a gateway from outside: it starts the counting sink, the
// gateway and the load generator as processes of their own, waits until everything
// has arrived, and reads what it cost from /proc and what happened from /metrics.
//
// Each run has its own temporary folder, ports and processes; all of them are gone
// when it ends, also when it is interrupted. A run has problems when a message is lost
// where none may be, one came twice or is not ours, the conservation equation
//
//	received = delivered + queue_events + deadlettered + dropped
//
// does not hold, or the gateway does not end with exit code 0 after SIGTERM.
//
// Everything shares one machine, so each run also states the CPU time that went to
// none of the processes it knows: a run with much of it says little about speed.
//
// It has more than 1,500 lines: one run is set up, watched, counted and judged here.
package runner
