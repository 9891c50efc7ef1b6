// Package matcher finds the pack that a message belongs to, and what the pack says of it:
// the class, the host, the time, the form of the event. It does so for every message, so it
// does not allocate, and what it searches is bounded by the form of packs: words at known
// positions, and keys in the first bytes of the text.
//
// [Compile] makes a [Set] of packs. A Set is immutable and safe for concurrent use. It
// decides in this order, in each step first by the site's own packs, then by the embedded
// ones: SD-ID, CEF or LEEF vendor, identifier of a Cisco message ([Set.Mark]); program,
// longest word first, begin of the text, form of the header ([Set.Match]); CEF and LEEF of
// any vendor ([Set.Generic]).
//
// What a pack may say belongs in package pack. When the matcher is asked, and what a message
// without a pack is, belongs in package dialect.
package matcher
