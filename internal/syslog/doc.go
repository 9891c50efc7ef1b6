// Package syslog cuts bytes into messages, and messages into header fields. It consists of
// pure functions on bytes: no sockets, no clock, no allocation. No error loses a message.
//
// [Framer] cuts a stream as RFC 6587 says: by octet counting or by the trailers LF, CR LF
// or NUL, decided anew for every message. [Datagram] cuts a datagram (RFC 5426). [Scan]
// reads the header of any shape that network devices are known to send: RFC 3164, RFC
// 5424 and what lies between and beside them. A field that is not there stays empty, and
// the content is the rest. A [Stamp] is a time as it was written; [Clock] makes
// an instant of it.
//
// The package also has the one rule for what is a host name, an address, a time zone, a
// level and a word (host.go, address.go, zone.go, priority.go, word.go), anywhere in a
// message. What only one vendor writes belongs in package dialect, except for
// headers: those of Cisco IOS are in cisco.go.
//
// It is larger than other packages here because framing and headers read the same elements
// (the PRI, counts, the byte order mark, words) by the same rules.
//
// All slices that the package returns are views into the bytes it was given.
package syslog
