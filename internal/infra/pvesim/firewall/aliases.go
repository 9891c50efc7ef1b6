package firewall

import (
	"maps"
	"slices"

	"syslog-gateway/internal/infra/pvesim/refusal"
)

// Aliases are names of addresses and networks.
type Aliases map[string]*Alias

// Alias is a named address or network.
type Alias struct{ CIDR, Comment string }

// Entry is the alias as the API shows it.
func (a *Alias) Entry(name string) Entry {
	e := named("name", name, a.Comment)
	e["cidr"] = a.CIDR
	if v := ipVersion(a.CIDR); v > 0 {
		e["ipversion"] = v
	}
	return e
}

// Entries are the aliases as the API lists them.
func (as Aliases) Entries() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(as)) {
		out = append(out, as[name].Entry(name))
	}
	return out
}

// Get returns the alias of that name.
func (as Aliases) Get(name string) (*Alias, error) {
	if a := as[name]; a != nil {
		return a, nil
	}
	return nil, refusal.BadParam("name", "no such alias")
}

// Add makes an alias.
func (as Aliases) Add(name string, a Alias) error {
	if as[name] != nil {
		return refusal.BadParam("name", "alias '%s' already exists", name)
	}
	as[name] = &a
	return nil
}

// Rename gives an alias another name.
func (as Aliases) Rename(old, name string) error {
	if as[name] != nil {
		return refusal.BadParam("name", "alias '%s' already exists", name)
	}
	as[name] = as[old]
	delete(as, old)
	return nil
}

// Remove takes an alias away; a missing one is fine.
func (as Aliases) Remove(name, digest string) error {
	if err := CheckDigest(digest, as.Entries()); err != nil {
		return err
	}
	delete(as, name)
	return nil
}
