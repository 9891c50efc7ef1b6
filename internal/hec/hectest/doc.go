// Package hectest is a scripted HTTP Event Collector for tests and load runs: it
// answers as Splunk does, or as a script says, with every fault that a network, a
// proxy or an indexer is known for.
//
// Without a script it checks the token, the channel (with Acks) and, with Check,
// each event, and takes what is good. It counts what it took, and can keep it or
// hand it on.
package hectest
