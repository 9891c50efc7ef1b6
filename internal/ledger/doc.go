// Package ledger counts, for every source and at any moment, where its events are:
//
//	received + recovered = delivered + pending + deadlettered + dropped
//
// Pending is what is in memory or in the disk queue. With a cluster, events leave the disk
// queue into its stream (secured), and any gateway takes events out of the stream and gives
// back what it cannot deliver:
//
//	received + recovered + taken = secured + given back + delivered + pending + deadlettered + dropped
//
// The format of an event belongs to package event, and what is shown of the counts to package
// stats.
package ledger
