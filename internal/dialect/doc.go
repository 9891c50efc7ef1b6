// Package dialect says what a syslog message is: its vendor family and class, the
// device that wrote it, its time, and the part of it that becomes the event. It knows
// five families: UniFi, Palo Alto Networks, Cisco, Linux and Windows.
//
// A [Parser] belongs to a port. It first searches for markers that only one family has
// ("%ASA-6-302013:", "CEF:0|Ubiquiti|", the log type in the fourth column) at the
// positions where a header may end. A marker counts on every port. A message without a marker
// is read by the rules of the port's own family. A message that no rule knows becomes a
// fallback event that is marked as unparsed; it is never refused and never changed.
//
// Parsing never fails, does not allocate and keeps no reference. The slices of a
// [Result] are views into the message.
//
// Framing and header fields belong in package syslog, Splunk's names of a class in
// package splunk.
//
// The package is larger than others here because all families read the same line into the
// same result, and the marker of one of them must be known to the others.
//
// # Where things are
//
//	class.go       the classes and families
//	parser.go      the parser: which rules read a message, in which order
//	line.go        a message without its headers
//	markers.go     the markers of all families
//	relay.go       a device's header behind the header of a relay
//	rejoin.go      messages that a relay has split
//	cef.go csv.go json.go text.go time.go          readers that families share
//	cisco.go linux.go paloalto.go unifi.go …       one family each
package dialect
