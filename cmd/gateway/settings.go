package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener"
	"syslog-gateway/internal/splunk"
)

// sourceOptions returns the options of all sources, sorted by name.
func sourceOptions(c config.Config) ([]listener.SourceOptions, error) {
	names, err := newNaming(c)
	if err != nil {
		return nil, err
	}
	var all []listener.SourceOptions
	var errs []error
	for _, name := range sourceNames(c) {
		o, err := oneSource(c.Sources[name], name, names)
		if err != nil {
			errs = append(errs, fmt.Errorf("sources.%s: %w", name, err))
			continue
		}
		all = append(all, o)
	}
	return all, errors.Join(errs...)
}

func sourceNames(c config.Config) []string {
	names := make([]string, 0, len(c.Sources))
	for name := range c.Sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func oneSource(s config.Source, name string, names naming) (listener.SourceOptions, error) {
	settings, err := names.settings(s)
	if err != nil {
		return listener.SourceOptions{}, err
	}
	o := listener.SourceOptions{
		Name:          name,
		Address:       s.Address,
		Port:          s.Port,
		ReceiveBuffer: int(s.ReceiveBuffer),
		Settings:      settings,
	}
	for _, t := range ledger.Transports() {
		if slices.Contains(s.Protocols, t.String()) {
			o.Transports = append(o.Transports, t)
		}
	}
	if slices.Contains(o.Transports, ledger.TLS) {
		o.TLS, err = s.TLS.Config()
	}
	return o, err
}

// naming is the section metadata, which is the same for all sources.
type naming struct {
	profile *splunk.Profile
	keep    map[dialect.ClassID]int
	hosts   map[netip.Addr]string
}

// newNaming reads the section metadata and the hosts file.
func newNaming(c config.Config) (naming, error) {
	overrides := make(map[string]splunk.Override, len(c.Metadata.Overrides))
	for class, o := range c.Metadata.Overrides {
		overrides[class] = splunk.Override{Index: o.Index, Sourcetype: o.Sourcetype, Source: o.Source}
	}
	profile, err := splunk.NewProfile(c.Metadata.Profile, overrides)
	if err != nil {
		return naming{}, err
	}
	keep, err := keepRules(c.Metadata)
	if err != nil {
		return naming{}, err
	}
	hosts, err := c.Metadata.Hosts()
	if err != nil {
		return naming{}, fmt.Errorf("metadata.hosts_file: %w", err)
	}
	return naming{profile, keep, hosts}, nil
}

// keepRules returns N for each sampled class, of which one message in N is kept, and 0
// for each dropped class.
func keepRules(m config.Metadata) (map[dialect.ClassID]int, error) {
	keep := make(map[dialect.ClassID]int, len(m.Drop)+len(m.Sample))
	var errs []error
	for _, class := range m.Drop {
		id, err := dialect.ClassNamed(class)
		if err != nil {
			errs = append(errs, fmt.Errorf("metadata.drop: %w", err))
			continue
		}
		keep[id] = 0
	}
	for _, class := range slices.Sorted(maps.Keys(m.Sample)) {
		id, err := dialect.ClassNamed(class)
		if err != nil {
			errs = append(errs, fmt.Errorf("metadata.sample: %w", err))
			continue
		}
		keep[id] = m.Sample[class]
	}
	return keep, errors.Join(errs...)
}

// settings returns the settings of a source that can change while it is open.
func (n naming) settings(s config.Source) (ingest.Settings, error) {
	var out ingest.Settings
	parser, err := dialect.New(s.Vendor)
	if err != nil {
		return out, err
	}
	location, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return out, fmt.Errorf("timezone: %w", err)
	}
	out = ingest.Settings{
		Vendor:         s.Vendor,
		Parser:         parser,
		Profile:        n.profile,
		Keep:           n.keep,
		Hosts:          n.hosts,
		Index:          s.Index,
		Sourcetype:     s.Sourcetype,
		Location:       location,
		MaxMessage:     int(s.MaxMessageSize),
		MaxConnections: s.MaxConnections,
		IdleTimeout:    s.IdleTimeout,
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		out.Fields = append(out.Fields, splunk.Field{Name: name, Value: s.Fields[name]})
	}
	if out.Zones, err = zones(s.Timezones); err != nil {
		return out, err
	}
	out.Allow, err = prefixes(s.Allow)
	return out, err
}

func zones(byNet map[string]string) ([]ingest.Zone, error) {
	var all []ingest.Zone
	for network, name := range byNet {
		p, err := config.Network(network)
		if err != nil {
			return nil, fmt.Errorf("timezones: %w", err)
		}
		location, err := time.LoadLocation(name)
		if err != nil {
			return nil, fmt.Errorf("timezones.%s: %w", network, err)
		}
		all = append(all, ingest.Zone{Prefix: p, Location: location})
	}
	return all, nil
}

func prefixes(networks []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, network := range networks {
		p, err := config.Network(network)
		if err != nil {
			return nil, fmt.Errorf("allow: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}
