package importer

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/config"
	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/redact"
	"syslog-gateway/internal/splunk"
)

// model is what a configuration says, in the words of the gateway.
type model struct {
	product   string
	profile   string
	sources   []*source
	overrides map[string]override
	senders   map[string]string // network → pack
	hosts     [][2]string       // address, name
	hec       hec
	queueSize string
	toSplunk  bool // the statistics
	rules     []rule
	packs     []product

	unsaid, hints []Note
	told          map[Note]bool
	skipped       int

	classes  []class
	embedded []pack.Pack
	ports    int // that were named
	tries    int // rules and products, those that were refused too
}

// source is a port. Its tags are the keys of the configuration.
type source struct {
	name string
	at   Note

	Port           int               `yaml:"port"`
	Vendor         string            `yaml:"vendor"`
	Index          string            `yaml:"index,omitempty"`
	Sourcetype     string            `yaml:"sourcetype,omitempty"`
	Address        string            `yaml:"address,omitempty"`
	Protocols      []string          `yaml:"protocols,flow"`
	Timezone       string            `yaml:"timezone,omitempty"`
	Fields         map[string]string `yaml:"fields,flow,omitempty"`
	Packs          []string          `yaml:"packs,flow,omitempty"`
	MaxMessageSize string            `yaml:"max_message_size,omitempty"`
	Allow          []string          `yaml:"allow,flow,omitempty"`
	ProxyProtocol  []string          `yaml:"proxy_protocol,flow,omitempty"`
	MaxConnections int               `yaml:"max_connections,omitempty"`
	IdleTimeout    string            `yaml:"idle_timeout,omitempty"`
	ReceiveBuffer  string            `yaml:"receive_buffer,omitempty"`
	TLS            *serverTLS        `yaml:"tls,flow,omitempty"`
}

type serverTLS struct {
	CertFile     string   `yaml:"cert_file,omitempty"`
	KeyFile      string   `yaml:"key_file,omitempty"`
	ClientCAFile string   `yaml:"client_ca_file,omitempty"`
	CRLFile      string   `yaml:"crl_file,omitempty"`
	ClientNames  []string `yaml:"client_names,flow,omitempty"`
	MinVersion   string   `yaml:"min_version,omitempty"`
}

type override struct {
	Index      string `yaml:"index,omitempty"`
	Sourcetype string `yaml:"sourcetype,omitempty"`
	Source     string `yaml:"source,omitempty"`
}

type hec struct {
	endpoints  []string
	token      string
	caFile     string
	skipVerify bool
}

// class is a class of the gateway with its names in both profiles.
type class struct {
	name, pack string
	sourcetype string // profile default
	key        string // vendor_product, or vendor_product_class, of SC4S
	vendor     string // vendor_product of SC4S
}

// newModel returns an empty model that knows the classes of the gateway.
func newModel() (*model, error) {
	m := &model{}
	embedded, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	m.embedded = embedded
	set, err := matcher.Compile(nil, embedded, matcher.Options{Profile: "sc4s"})
	if err != nil {
		return nil, err
	}
	all := dialect.Classes(set)
	there, err := splunk.NewProfile("sc4s", splunk.Naming{}, all)
	if err != nil {
		return nil, err
	}
	usual, err := matcher.Compile(nil, embedded, matcher.Options{Profile: "default"})
	if err != nil {
		return nil, err
	}
	here, err := splunk.NewProfile("default", splunk.Naming{}, dialect.Classes(usual))
	if err != nil {
		return nil, err
	}
	sourcetypes := map[string]string{}
	for _, c := range dialect.Classes(usual) {
		sourcetypes[c.Name] = here.Metadata(c, splunk.SourceInfo{Vendor: dialect.Auto}).Sourcetype
	}
	for _, c := range all {
		one := class{name: c.Name, pack: c.Family, sourcetype: sourcetypes[c.Name]}
		if c.Pack != nil {
			one.pack = c.Pack.Pack.Name
		}
		names := map[string]string{}
		for _, f := range there.Metadata(c, splunk.SourceInfo{Vendor: dialect.Auto}).Fields {
			names[f.Name] = f.Value
		}
		if names["sc4s_vendor"] != "" {
			one.vendor = names["sc4s_vendor"] + "_" + names["sc4s_product"]
			one.key = one.vendor
			if names["sc4s_class"] != "" {
				one.key += "_" + names["sc4s_class"]
			}
		}
		m.classes = append(m.classes, one)
	}
	return m, nil
}

// cannot lists what the gateway cannot say.
func (m *model) cannot(at Note, format string, args ...any) {
	m.unsaid = m.note(m.unsaid, at, format, args)
}

// hint tells what to know or to do.
func (m *model) hint(at Note, format string, args ...any) {
	m.hints = m.note(m.hints, at, format, args)
}

// note adds a note. One that is there already, and those beyond the bound, are not told.
func (m *model) note(list []Note, at Note, format string, args []any) []Note {
	if len(list) > maxNotes {
		return list
	}
	if len(list) == maxNotes {
		return append(list, Note{Text: "more follows that is not told: import a part of the configuration"})
	}
	if at.Text = clean(fmt.Sprintf(format, args...)); m.told[at] {
		return list
	}
	if m.told == nil {
		m.told = map[Note]bool{}
	}
	m.told[at] = true
	return append(list, at)
}

// guid is the form of a HEC token.
var guid = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// clean makes a text of others fit to be shown: one line of a moderate length.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	text = redact.URLs(guid.ReplaceAllString(text, "<secret>"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

const maxSources = 256

// source adds a port, or a protocol to a port that is there and is the same but for that.
func (m *model) source(s source) *source {
	s.Vendor = "auto"
	if s.Port < 1 || s.Port > 65535 {
		m.cannot(s.at, "%d is no port from 1 to 65535", s.Port)
		return nil
	}
	if s.Address = strings.Trim(s.Address, "[]"); s.Address == "*" || s.Address == "0.0.0.0" || s.Address == "::" {
		s.Address = ""
	}
	if s.Address != "" {
		if _, err := netip.ParseAddr(s.Address); err != nil {
			m.cannot(s.at, "port %d: the address %q is no IP address", s.Port, s.Address)
			return nil
		}
	}
	if m.ports++; len(m.sources) == maxSources || m.ports > maxWork {
		m.cannot(s.at, "port %d: there are more than %d ports", s.Port, maxSources)
		return nil
	}
	if text := m.wrongSource(s); text != "" {
		m.cannot(s.at, "port %d: %s; the port is left out", s.Port, text)
		return nil
	}
	for _, other := range m.sources {
		if other.Port != s.Port || other.Address != s.Address && other.Address != "" && s.Address != "" {
			continue
		}
		udp := slices.Contains(s.Protocols, "udp")
		switch {
		case slices.Contains(other.Protocols, s.Protocols[0]) || !udp && len(other.Protocols) > 0 && other.Protocols[len(other.Protocols)-1] != "udp":
			if s.at == other.at {
				return other
			}
			m.cannot(s.at, "port %d is there already, for %s", s.Port, other.name)
			return nil
		case other.Address == s.Address && other.Index == s.Index && other.Sourcetype == s.Sourcetype && slices.Equal(other.Packs, s.Packs) && !m.apart(other, &s):
			if udp {
				other.Protocols = append([]string{"udp"}, other.Protocols...)
			} else {
				other.Protocols = append(other.Protocols, s.Protocols...)
			}
			other.TLS = cmp.Or(other.TLS, s.TLS)
			other.MaxConnections = cmp.Or(other.MaxConnections, s.MaxConnections)
			other.IdleTimeout = cmp.Or(other.IdleTimeout, s.IdleTimeout)
			other.ReceiveBuffer = cmp.Or(other.ReceiveBuffer, s.ReceiveBuffer)
			other.MaxMessageSize = cmp.Or(other.MaxMessageSize, s.MaxMessageSize)
			return other
		}
	}
	s.name = m.free(s.name)
	m.sources = append(m.sources, &s)
	return &s
}

// wrongSource returns what the configuration does not accept of a source.
func (m *model) wrongSource(s source) string {
	if s.TLS == nil { // all else was checked where it was read
		return ""
	}
	text, err := yaml.Marshal(&file{Sources: map[string]*source{"imported": &s}})
	if err == nil {
		_, err = config.Read("", text)
	}
	if err != nil {
		_, text, _ := strings.Cut(err.Error(), "sources.imported.")
		return text
	}
	return ""
}

// apart reports whether two protocols of a port need sources of their own.
func (m *model) apart(a, b *source) bool {
	return !slices.Equal(a.Allow, b.Allow) || !slices.Equal(a.ProxyProtocol, b.ProxyProtocol) || a.Timezone != b.Timezone || !maps.Equal(a.Fields, b.Fields)
}

// size writes a number of bytes as the configuration does.
func size(n int) string { return config.Size(n).String() }

// span writes a time as the configuration does.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// name makes a name of a-z, 0-9 and _ of a text.
func name(text, other string) string {
	text = strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "_"), "_")
	if len(text) > 40 {
		text = strings.TrimRight(text[:40], "_")
	}
	return cmp.Or(text, other)
}

// free returns a name of a source that no other has.
func (m *model) free(text string) string {
	base := name(text, "syslog")
	for n, try := 2, base; ; n++ {
		if !slices.ContainsFunc(m.sources, func(s *source) bool { return s.name == try }) {
			return try
		}
		try = base + "_" + strconv.Itoa(n)
	}
}

// network reads a network or an address; 192.0.2.7/24 is 192.0.2.0/24.
func network(text string) (string, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()).String(), true
	}
	if base, mask, ok := strings.Cut(text, "/"); ok && strings.Contains(mask, ".") {
		m, err := netip.ParseAddr(mask)
		if err != nil || !m.Is4() {
			return "", false
		}
		bits := uint32(0)
		for _, b := range m.As4() {
			bits = bits<<8 | uint32(b)
		}
		ones := 0
		for ; ones < 32 && bits&(1<<(31-ones)) != 0; ones++ {
		}
		if bits<<ones != 0 && ones < 32 {
			return "", false
		}
		text = base + "/" + strconv.Itoa(ones)
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return "", false
	}
	return p.Masked().String(), true
}

// index returns an index that Splunk can have, or lists it.
func (m *model) index(at Note, text string) string {
	if text == "" {
		return ""
	}
	if wrong := pack.WrongIndex(text); wrong != "" {
		m.cannot(at, "index: %s", wrong)
		return ""
	}
	return text
}

// generic is the sourcetype that says nothing of the product.
const generic = "syslog"

// sourcetype returns a sourcetype that Splunk can have, or lists it.
func (m *model) sourcetype(at Note, text string) string {
	switch text {
	case "":
		return ""
	case generic:
		m.hint(at, "sourcetype syslog is left out: each product gets the sourcetype of its add-on; to keep one for all, set sourcetype of the source")
		return ""
	}
	if wrong := pack.WrongSourcetype(text); wrong != "" {
		m.cannot(at, "sourcetype: %s", wrong)
		return ""
	}
	return text
}

var fieldName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,63}$`)

// field reports whether a constant can be an indexed field.
func field(name, value string) bool {
	return fieldName.MatchString(name) && !pack.OwnField(name) && value != "" && len(value) <= 256 && clean(value) == value && !strings.ContainsRune(value, '\ufffd')
}

// timezone returns an IANA zone, or lists what is none.
func (m *model) timezone(at Note, text string) string {
	if text == "" || strings.EqualFold(text, "GMT") || strings.EqualFold(text, "UTC") || text == "00:00" || text == "+00:00" {
		return ""
	}
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		m.cannot(at, "time zone %q is no IANA time zone such as Europe/Berlin", text)
		return ""
	}
	return text
}

// endpoint adds a URL of HEC. Its path is left out: the gateway appends it.
func (m *model) endpoint(at Note, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "`$") {
		m.cannot(at, "hec.endpoints: this is no URL such as https://splunk:8088")
		return
	}
	host := u.Host
	if u.Port() == "" {
		host += map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	}
	text = u.Scheme + "://" + host
	if c := config.Default(); !slices.Contains(m.hec.endpoints, text) && len(m.hec.endpoints) < 64 {
		if c.HEC.Endpoints = []string{text}; c.Validate() != nil {
			m.cannot(at, "hec.endpoints: this is no URL such as https://splunk:8088")
			return
		}
		m.hec.endpoints = append(m.hec.endpoints, text)
	}
}

// token takes the HEC token. A second one is listed.
func (m *model) token(at Note, text string) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "Splunk "); ok {
		text = strings.TrimSpace(rest)
	}
	switch {
	case text == "":
	case strings.ContainsAny(text, "`${}<>") || len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		m.cannot(at, "the HEC token is a variable or encrypted; write the token itself into the file hec_token")
	case m.hec.token != "" && m.hec.token != text:
		m.cannot(at, "a second HEC token: the gateway has one; allow it to write to all indexes")
	default:
		m.hec.token = text
	}
}
