// Package deadletter keeps the events that HEC refused, on disk, until a person has read
// them and sends them again.
//
// A [Store] is a folder with files of JSON lines, one [Letter] each, and is bounded in
// size. [Store.Append] has written to the disk when it returns. Several processes may use
// one store at a time, so that the verbs work beside a running gateway: each change holds
// a lock file, and no file stays open between changes.
//
// [Store.Replay] takes the letters out of the way of Append, hands them to a function that
// posts them, and puts back those that it returns. A crash at any moment loses no letter;
// after it some may be posted twice.
//
// How events are posted and which are refused does not belong here.
package deadletter
