// Package rules says what becomes of messages besides their names: which are left out, what
// the site sets or looks up, and what is hidden or removed from their events.
//
// [Compile] makes a [Set] of the rules of packs. A Set is immutable and safe for concurrent
// use; it has a list of rules for each class. An [Actor] applies a Set to the messages of one
// receive loop, and has what rules remember: how many messages there were, and which kinds.
//
// # What is promised
//
// A message of a class that no rule names costs one look-up in a slice. No message costs a
// lock, a clock or a file; only regular expressions allocate.
//
// A mask never fails open. Where the value of a key has no end, everything to the end of the
// text is hidden, and what goes on in the next message of a connection too.
//
// What a rule may say belongs in package pack, its conditions in package matcher.
package rules
