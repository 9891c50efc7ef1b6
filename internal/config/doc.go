// Package config holds the one user-facing structure of the gateway: every key,
// its default, what it may hold, where it may come from.
//
// [Load] puts four layers on top of each other, later ones win:
//
//	defaults  <  file (YAML)  <  environment (GATEWAY_…)  <  command line
//
// and gives either a configuration that [Config.Validate] accepts, or one error
// that joins every problem found. Each problem names the place it comes from
// (file and line, variable, flag), the key as it is written there, the value,
// and what is allowed. Nothing is guessed: an unknown key, a key in the wrong
// case, a number where a duration needs its unit, a fraction where a whole number
// is meant, an empty value, a second YAML document: all are errors.
//
// The table in keys.go is the contract. Validation, the reference in
// docs/configuration.md, the hints for mistyped keys and the answer to "what can
// be reloaded" are all read off it, so they cannot disagree.
//
// Secrets are of type [redact.Secret]: they print as "<secret>" wherever they go and
// have to be asked for by Reveal.
//
// Only the commands import this package; the stages get plain values.
package config
