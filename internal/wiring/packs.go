package wiring

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/status"
)

// loaded is what the packs of a configuration are.
type loaded struct {
	set     *matcher.Set
	rules   *rules.Set
	inForce []pack.Pack
	shown   status.Packs
}

// loadPacks returns the site's packs and the embedded ones, made ready, with their rules and
// with what is shown of them. The error names all problems of the site's packs.
func loadPacks(c config.Config) (loaded, error) {
	p, err := ReadPacks(c.Packs.Folder)
	if err != nil {
		return loaded{}, err
	}
	var errs []error
	conflicts, warnings := p.Compare(c.Packs.Disable)
	for _, problem := range slices.Concat(p.Problems, conflicts) {
		errs = append(errs, errors.New(problem.String()))
	}
	if len(errs) != 0 {
		return loaded{}, errors.Join(errs...)
	}
	site, embedded := p.Site, p.Embedded
	set, err := matcher.Compile(site, embedded, matcher.Options{Profile: c.Metadata.Profile, Disable: c.Packs.Disable})
	if err != nil {
		return loaded{}, fmt.Errorf("packs: %w", err)
	}
	ruled, err := newRules(c, site, embedded, set)
	if err != nil {
		return loaded{}, fmt.Errorf("packs: %w", err)
	}
	for _, name := range c.Packs.Disable {
		if !slices.ContainsFunc(slices.Concat(site, embedded), func(p pack.Pack) bool { return p.Name == name }) {
			errs = append(errs, fmt.Errorf("packs.disable: %w", set.Unknown(name)))
		}
	}
	return loaded{set, ruled, InForce(site, embedded), p.status(c, set, warnings)}, errors.Join(errs...)
}

// pins returns the packs of the senders.
func pins(senders map[string]string, packs *matcher.Set) ([]ingest.Pin, error) {
	var all []ingest.Pin
	var errs []error
	for _, network := range slices.Sorted(maps.Keys(senders)) {
		prefix, err := config.Network(network)
		if err != nil {
			errs = append(errs, fmt.Errorf("packs.senders: %w", err))
			continue
		}
		if name := senders[network]; name != dialect.Auto && slices.Contains(dialect.Names(), name) {
			all = append(all, ingest.Pin{Prefix: prefix, Family: name})
			continue
		}
		pin, ok := packs.Pin(senders[network])
		if !ok {
			errs = append(errs, fmt.Errorf("packs.senders.%s: %w", network, packs.Unknown(senders[network])))
		}
		all = append(all, ingest.Pin{Prefix: prefix, Pack: pin})
	}
	return all, errors.Join(errs...)
}

// onLinux returns the packs whose option on_linux is turned on. The other options are rules.
func onLinux(options []string, packs *matcher.Set, inForce []pack.Pack) ([]string, error) {
	var names []string
	var errs []error
	for _, option := range options {
		name, what, _ := strings.Cut(option, ".")
		_, ok := packs.Pin(name)
		known, rule := isOption(inForce, name, what)
		switch {
		case rule:
		case !ok && !known:
			errs = append(errs, fmt.Errorf("packs.options: %w", packs.Unknown(name)))
		case what != "on_linux" || !packs.OnLinux(name):
			errs = append(errs, fmt.Errorf("packs.options: the pack %s has no option %q", name, what))
		default:
			names = append(names, name)
		}
	}
	return names, errors.Join(errs...)
}
