// Package wiring translates the configuration into what each part of the gateway is
// given. It opens nothing, and what a key means is decided in package config.
package wiring

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/status"
)

// Source is a configured source.
type Source struct {
	Name       string
	Config     config.Source
	Settings   ingest.Settings
	Transports []ledger.Transport
}

// Input is the configured sources, sorted by name, and the packs that recognise their
// messages.
type Input struct {
	Sources []Source
	Packs   status.Packs
	Rules   *rules.Set // nil if there are none
}

// Sources returns the sources of NewInput.
func Sources(c config.Config) ([]Source, error) {
	in, err := NewInput(c)
	return in.Sources, err
}

// NewInput reads the packs and makes all sources. The error names all problems.
func NewInput(c config.Config) (Input, error) {
	names, err := newNaming(c)
	if err != nil {
		return Input{}, err
	}
	var all []Source
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s, err := newSource(name, c.Sources[name], names)
		if err != nil {
			errs = append(errs, fmt.Errorf("sources.%s: %w", name, err))
			continue
		}
		all = append(all, s)
	}
	return Input{all, names.loaded, names.rules}, errors.Join(errs...)
}

// ClassNames returns the names of all classes that messages can have.
func ClassNames(c config.Config) ([]string, error) {
	loaded, err := loadPacks(c)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, class := range dialect.Classes(loaded.set) {
		names = append(names, class.Name)
	}
	return names, nil
}

// Settings returns how messages of one source are read.
func Settings(c config.Config, source string) (ingest.Settings, error) {
	names, err := newNaming(c)
	if err != nil {
		return ingest.Settings{}, err
	}
	return names.settings(c.Sources[source])
}

func newSource(name string, c config.Source, names naming) (Source, error) {
	settings, err := names.settings(c)
	if err != nil {
		return Source{}, err
	}
	s := Source{Name: name, Config: c, Settings: settings}
	for _, t := range ledger.Transports() {
		if slices.Contains(c.Protocols, t.String()) {
			s.Transports = append(s.Transports, t)
		}
	}
	return s, nil
}

// naming is the section metadata, which is the same for all sources.
type naming struct {
	profile *splunk.Profile
	keep    map[string]int
	hosts   map[netip.Addr]string
	packs   *matcher.Set
	loaded  status.Packs
	pins    []ingest.Pin
	rules   *rules.Set
}

// newNaming reads the section metadata and the hosts file.
func newNaming(c config.Config) (naming, error) {
	overrides := make(map[string]splunk.Override, len(c.Metadata.Overrides))
	for class, o := range c.Metadata.Overrides {
		overrides[class] = splunk.Override{Index: o.Index, Sourcetype: o.Sourcetype, Source: o.Source}
	}
	loaded, wrongPacks := loadPacks(c)
	if loaded.set == nil {
		return naming{}, wrongPacks
	}
	packs := loaded.set
	pins, wrongPins := pins(c.Packs.Senders, packs)
	onLinux, wrongOptions := onLinux(c.Packs.Options, packs, loaded.inForce)
	classes := dialect.Classes(packs)
	profile, wrongNames := splunk.NewProfile(c.Metadata.Profile, splunk.Naming{
		Overrides: overrides, Indexes: c.Metadata.Indexes, OnLinux: onLinux,
	}, classes)
	keep, wrongClasses := keepRules(c.Metadata, classes)
	hosts, wrongHosts := c.Metadata.Hosts()
	if wrongHosts != nil {
		wrongHosts = fmt.Errorf("metadata.hosts_file: %w", wrongHosts)
	}
	if err := errors.Join(wrongPacks, wrongPins, wrongOptions, wrongNames, wrongClasses, wrongHosts); err != nil {
		return naming{}, err
	}
	return naming{profile, keep, hosts, packs, loaded.shown, pins, loaded.rules}, nil
}

// keepRules returns N for each sampled class, of which one message in N is kept, and 0
// for each dropped class.
func keepRules(m config.Metadata, classes []dialect.Class) (map[string]int, error) {
	keep := make(map[string]int, len(m.Drop)+len(m.Sample))
	known := make(map[string]bool, len(classes))
	for i := range classes {
		known[classes[i].Name] = true
	}
	var errs []error
	for _, class := range m.Drop {
		if !known[class] {
			errs = append(errs, fmt.Errorf("metadata.drop: %w", dialect.Unknown(class, classes)))
		}
		keep[class] = 0
	}
	for _, class := range slices.Sorted(maps.Keys(m.Sample)) {
		if !known[class] {
			errs = append(errs, fmt.Errorf("metadata.sample: %w", dialect.Unknown(class, classes)))
		}
		keep[class] = m.Sample[class]
	}
	return keep, errors.Join(errs...)
}

// settings returns the settings of a source that can change while it is open.
func (n naming) settings(s config.Source) (ingest.Settings, error) {
	var out ingest.Settings
	parser, err := dialect.New(s.Vendor, n.packs, s.Packs...)
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
		Packs:          s.Packs,
		Pins:           n.pins,
		Rules:          n.rules,
		Index:          s.Index,
		Sourcetype:     s.Sourcetype,
		Location:       location,
		MaxMessage:     int(s.MaxMessageSize),
		MaxConnections: s.MaxConnections,
		IdleTimeout:    s.IdleTimeout,
		RELP:           ingest.RELP{Due: due(s.RELP.Ack), MaxUnacked: s.RELP.MaxUnacked},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		out.Fields = append(out.Fields, splunk.Field{Name: name, Value: s.Fields[name]})
	}
	if out.Zones, err = zones(s.Timezones); err != nil {
		return out, err
	}
	if out.Allow, err = prefixes("allow", s.Allow); err != nil {
		return out, err
	}
	out.Proxies, err = prefixes("proxy_protocol", s.ProxyProtocol)
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

func prefixes(key string, networks []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, network := range networks {
		p, err := config.Network(network)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// due is when a message by RELP is answered, as the configuration says it.
func due(ack string) event.Due {
	switch ack {
	case config.Secured:
		return event.Secured
	case config.Synced:
		return event.Synced
	}
	return event.Queued
}
