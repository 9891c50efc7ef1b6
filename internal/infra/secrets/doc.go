// Package secrets reads files that SOPS (https://github.com/getsops/sops) has
// encrypted for age keys, in JSON and YAML.
//
// The promise: what [Read] gives is the whole file in clear, and unchanged since it
// was encrypted, or there is an error. A value that should be encrypted and is not,
// a file without SOPS metadata, a missing or wrong MAC and a truncated file are
// errors; none reads as an empty file. Clear values, keys and what a key command
// prints never reach an error.
//
// The official decrypt package brings the clients of three clouds with it. This one
// has age (and SSH keys by way of age) only; for other keys, for key groups and for
// the forms it does not know it runs an installed sops, and says so where there is
// none.
//
// Keys are read where SOPS reads them: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE,
// SOPS_AGE_KEY_CMD, sops/age/keys.txt in XDG_CONFIG_HOME or ~/.config,
// SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, ~/.ssh/id_ed25519
// and ~/.ssh/id_rsa.
package secrets
