package declaration

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"syslog-gateway/internal/infra/declaration/reader"
	"syslog-gateway/internal/infra/zone"
)

// DNS is a zone of Route 53 and the records that are to be in it.
type DNS struct {
	Zone    string // its name, without a final dot
	ZoneID  string
	Owner   string   // by which the marks of this estate are told from those of others
	Records []Record // by name, then by type
}

// Record is a declared record.
type Record struct {
	zone.Record
	Guest string // key of the guest whose address it has; "" if the values are declared
}

// Names gives the names of the records, each once.
func (d *DNS) Names() []string {
	var names []string
	for _, r := range d.Records {
		names = append(names, r.Name)
	}
	return slices.Compact(names)
}

// The bounds of Route 53 and of good sense.
const (
	defaultTTL = 300
	minTTL     = 30
	maxTTL     = 604800 // a week
	maxValues  = 100
)

var (
	zoneID    = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	ownerText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)
)

// dns reads the section dns.
type dns struct {
	report *reader.Report
	estate *Estate
}

func (b dns) read(r *reader.Object) *DNS {
	section := r.Object("dns")
	if section == nil {
		return nil
	}
	defer section.End()
	o := section.Object("route53")
	if o == nil {
		return nil
	}
	d := &DNS{
		Zone:   zone.Name(o.NeedText("zone", reader.NotEmpty, zoneRule)),
		ZoneID: o.NeedText("zone_id", pattern(zoneID, "is not the ID of a Route 53 zone", "such as Z0123456789ABCDEFGHIJ: `aws route53 list-hosted-zones` shows it")),
		Owner:  o.Text("owner", b.estate.Environment, pattern(ownerText, "cannot be the name of an owner", "use letters, digits, hyphens, dots and underscores, 63 at most")),
	}
	ttl := o.Whole("ttl", defaultTTL, minTTL, maxTTL)
	for _, en := range o.Entries("records") {
		b.record(d, en, ttl)
		en.End()
	}
	o.End()
	slices.SortStableFunc(d.Records, func(a, c Record) int { return strings.Compare(a.Name, c.Name) })
	return d
}

// record reads one entry: a guest, addresses, or another name.
func (b dns) record(d *DNS, en reader.Entry, ttl int) {
	name, what := d.name(en.Key)
	if what != "" {
		b.report.Problem(en.Value, fmt.Sprintf("the key %q %s", en.Key, what), "write the name below the zone, such as gateway; @ is the zone itself, *.NAME all names below")
	}
	if slices.ContainsFunc(d.Records, func(r Record) bool { return r.Name == name }) {
		b.report.Problem(en.Value, fmt.Sprintf("the key %q is a name that is declared already", en.Key), "give each name once")
	}
	ttl = en.Whole("ttl", ttl, minTTL, maxTTL)
	add := func(kind, guest string, values ...string) {
		d.Records = append(d.Records, Record{Guest: guest, Record: zone.Record{Name: name, Type: kind, TTL: int64(ttl), Values: values}})
	}
	kinds := 0
	if en.Get("guest") != nil {
		kinds++
		key := en.NeedText("guest")
		if address, ok := b.address(en.Object, key); ok {
			add(family(address), key, address.String())
		}
	}
	a, aaaa := b.addresses(en.Object, "a", "A"), b.addresses(en.Object, "aaaa", "AAAA")
	if en.Get("a") != nil || en.Get("aaaa") != nil {
		kinds++
	}
	if len(a) > 0 {
		add("A", "", a...)
	}
	if len(aaaa) > 0 {
		add("AAAA", "", aaaa...)
	}
	if en.Get("cname") != nil {
		kinds++
		target := en.NeedText("cname", zoneRule)
		if name == d.Zone {
			b.report.Problem(en.Place("cname"), "cannot be at the zone itself, which has other records", "use a, aaaa or guest (RFC 1034, section 3.6.2)")
		}
		if target = zone.Name(target); !strings.Contains(target, ".") {
			target += "." + d.Zone
		}
		add("CNAME", "", target+".")
	}
	if kinds != 1 {
		b.report.Problem(en.Value, "has none of guest, a, aaaa and cname, or several of them", "give one; only a and aaaa go together")
	}
}

// name completes a key; what is what is wrong with it.
func (d *DNS) name(key string) (name, what string) {
	name = zone.Name(key)
	switch {
	case key == "@":
		return d.Zone, ""
	case strings.HasSuffix(key, ".") && !zone.Within(name, d.Zone):
		return name, "is not in the zone"
	case !zone.Within(name, d.Zone):
		name += "." + d.Zone
	}
	if name != d.Zone {
		if bad, _ := domainRule(strings.TrimPrefix(name, "*.")); bad != "" {
			return name, bad
		}
	}
	return name, ""
}

// address is that of a guest, if it has a fixed one.
func (b dns) address(o *reader.Object, key string) (netip.Addr, bool) {
	guests := b.estate.Guests()
	i := slices.IndexFunc(guests, func(g *Guest) bool { return g.Key == key })
	switch {
	case i < 0:
		var keys []string
		for _, g := range guests {
			keys = append(keys, g.Key)
		}
		b.report.Problem(o.Place("guest"), o.Place("guest").Shown()+" is not a declared guest", reader.DidYouMean(key, keys))
	case guests[i].Address.DHCP:
		b.report.Problem(o.Place("guest"), o.Place("guest").Shown()+" has its address by DHCP, which is not known here", "give the guest an address, or leave the record to the DHCP server")
	case guests[i].Fixed().IsValid():
		return guests[i].Fixed(), true
	case guests[i].Address.None:
		b.report.Problem(o.Place("guest"), o.Place("guest").Shown()+" has its IPv6 address from the network, which is not known here", "give the guest an address in ip6")
	}
	return netip.Addr{}, false
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}

// addresses reads a list of addresses of one family, each once.
func (b dns) addresses(o *reader.Object, key, want string) []string {
	v := o.Get(key)
	if v == nil {
		return nil
	}
	var out []string
	for _, s := range o.Texts(key, nil, func(s string) (string, string) {
		if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" || a.Is4In6() || family(a) != want {
			return "is not an address for " + want, ""
		}
		return "", ""
	}) {
		if a, err := netip.ParseAddr(s); err == nil && !slices.Contains(out, a.String()) {
			out = append(out, a.String())
		}
	}
	if v.Kind == reader.KindList && (len(v.Items) == 0 || len(v.Items) > maxValues) {
		b.report.Problem(v, fmt.Sprintf("has %d addresses", len(v.Items)), fmt.Sprintf("give 1 to %d", maxValues))
	}
	return out
}

// zoneRule wants a DNS name with labels for services, too (_acme-challenge).
func zoneRule(s string) (string, string) {
	if s == "." {
		return "is the root of all names", "name a zone"
	}
	var labels []string
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		labels = append(labels, strings.TrimPrefix(label, "_"))
	}
	return domainRule(strings.Join(labels, "."))
}
