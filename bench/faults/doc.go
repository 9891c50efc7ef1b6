// Package faults shows that the gateway loses nothing: it runs the real program as a
// child, does to it what happens to programs (an endpoint that misbehaves, a kill, a
// full or failing disk), and counts every message on its way.
//
// Each message has a number. The endpoint counts the arrivals of each number, the
// dead-letter store is read for the rest, so "lost" and "duplicated" are exact and owe
// nothing to the gateway's own counters. Those are checked too: at the end of a row
//
//	received + recovered = delivered + pending + deadlettered + dropped
//
// must hold on /metrics. A [Row] is one fault. A row that needs a tool which is not
// there fails and names Debian's package.
//
// The rows of a cluster ([clustered]) have three nodes of the queue and two gateways before one
// endpoint. Their equation has the streams in it, and that of all gateways together must hold,
// too. A power cut is a copy of the nodes' disk while they are frozen.
//
// [Crash] kills the gateway again and again under load. Accepted is what its queue
// holds (gateway queue export) or its endpoint has: of that, none may be lost.
//
// It has more than 1,500 lines: a file of rows for each kind of fault, over one rig.
package faults
