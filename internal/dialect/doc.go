// Package dialect says what a syslog message is: which vendor family and class it
// belongs to, which device it is from, when it happened, and which part of it
// Splunk should see. It knows five families (UniFi, Palo Alto Networks, Cisco
// ASA, Linux, Windows) and the names that Splunk's add-ons expect of them.
//
// A [Parser] belongs to a port. It looks for the marks that only one family has
// ("%ASA-6-302013:", "CEF:0|Ubiquiti|", the log type in the fourth column), at
// the places where a header may end, and takes them for what they are on every
// port. What has no mark is read by the rules of the port's own family, and what
// no rule knows is a fallback event that is marked as unparsed: it is never
// refused and never changed.
//
// Parsing never fails, never allocates and never keeps a reference; whatever a
// [Result] holds is a view into the message. A [Profile] turns a class into
// sourcetype, index, source and fields; that is done once for each source and
// class, not for each message.
package dialect
