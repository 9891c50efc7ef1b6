package declaration

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/testkit"
)

// FuzzLoad feeds declarations of any kind. There is an estate or there are problems,
// never both and never neither; and in an estate everything hangs together.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"full", "small"} {
		data := testkit.Try(os.ReadFile(filepath.Join("testdata", name, "deployment.json")))(f)
		f.Add(data)
	}
	f.Add([]byte(`{"network_prefix": "10.1.2", "network_cidr_mask": "/25", "splunk_vm_id": 126, "splunk_vm": {"ip": "10.1.2.5/30", "gateway": "10.1.2.6"}}`))
	f.Add([]byte(`{"network_prefix": "10.1.2", "containers": {"a": {"vm_id": 101, "hostname": "a", "dhcp": true, "startup": "dns", "network_interfaces": [{}, {}]}}, "host_services": {}}`))
	f.Add([]byte(`{"network_prefix": "10.1.2", "vms": {"a": {"vm_id": 101, "name": "a", "ip": "none", "ip6": "fd00::7/64", "machine": "q35", "devices": [{"type": "pci", "host": "01:00", "pcie": true}]}}}`))
	f.Add([]byte(`{"a": 1e999, "b": [[[]]], "c": "\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "deployment.json")
		testkit.Must(t, os.WriteFile(path, data, 0o600))
		e, err := Load(t.Context(), Options{Deployment: path})
		if err != nil {
			var ps Problems
			if e != nil || !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("estate %v, error %#v", e != nil, err)
			}
			return
		}
		ids, addresses := make(map[int]bool), make(map[netip.Addr]bool)
		for _, g := range e.Guests() {
			if g.VMID < minVMID || ids[g.VMID] || g.Name == "" || len(g.NICs) == 0 || g.Address.None && g.IP6 == "" ||
				b2i(g.Address.DHCP)+b2i(g.Address.None)+b2i(g.Address.CIDR.IsValid()) != 1 {
				t.Errorf("%+v", g)
			}
			ids[g.VMID] = true
			if a := g.Address.CIDR; a.IsValid() {
				if addresses[a.Addr()] || !a.Contains(g.Address.Gateway) || a.Addr() == g.Address.Gateway {
					t.Errorf("%s: %+v", g.Key, g.Address)
				}
				addresses[a.Addr()] = true
			}
			if _, ok := e.Firewall.Class(g.Class); g.Class != "" && !ok {
				t.Errorf("%s: class %s is not there", g.Key, g.Class)
			}
		}
		for _, g := range e.Firewall.Groups {
			for _, r := range g.Rules {
				if r.Source == "" && r.Dest == "" {
					t.Errorf("group %s: %+v is open to all", g.Name, r)
				}
			}
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
