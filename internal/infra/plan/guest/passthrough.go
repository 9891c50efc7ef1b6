package guest

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/live"
	"syslog-gateway/internal/infra/pve"
)

// deviceKeys are the keys of the devices of the node in a VM, by their type.
var deviceKeys = map[string]string{"pci": "hostpci", "usb": "usb"}

// deviceSet is a device that is set: from is what is there, "" for none.
type deviceSet struct {
	key, from, to string
	root          bool // only root@pam may
}

// place is the type of the device, and its number among those of the VM.
func (s deviceSet) place() (kind string, number int) {
	for kind, prefix := range deviceKeys {
		if rest, ok := strings.CutPrefix(s.key, prefix); ok {
			number, _ := strconv.Atoi(rest) // hostDevices made it
			return kind, number
		}
	}
	return "", 0
}

// hostDevices compares the declared devices of the node with those in a configuration, by
// their names. undeclared are the others, by key. A device for which no key is free gets one
// that Proxmox VE does not have: see [delta.devices].
func hostDevices(devices []declaration.HostDevice, conf pve.Config) (set []deviceSet, undeclared map[string]string) {
	keys := map[string]string{} // TYPE/NAME -> key
	for kind, prefix := range deviceKeys {
		for i := range declaration.MaxHostDevices[kind] {
			if key := prefix + strconv.Itoa(i); conf[key] != "" {
				keys[kind+"/"+liveDevice(kind, conf[key])] = key
			}
		}
	}
	taken := map[string]bool{}
	for _, dev := range devices {
		name := dev.Type + "/" + dev.Name()
		key := keys[name]
		delete(keys, name)
		for i := 0; key == ""; i++ {
			if free := deviceKeys[dev.Type] + strconv.Itoa(i); conf[free] == "" && !taken[free] {
				key = free
			}
		}
		taken[key] = true
		if want, differs := hostDevice(dev, conf[key]); differs {
			set = append(set, deviceSet{key, conf[key], want, dev.Mapping == ""})
		}
	}
	undeclared = map[string]string{}
	for name, key := range keys {
		_, undeclared[key], _ = strings.Cut(name, "/")
	}
	return set, undeclared
}

// liveDevice is what a live device is called, in the form of the declaration.
func liveDevice(kind, value string) string {
	p := pve.ParseProps(value, "host")
	if name := p.Get("mapping"); name != "" {
		return name
	}
	host := strings.ReplaceAll(strings.ToLower(p.Default()), "0x", "")
	if kind == "pci" && strings.Count(host, ":") == 1 {
		host = "0000:" + host
	}
	return host
}

// hostDevice is the value of a device, and whether it differs from the live one. Options that
// are not declared stay.
func hostDevice(dev declaration.HostDevice, have string) (value string, differs bool) {
	p, want := pve.ParseProps(have, "host"), pve.ParseProps(dev.Options, "")
	if differs = have == ""; differs && dev.Mapping != "" {
		p.Set("mapping", dev.Mapping)
	} else if differs {
		p.Set("host", dev.Host)
	}
	for _, option := range want.Keys() {
		def := map[string]string{"pcie": "0", "x-vga": "0", "usb3": "0", "rombar": "1"}[option]
		if cmp.Or(p.Get(option), def) != want.Get(option) {
			differs = true
			p.Set(option, want.Get(option))
		}
	}
	return p.String(), differs
}

// ofRoot are the devices that only root@pam itself may give a new VM.
func (v *vm) ofRoot(conf pve.Config) url.Values {
	values := url.Values{}
	set, _ := hostDevices(v.Devices, conf)
	for _, s := range set {
		if s.root {
			values.Set(s.key, s.to)
		}
	}
	return values
}

// devices compares the devices of the node. Undeclared ones stay.
func (d *delta) devices(v *declaration.VM, lv *live.Guest) {
	set, undeclared := hostDevices(v.Devices, lv.Conf)
	for _, s := range set {
		if kind, i := s.place(); i >= declaration.MaxHostDevices[kind] {
			d.block("the VM has no free place for the %s device %s: it has %d, some of which are not declared; take one off by hand", kind, s.to, declaration.MaxHostDevices[kind])
			continue
		}
		d.differs(s.key, s.from, s.to, "")
		if s.root {
			d.asRoot.Set(s.key, s.to)
			continue
		}
		d.set.Set(s.key, s.to)
		if strings.HasPrefix(s.key, "hostpci") {
			d.restarts(lv)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(undeclared)) {
		d.addNote("the device %s (%s) is not declared and stays", undeclared[key], key)
	}
}
