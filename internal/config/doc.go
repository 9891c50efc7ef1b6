// Package config reads and checks the configuration of the gateway.
//
// [Load] merges four layers. Later layers override earlier ones:
//
//	defaults  <  file (YAML)  <  environment (GATEWAY_…)  <  command line
//
// It returns a configuration that [Config.Validate] accepts, or one error that joins
// all problems. Each problem names its origin (file and line, variable, flag), the
// key, the value and what is allowed. Load guesses nothing: an unknown key, a key in
// the wrong case, a duration without a unit, a fraction for a whole number, an empty
// value and a second YAML document are errors.
//
// To add a key, add a field to [Config] and a row to the table in keys.go. The row
// has its default, its rule, its documentation and the part of the program that
// applies a change ([Config.Reload]); validation, docs/configuration.md, hints for
// misspelt keys and reload all read the table.
//
// Secrets have the type [redact.Secret], which prints as "<secret>".
//
// The files fall into four groups: what the keys are (config, keys, default, reload),
// what they may contain (rules, enrich, validate), how text becomes values with the origin
// of each (load, yaml, decode, schema, problem, types), and what the keys refer to on
// the machine (check, tls, users, hosts). The groups share key paths, problems and the
// table, so they are one package although it has more than 1,500 lines.
//
// Only the commands import this package. How the stages use a value does not belong
// here: they get plain values in their own options.
package config
