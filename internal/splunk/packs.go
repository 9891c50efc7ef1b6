package splunk

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/matcher"
)

// pack returns the names of the profile default for a class of a pack. On a Linux port the
// programs of servers keep the names that all programs have there.
func (p *Profile) pack(class dialect.Class, src SourceInfo) Metadata {
	c := class.Pack
	if c.Soft && src.Vendor == linuxFamily && !slices.Contains(p.OnLinux, c.Pack.Name) && !slices.Contains(src.Packs, c.Pack.Name) {
		m := p.standard(dialect.LinuxSyslog.Class(), src)
		m.Fields = fields("vendor_product", class.Product, "class", class.Name)
		return m
	}
	m := Metadata{
		Sourcetype:           c.Names.Sourcetype,
		Index:                cmp.Or(p.index(c.Names.Role), c.Names.Index, src.Index),
		Source:               cmp.Or(c.Names.Source, "syslog:"+strconv.Itoa(src.Port)),
		SourceFromResult:     c.SourceOpen,
		SourcetypeFromResult: c.SourcetypeOpen,
		Fields:               fields("vendor_product", class.Product, "class", class.Name),
	}
	if c.SourceOpen {
		m.Source = c.Names.Source
	}
	if c.FieldsFromCEF {
		m.CEF = [...]string{"device_vendor", "device_product", "signature_id"}
	}
	m.addFields(c)
	return m
}

const linuxFamily = "linux"

// packSC4S returns the names of the profile sc4s for a class of a pack.
func packSC4S(c *matcher.Class) Metadata {
	m := Metadata{
		Sourcetype:           c.Names.Sourcetype,
		Index:                c.Names.Role,
		Source:               cmp.Or(c.Names.Source, "sc4s"),
		SourceFromResult:     c.SourceOpen,
		SourcetypeFromResult: c.SourcetypeOpen,
	}
	if c.SourceOpen {
		m.Source = c.Names.Source
	}
	if c.FieldsFromCEF {
		m.CEF = [...]string{"sc4s_vendor", "sc4s_product", "sc4s_class"}
	} else {
		m.Fields = fields("sc4s_vendor", c.Names.Vendor, "sc4s_product", c.Names.Product, "sc4s_class", c.Names.Class)
	}
	m.addFields(c)
	return m
}

// addFields adds the fields that the class has of its own, in order.
func (m *Metadata) addFields(c *matcher.Class) {
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		m.Fields = append(m.Fields, Field{name, c.Fields[name]})
	}
}
