// Package syslog cuts bytes into messages and messages into header fields:
// pure functions on bytes, no sockets, no clock, no allocation, no error that
// loses a message.
//
// [Framer] cuts a stream by RFC 6587 (octet counting and the LF, CR LF or NUL
// trailers, decided anew for every message) and [Datagram] a datagram by
// RFC 5426 and what senders make of it. [Scan] reads the header of any shape that
// network devices are known to send (RFC 3164, RFC 5424 and what lies between and
// beside them); what it does not find stays empty, and the content is whatever is
// left. A [Stamp] is a time as it was written; [Clock] makes an instant of it.
//
// All slices that the package gives back are views into the bytes it was given.
package syslog
