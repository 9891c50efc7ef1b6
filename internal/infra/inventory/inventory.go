package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/infra/declaration"
)

// The connection plugins that guests are reached with.
const (
	pctRemote = "community.proxmox.proxmox_pct_remote" // pct exec, over SSH to the node
	sshPlugin = "ssh"
)

// splunkKey is the name of the Splunk VM in the document, whatever its host name.
const splunkKey = "splunk"

// Inventory is the document that consumers load as terraform_inventory.json.
type Inventory struct {
	Containers   map[string]Container  `json:"containers"`
	VMs          map[string]VM         `json:"vms"`
	DockerVMs    map[string]VM         `json:"docker_vms"` // those of VMs tagged docker
	SplunkVM     map[string]Splunk     `json:"splunk_vm"`  // empty where none is declared
	Constants    declaration.Constants `json:"constants"`
	HostServices json.RawMessage       `json:"host_services"`
	Domain       string                `json:"domain"`

	users map[string]string // of VMs, by key; not in the document
}

// Container is an LXC guest.
type Container struct {
	VMID       int      `json:"vmid"`
	Hostname   string   `json:"hostname"`
	IP         string   `json:"ip"` // without mask; that of IPv6 if there is only that; the DNS name where the network gives the address
	Node       string   `json:"node"`
	Connection string   `json:"ansible_connection"`
	PctVMID    int      `json:"ansible_pct_vmid"`
	IP6        string   `json:"ip6,omitempty"` // without prefix, where it is declared
	Tags       []string `json:"tags"`
	PoolID     string   `json:"pool_id,omitempty"`
}

// VM is a QEMU guest other than Splunk.
type VM struct {
	VMID       int      `json:"vmid"`
	Hostname   string   `json:"hostname"`
	IP         string   `json:"ip"`
	Node       string   `json:"node"`
	Connection string   `json:"ansible_connection"`
	IP6        string   `json:"ip6,omitempty"`
	Tags       []string `json:"tags"`
	PoolID     string   `json:"pool_id,omitempty"`
}

// Splunk is the Splunk VM.
type Splunk struct {
	VMID       int    `json:"vmid"`
	Hostname   string `json:"hostname"`
	IP         string `json:"ip"`
	Node       string `json:"node"`
	Connection string `json:"ansible_connection"`
}

// Build makes the document of an estate. An error names the key that two guests share.
func Build(e *declaration.Estate) (*Inventory, error) {
	inv := &Inventory{
		Containers: make(map[string]Container), VMs: make(map[string]VM),
		DockerVMs: make(map[string]VM), SplunkVM: make(map[string]Splunk),
		Constants: declaration.Ports(), Domain: e.Domain, users: make(map[string]string),
	}
	var err error
	if inv.HostServices, err = hostServices(e.HostServices); err != nil {
		return nil, err
	}
	for _, c := range e.Containers {
		inv.Containers[c.Key] = Container{
			VMID: c.VMID, Hostname: c.Name, IP: c.Host(), Node: c.Node, Connection: pctRemote,
			PctVMID: c.VMID, IP6: ip6(&c.Guest), Tags: tags(&c.Guest), PoolID: c.Pool,
		}
	}
	for _, v := range e.VMs {
		vm := VM{VMID: v.VMID, Hostname: v.Name, IP: v.Host(), Node: v.Node,
			Connection: sshPlugin, IP6: ip6(&v.Guest), Tags: tags(&v.Guest), PoolID: v.Pool}
		inv.VMs[v.Key] = vm
		inv.users[v.Key] = v.User
		if slices.Contains(v.Tags, "docker") {
			inv.DockerVMs[v.Key] = vm
		}
	}
	if v := e.Splunk; v != nil {
		inv.SplunkVM[splunkKey] = Splunk{VMID: v.VMID, Hostname: v.Name, IP: v.Host(), Node: v.Node, Connection: sshPlugin}
		inv.users[splunkKey] = v.User
	}
	return inv, inv.uniqueKeys()
}

// uniqueKeys: a key is the name of an Ansible host, and there is one name space.
func (inv *Inventory) uniqueKeys() error {
	for key := range inv.VMs {
		if _, ok := inv.Containers[key]; ok {
			return fmt.Errorf("inventory: a container and a VM are both called %q, and Ansible knows one host of a name: rename one", key)
		}
	}
	if len(inv.SplunkVM) == 0 {
		return nil
	}
	_, container := inv.Containers[splunkKey]
	if _, vm := inv.VMs[splunkKey]; vm || container {
		return fmt.Errorf("inventory: a guest is called %q, which is the name of the Splunk VM: rename it", splunkKey)
	}
	return nil
}

// ip6 is the declared IPv6 address, "" for none.
func ip6(g *declaration.Guest) string {
	if a := g.Fixed6(); a.IsValid() {
		return a.String()
	}
	return ""
}

// tags never is null in the document.
func tags(g *declaration.Guest) []string {
	return append([]string{}, g.Tags...)
}

// hostServices hands on what was declared, without services that are null.
func hostServices(raw json.RawMessage) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("{}"), nil
	}
	var services map[string]json.RawMessage
	if err := json.Unmarshal(raw, &services); err != nil {
		return nil, fmt.Errorf("inventory: host_services is not an object: %w", err)
	}
	for name, service := range services {
		if string(service) == "null" {
			delete(services, name)
		}
	}
	if services == nil { // it was null
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(services)
}

// JSON is the document as consumers load it: the bare object on one line, keys sorted,
// with a newline.
func (inv *Inventory) JSON() ([]byte, error) { return canonical(inv) }

// YAML is the same document as YAML, keys sorted.
func (inv *Inventory) YAML() ([]byte, error) { return asYAML(inv) }

// canonical is v as compact JSON with sorted keys on every level, and a newline.
func canonical(v any) ([]byte, error) {
	doc, err := generic(v)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return append(text, '\n'), nil
}

// generic is v as maps, lists, strings, json.Number, bool and nil.
func generic(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return decode(text)
}

// decode reads one JSON document and refuses anything after it.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("inventory: not JSON: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("inventory: there is something after the JSON document, at byte %d", d.InputOffset())
	}
	return doc, nil
}

// asYAML goes by way of JSON, which is YAML: names and omitted keys are the same.
func asYAML(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	return out.Bytes(), enc.Close()
}
