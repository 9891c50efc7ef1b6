// Package pack has the declared form of packs: what a product's messages look like and
// what Splunk calls them, as data. The format is documented in docs/packs.md.
//
// How a message is matched against a set of packs belongs in package matcher; which packs
// are part of the program is in package catalog.
package pack
