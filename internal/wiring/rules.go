package wiring

import (
	"os"
	"slices"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
)

// newRules returns the rules of the packs that are in force, the embedded ones first: where
// two set the same, the later one counts.
func newRules(c config.Config, site, embedded []pack.Pack, packs *matcher.Set) (*rules.Set, error) {
	secret, err := c.MaskSecret(os.Environ())
	if err != nil {
		return nil, err
	}
	return rules.Compile(InForce(site, embedded), rules.Options{
		Profile: c.Metadata.Profile, Options: c.Packs.Options, Disable: c.Packs.Disable,
		Classes: dialect.Classes(packs), Role: splunk.Role, Packs: packs, Secret: secret,
	})
}

// InForce returns the embedded packs that no pack of the site replaces, and those of the site.
func InForce(site, embedded []pack.Pack) []pack.Pack {
	var all []pack.Pack
	for i := range embedded {
		if !slices.ContainsFunc(site, func(p pack.Pack) bool { return p.Name == embedded[i].Name }) {
			all = append(all, embedded[i])
		}
	}
	return append(all, site...)
}

// isOption reports whether a pack has an option: a rule that is off by default.
func isOption(packs []pack.Pack, name, option string) (known, has bool) {
	i := slices.IndexFunc(packs, func(p pack.Pack) bool { return p.Name == name })
	if i < 0 {
		return false, false
	}
	return true, slices.ContainsFunc(packs[i].Rules, func(r pack.Rule) bool { return r.Option && r.Name == option })
}
