package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/testkit"
)

// ansibleInventory is Ansible's own reader; that it is missing fails the test.
func ansibleInventory(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Fatal("ansible-inventory is not on this machine: install Debian's package ansible-core, or run .ci/tools")
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_HOME="+t.TempDir(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	testkit.Lacks(t, "what Ansible says", errs.String(), "WARNING")
	return out.String()
}

// forms are all that Ansible can read, each in a file of its own.
func forms(t *testing.T, inv *Inventory) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		testkit.Must(t, os.WriteFile(path, text, mode))
		return path
	}
	answer := write("answer", testkit.Try(inv.List(AnsibleOptions{}))(t), 0o644)
	return map[string]string{
		"YAML":    write("static.yml", testkit.Try(inv.AnsibleYAML(AnsibleOptions{}))(t), 0o644),
		"JSON":    write("static.json", testkit.Try(inv.AnsibleJSON(AnsibleOptions{}))(t), 0o644),
		"dynamic": write("dynamic", []byte("#!/bin/sh\n[ \"$1\" = --list ] || exit 1\nexec cat "+answer+"\n"), 0o755),
	}
}

// Ansible itself lists and graphs every form, without a warning, and finds the same.
func TestAnsibleReadsEveryForm(t *testing.T) {
	inv := build(t, small())
	var lists []any
	for form, path := range forms(t, inv) {
		var doc map[string]any
		testkit.Must(t, json.Unmarshal([]byte(ansibleInventory(t, "-i", path, "--list")), &doc))
		vars := doc["_meta"].(map[string]any)["hostvars"].(map[string]any)
		gateway := vars["syslog-gateway-01"].(map[string]any)
		if gateway["container_ip"] != "10.20.30.175" || gateway["terraform_data"].(map[string]any)["domain"] != "lab.example" {
			t.Errorf("%s: variables %v", form, gateway)
		}
		lists = append(lists, vars)
		graph := ansibleInventory(t, "-i", path, "--graph")
		testkit.Holds(t, form+": the graph", graph, "@syslog_gateway_group:", "@lxc_containers:", "@splunk_vms:", "--splunk", "@pool_logging:")
	}
	for _, l := range lists[1:] {
		if text(l) != text(lists[0]) {
			t.Errorf("two forms differ:\n%s\n%s", text(l), text(lists[0]))
		}
	}
}

func TestAnsibleReadsAnEmptyEstate(t *testing.T) {
	e := small()
	e.Containers, e.VMs, e.Splunk = nil, nil, nil
	for form, path := range forms(t, build(t, e)) {
		var doc struct {
			All struct{ Children []string }
		}
		testkit.Must(t, json.Unmarshal([]byte(ansibleInventory(t, "-i", path, "--list")), &doc))
		if !slices.Contains(doc.All.Children, "lxc_containers") {
			t.Errorf("%s: groups %v", form, doc.All.Children)
		}
	}
}

// TestIPv6 has guests with both families, with IPv6 alone, and with addresses that the network
// gives: ansible_host is the one that is declared, without prefix and brackets, as ssh takes it.
func TestIPv6(t *testing.T) {
	e := small()
	none := declaration.Address{None: true}
	for _, g := range []struct {
		key     string
		address declaration.Address
		ip6     string
	}{
		{"both", e.Containers[0].Address, "fd00:10::7/64"}, {"only6", none, "2001:db8::7/64"}, {"slaac", none, "auto"},
		{"dhcp6", declaration.Address{DHCP: true}, "fd00:10::8/64"},
	} {
		guest := e.Containers[0].Guest
		guest.Key, guest.Name, guest.VMID, guest.Address, guest.IP6, guest.Domain = g.key, g.key, 300+len(e.Containers), g.address, g.ip6, "lab.example"
		e.Containers = append(e.Containers, declaration.Container{Guest: guest})
		guest.Key, guest.Name, guest.VMID, guest.Kind = "vm-"+g.key, "vm-"+g.key, guest.VMID+100, declaration.QEMU
		e.VMs = append(e.VMs, declaration.VM{Guest: guest, User: "debian"})
	}
	inv := build(t, e)
	testkit.Equal(t, "problems of the document", len(testkit.Try(Check(document(t, e)))(t)), 0)
	for form, path := range forms(t, inv) {
		var doc struct {
			Meta struct{ Hostvars map[string]map[string]any } `json:"_meta"`
		}
		testkit.Must(t, json.Unmarshal([]byte(ansibleInventory(t, "-i", path, "--list")), &doc))
		for key, want := range map[string][2]any{
			"both": {"10.20.30.107", "fd00:10::7"}, "only6": {"2001:db8::7", "2001:db8::7"}, "slaac": {"slaac.lab.example", nil},
			"dhcp6": {"dhcp6.lab.example", "fd00:10::8"}, "minio": {"10.20.30.107", nil},
		} {
			vars := doc.Meta.Hostvars[key]
			if vars["ansible_host"] != want[0] || vars["container_ip"] != want[0] || vars["ip6"] != want[1] {
				t.Errorf("%s: %s has %v", form, key, vars)
			}
			if key == "minio" {
				continue
			}
			vars = doc.Meta.Hostvars["vm-"+key]
			host := want[0]
			if name, ok := host.(string); ok && (key == "slaac" || key == "dhcp6") {
				host = "vm-" + name
			}
			if vars["ansible_host"] != host || vars["ip6"] != want[1] {
				t.Errorf("%s: vm-%s has %v", form, key, vars)
			}
		}
	}
	testkit.Holds(t, "the old schema", strings.Join(testkit.Try(CheckLegacy(document(t, e)))(t), "\n"), `"ip6" is not allowed`)
}
