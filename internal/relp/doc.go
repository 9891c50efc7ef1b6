// Package relp is the receiving side of RELP, the Reliable Event Logging Protocol
// (librelp doc/relp.md, version 0), as bytes: [Next] cuts frames, and a [Session] knows
// what one connection is owed.
//
// A sender numbers its frames and keeps each message until it is answered. It has a
// window: rsyslog sends 128 messages by default and then waits. What is unanswered when a
// connection ends is sent again on the next one. So an answer is a promise, and is given
// when somebody calls [Session.Acknowledge], not when the message is read.
//
// The answer to a message is always 200. librelp closes the connection on any other one
// and sends the message again, for ever.
//
// The package opens no socket and starts no goroutine.
package relp
