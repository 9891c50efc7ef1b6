// Package pack has the declared form of packs: what a product's messages look like and
// what Splunk calls them, as data. [Load] reads it from YAML. The format is documented in
// docs/packs.md.
//
// How a message is matched against a set of packs belongs in package matcher; which packs
// are part of the program is in package catalog.
//
// # Where things are
//
//	pack.go        the types
//	load.go        files and documents
//	keys.go        the tables of keys: all that can be written
//	decode.go      the decoder that the tables drive
//	known.go       the words that the format knows, and the rules of single values
//	check.go       what depends on several keys of a pack
//	template.go    sourcetypes and sources with placeholders
//	conflicts.go   packs that want the same messages
package pack
