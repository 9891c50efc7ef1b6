package status

import "time"

// Packs are the packs in force.
type Packs struct {
	// Hash is of the names and bytes of all files, the program's own included. Gateways
	// with the same hash know the same products.
	Hash   string    `json:"hash"`
	Loaded time.Time `json:"loaded,omitzero"`
	// InForce is how many there are: those of the site and the embedded ones, without those
	// that are disabled or replaced.
	InForce int `json:"in_force"`
	// Embedded is how many of these are part of the program.
	Embedded int `json:"embedded"`
	// Folder is where the site has its packs, and Site what they are.
	Folder string     `json:"folder"`
	Site   []SitePack `json:"site"`
}

// SitePack is a pack of the site.
type SitePack struct {
	Name     string   `json:"name"`
	About    string   `json:"about"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Disabled bool     `json:"disabled"` // by packs.disable
	Classes  []string `json:"classes"`
	// Warnings say what the pack takes from embedded packs.
	Warnings []string `json:"warnings"`
}

// Class is what a source had of one class since the start.
type Class struct {
	Name   string // of the class
	Pack   string // empty for the built-in families
	Events uint64
	Bytes  uint64 // of the texts of the events
	Slow   uint64 // messages for which the pack was outside the promise of speed
}

// Volume is what a source had of one class under one name in Splunk since the start.
type Volume struct {
	Class, Sourcetype string
	Index             string // empty for the default of the token
	Events            uint64
	Bytes             uint64 // of the texts of the events
}

// Rule is what a rule of a pack did since the start.
type Rule struct {
	Name string // with its pack in front: site.no_debug
	Pack string
	// InForce says that it is on. One that was changed or removed keeps its numbers.
	InForce bool
	// Does are the keys of the rule that say what it does, such as drop and lookup.
	Does []string
	// Events are the messages that it left out or masked, by action: drop, sample, suppress
	// or mask.
	Events map[string]uint64
	Saved  uint64 // bytes of the texts that it left out or removed
	// Slow are the messages that it searched with a regular expression, without those for
	// which another rule of the pack, or the pack itself, is counted already.
	Slow uint64
}
