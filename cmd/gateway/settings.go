package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/listener"
	"syslog-gateway/internal/vendor"
)

// sourceOptions translates the configured sources, in the order of their names.
func sourceOptions(c config.Config) ([]listener.SourceOptions, error) {
	var all []listener.SourceOptions
	var errs []error
	for _, name := range sourceNames(c) {
		o, err := oneSource(c, name)
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

func oneSource(c config.Config, name string) (listener.SourceOptions, error) {
	s := c.Sources[name]
	settings, err := sourceSettings(c, s)
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
	for _, t := range event.Transports() {
		if slices.Contains(s.Protocols, t.String()) {
			o.Transports = append(o.Transports, t)
		}
	}
	if slices.Contains(o.Transports, event.TLS) {
		o.TLS, err = s.TLS.Config()
	}
	return o, err
}

// sourceSettings translates what of a source may change while it is open.
func sourceSettings(c config.Config, s config.Source) (listener.Settings, error) {
	var out listener.Settings
	parser, err := vendor.New(s.Vendor)
	if err != nil {
		return out, err
	}
	overrides := make(map[string]vendor.Override, len(c.Metadata.Overrides))
	for class, o := range c.Metadata.Overrides {
		overrides[class] = vendor.Override{Index: o.Index, Sourcetype: o.Sourcetype, Source: o.Source}
	}
	profile, err := vendor.NewProfile(c.Metadata.Profile, overrides)
	if err != nil {
		return out, err
	}
	location, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return out, fmt.Errorf("timezone: %w", err)
	}
	out = listener.Settings{
		Vendor:         s.Vendor,
		Parser:         parser,
		Profile:        profile,
		Index:          s.Index,
		Sourcetype:     s.Sourcetype,
		Location:       location,
		MaxMessage:     int(s.MaxMessageSize),
		MaxConnections: s.MaxConnections,
		IdleTimeout:    s.IdleTimeout,
	}
	if out.Zones, err = zones(s.Timezones); err != nil {
		return out, err
	}
	out.Allow, err = prefixes(s.Allow)
	return out, err
}

func zones(byNet map[string]string) ([]listener.Zone, error) {
	var all []listener.Zone
	for network, name := range byNet {
		p, err := prefix(network)
		if err != nil {
			return nil, fmt.Errorf("timezones: %w", err)
		}
		location, err := time.LoadLocation(name)
		if err != nil {
			return nil, fmt.Errorf("timezones.%s: %w", network, err)
		}
		all = append(all, listener.Zone{Prefix: p, Location: location})
	}
	return all, nil
}

func prefixes(networks []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, network := range networks {
		p, err := prefix(network)
		if err != nil {
			return nil, fmt.Errorf("allow: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// prefix reads a network, or an address as the network that holds nothing else.
func prefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
