// Package desk is the statistics page: what an operator sees who was woken, in the order of
// the questions. Does it come in, does it go out, what is wrong and since when, what to do.
//
// A page is a frame and sections. A section is rendered on the server, for the first paint and
// for each update alike, so the page is whole without scripts. What a section shows depends on
// one [Reading] and on a part of the [Choice] of who looks; package stats renders it once for
// all who chose the same, and sends it to open pages when it has changed.
//
//	health    what is wrong, worst first, with its row on the page and a section of /help/
//	flow      sources, queue and endpoints as one drawing; bands are as wide as the rates
//	time      received, delivered, waiting and latency of one window of the history, and events
//	volume    what it is: by class, sourcetype, index or source
//	senders   who sends it: those with something odd first
//	letters, unknown, drops, rules, log   what went wrong, and why
//	endpoints, streams, shards, sources, books, packs   details, folded while they are well
//
// Every state is said three ways: by a word, a shape and a colour. Lengths that depend on
// values are attributes of SVG, because the policy of the page allows no style attributes.
// Drawings are stretched to the width that there is; lines and bands keep their thickness
// (vector-effect), and text is never inside a stretched drawing.
//
// html/template escapes every name, line and answer of others. The package opens nothing,
// runs nothing, and keeps nothing but the senders that it showed last, which are bounded.
package desk
