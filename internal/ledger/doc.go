// Package ledger counts, for every source and at any moment, where its events are:
//
//	received + recovered = delivered + pending + deadlettered + dropped
//
// Pending is what is in memory or in the disk queue. The format of an event belongs
// to package event, and what is shown of the counts to package stats.
package ledger
