// Package monitor watches the gateway: it takes readings of the stages and the ledger,
// remembers the last five minutes of them, and judges the health of the gateway in one
// sentence.
//
// A reading adds to what the stages report: the balance of each source, rates, who sends
// and who fell silent, and the recent warnings of the log. What it computes is shown by
// the page, the API and the metrics alike, and sent to Splunk ([Monitor.Report]).
//
// Counters have windows, so that what was lost weeks ago does not look like now. What is wrong
// is a list of findings with a begin and an end, each with a row of the page and a section of
// docs/operations.md. What happens over hours and days goes to package stats/history.
//
// It serves nothing and runs nothing: package stats calls [Monitor.Sample] once a second.
// Formatting of numbers belongs to package stats/text.
//
// The columns of a balance are read one after the other while the stages go on. A balance
// with a difference is therefore read again a few times; a difference that stays is shown
// as it is.
package monitor
