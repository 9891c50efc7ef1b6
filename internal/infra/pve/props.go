package pve

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Props is a property string, such as "local:101/vm-101-disk-0.raw,size=8G": keys with
// values in their order. The node writes them back in an order of its own, so they are
// compared as maps (Equal), never as text.
type Props struct {
	keys       []string
	values     map[string]string
	defaultKey string
}

// ParseProps reads a property string. A part without a key is the value of defaultKey
// (file for a VM's disk, volume for a mount point, …). It takes whatever comes: a key
// given twice has its last value, and empty items are dropped.
func ParseProps(s, defaultKey string) Props {
	p := Props{defaultKey: defaultKey}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			key, value = defaultKey, part
		}
		p.Set(key, value)
	}
	return p
}

// netModels are the models of a VM's network card; as a key the value is its MAC address.
var netModels = []string{
	"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "e1000-82540em", "e1000-82544gc", "e1000-82545em",
	"i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet",
}

// ParseNet reads a VM's net property, which is written "virtio=MAC,bridge=…": the model
// is under model and the address under macaddr, as in the property's documentation.
func ParseNet(s string) Props {
	p := ParseProps(s, "model")
	for _, m := range netModels {
		mac, ok := p.values[m]
		if !ok {
			continue
		}
		p.Delete(m)
		p.Set("model", m)
		p.Set("macaddr", mac)
	}
	return p
}

// Set gives key a value: in its place, or at the end.
func (p *Props) Set(key, value string) {
	if p.values == nil {
		p.values = make(map[string]string)
	}
	if _, ok := p.values[key]; !ok {
		p.keys = append(p.keys, key)
	}
	p.values[key] = value
}

// Delete takes keys out.
func (p *Props) Delete(keys ...string) {
	for _, k := range keys {
		delete(p.values, k)
	}
	p.keys = slices.DeleteFunc(p.keys, func(k string) bool { return slices.Contains(keys, k) })
}

// Clone is a copy that shares nothing.
func (p Props) Clone() Props {
	return Props{keys: slices.Clone(p.keys), values: maps.Clone(p.values), defaultKey: p.defaultKey}
}

// Keys are in the order of the string.
func (p Props) Keys() []string { return slices.Clone(p.keys) }

// Has reports whether key is set.
func (p Props) Has(key string) bool { _, ok := p.values[key]; return ok }

// Get is a value, "" when unset.
func (p Props) Get(key string) string { return p.values[key] }

// Default is the value of the default key.
func (p Props) Default() string { return p.values[p.defaultKey] }

// Int is a value as an integer; false where it is none.
func (p Props) Int(key string) (int, bool) {
	n, err := strconv.Atoi(p.values[key])
	return n, err == nil
}

// Bool is a value as a boolean; def when unset.
func (p Props) Bool(key string, def bool) bool { return Config(p.values).Bool(key, def) }

// Map is a copy as a map.
func (p Props) Map() map[string]string {
	if p.values == nil {
		return map[string]string{}
	}
	return maps.Clone(p.values)
}

// Len is how many keys are set.
func (p Props) Len() int { return len(p.keys) }

// Equal compares keys and values, not their order.
func (p Props) Equal(o Props) bool { return maps.Equal(p.values, o.values) }

// String writes the property string: the default key's value first and bare, then the
// rest in its order.
func (p Props) String() string {
	items := make([]string, 0, len(p.keys))
	for _, k := range p.keys {
		v := p.values[k]
		if k == p.defaultKey && !strings.Contains(v, "=") && v != "" {
			items = slices.Insert(items, 0, v)
			continue
		}
		items = append(items, k+"="+v)
	}
	return strings.Join(items, ",")
}

// Flag is how Proxmox VE writes a boolean.
func Flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
