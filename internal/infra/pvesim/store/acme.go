package store

import (
	"maps"
	"slices"

	"syslog-gateway/internal/infra/pvesim/conf"
)

// builtinPlugin is the plugin that every cluster has.
const builtinPlugin = "standalone"

// ACME is the cluster's accounts and challenge plugins, by name and ID. Both are
// records: no CA is ever asked.
type ACME struct {
	Accounts map[string]conf.File
	Plugins  map[string]conf.File
}

func newACME() *ACME {
	return &ACME{Accounts: map[string]conf.File{}, Plugins: map[string]conf.File{builtinPlugin: {"type": builtinPlugin}}}
}

// Text is the file that the digest of the plugins is made of. The built-in one is not
// in it.
func (a *ACME) Text() string {
	out := ""
	for _, id := range slices.Sorted(maps.Keys(a.Plugins)) {
		p := a.Plugins[id]
		if id == builtinPlugin {
			continue
		}
		out += p["type"] + ": " + id + "\n"
		for _, k := range slices.Sorted(maps.Keys(p)) {
			if k != "type" {
				out += "\t" + k + " " + p[k] + "\n"
			}
		}
		out += "\n"
	}
	return out
}
