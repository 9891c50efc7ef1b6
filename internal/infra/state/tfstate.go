package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// tfVersion is of the state file's form: Terraform since 0.12 and OpenTofu.
const tfVersion = 4

// Item is one object that Terraform manages.
type Item struct {
	Address string `json:"address"` // module.containers[0].proxmox_virtual_environment_container.containers["haproxy"]
	Kind    string `json:"kind"`    // see the Kind constants; "" for what provision has no part in
	Key     string `json:"key"`     // of the declaration, or the object's own name
	VMID    int    `json:"vmid,omitempty"`
	Node    string `json:"node,omitempty"`
	Name    string `json:"name,omitempty"`
	Class   string `json:"class,omitempty"` // of a guest's firewall objects
	Note    string `json:"note,omitempty"`  // tainted, deposed
}

// The kinds of items.
const (
	KindPool            = "pool"
	KindContainer       = "lxc"
	KindVM              = "qemu"
	KindFile            = "file" // a cloud-init snippet
	KindClusterFirewall = "cluster-firewall"
	KindSecurityGroup   = "security-group"
	KindNodeFirewall    = "node-firewall"
	KindFirewallOptions = "firewall-options"
	KindFirewallRules   = "firewall-rules"
	KindACMEAccount     = "acme-account"
	KindACMEPlugin      = "acme-plugin"
	KindACMECertificate = "acme-certificate"
)

// kinds by the type of the resource, without its prefix: bpg's provider renames from
// proxmox_virtual_environment_x to proxmox_x.
var kinds = map[string]string{
	"pool":                            KindPool,
	"container":                       KindContainer,
	"vm":                              KindVM,
	"cloned_vm":                       KindVM,
	"file":                            KindFile,
	"cluster_firewall":                KindClusterFirewall,
	"cluster_firewall_security_group": KindSecurityGroup,
	"node_firewall":                   KindNodeFirewall,
	"firewall_options":                KindFirewallOptions,
	"firewall_rules":                  KindFirewallRules,
	"acme_account":                    KindACMEAccount,
	"acme_dns_plugin":                 KindACMEPlugin,
	"acme_certificate":                KindACMECertificate,
}

// tfState are the fields that are read of a state; no others are, secrets in particular.
type tfState struct {
	Version          int
	TerraformVersion string `json:"terraform_version"`
	Serial           uint64
	Lineage          string
	EncryptedData    json.RawMessage `json:"encrypted_data"`
	Resources        []tfResource
}

type tfResource struct {
	Module, Mode, Type, Name string
	Instances                []tfInstance
}

type tfInstance struct {
	IndexKey   json.RawMessage `json:"index_key"`
	Status     string
	Deposed    string
	Attributes tfAttributes
}

// tfAttributes are those few that say which object it is.
type tfAttributes struct {
	VMID        tfNumber `json:"vm_id"`
	ContainerID tfNumber `json:"container_id"`
	PoolID      string   `json:"pool_id"`
	NodeName    string   `json:"node_name"`
	Name        string   `json:"name"`
	FileName    string   `json:"file_name"`
	ID          string   `json:"id"`

	Initialization []struct{ Hostname string }
}

// tfNumber is a number or a string of one; some providers write either.
type tfNumber int

// UnmarshalJSON implements json.Unmarshaler.
func (n *tfNumber) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%.30s is not an ID", s)
	}
	*n = tfNumber(v)
	return nil
}

// Form reports why data is not a Terraform state of the form that is read.
func Form(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("it is empty: Terraform has not written a state there")
	}
	var form struct {
		Version       *int
		EncryptedData json.RawMessage `json:"encrypted_data"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return fmt.Errorf("it is not a whole JSON document: %w", err)
	}
	switch {
	case len(form.EncryptedData) > 0:
		return errors.New("OpenTofu has encrypted it: give the output of `tofu state pull` instead")
	case form.Version == nil:
		return errors.New("it has no version: not a Terraform state")
	case *form.Version != tfVersion:
		return fmt.Errorf("its form is version %d, and only %d (Terraform 0.12 and later, OpenTofu) is read", *form.Version, tfVersion)
	}
	return nil
}

func decodeState(data []byte) (*tfState, error) {
	if err := Form(data); err != nil {
		return nil, err
	}
	s := new(tfState)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("it is not as Terraform writes it: %w", err)
	}
	return s, nil
}

// items lists what is managed; data sources are not.
func (s *tfState) items() ([]Item, error) {
	var items []Item
	for _, r := range s.Resources {
		if r.Mode != "managed" {
			continue
		}
		for _, in := range r.Instances {
			item, err := r.item(in)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	}
	return items, nil
}

func (r tfResource) item(in tfInstance) (Item, error) {
	index, key, err := in.index()
	if err != nil {
		return Item{}, fmt.Errorf("%s.%s: %w", r.Type, r.Name, err)
	}
	a := in.Attributes
	item := Item{Address: r.Type + "." + r.Name + index, Key: key, Node: a.NodeName, Note: in.Status}
	if r.Module != "" {
		item.Address = r.Module + "." + item.Address
	}
	if in.Deposed != "" {
		item.Note = strings.TrimSpace(item.Note + " deposed " + in.Deposed)
	}
	item.Kind = kinds[unprefixed(r.Type)]
	item.VMID = int(max(a.VMID, a.ContainerID))
	item.Name = a.Name
	switch item.Kind {
	case KindPool:
		item.Name = a.PoolID
	case KindContainer:
		if len(a.Initialization) > 0 {
			item.Name = a.Initialization[0].Hostname
		}
	case KindFile:
		item.Name = a.FileName
	case KindFirewallOptions, KindFirewallRules:
		item.Class = r.Name
	}
	if (item.Kind == KindContainer || item.Kind == KindVM) && item.VMID == 0 {
		item.VMID = idNumber(a.ID)
	}
	item.Key = cmp.Or(item.Key, item.Name, r.Name)
	return item, nil
}

// index gives an instance's index as an address has it, and the key of for_each.
func (in tfInstance) index() (address, key string, err error) {
	if len(in.IndexKey) == 0 || string(in.IndexKey) == "null" {
		return "", "", nil
	}
	var s string
	if json.Unmarshal(in.IndexKey, &s) == nil {
		return "[" + strconv.Quote(s) + "]", s, nil
	}
	var n int
	if err := json.Unmarshal(in.IndexKey, &n); err != nil {
		return "", "", fmt.Errorf("index %.30s is neither a string nor a number", in.IndexKey)
	}
	return "[" + strconv.Itoa(n) + "]", "", nil
}

func unprefixed(kind string) string {
	if s, ok := strings.CutPrefix(kind, "proxmox_virtual_environment_"); ok {
		return s
	}
	s, ok := strings.CutPrefix(kind, "proxmox_")
	if !ok {
		return ""
	}
	return s
}

var lastNumber = regexp.MustCompile(`(?:^|/)(\d{1,9})$`)

// idNumber is the VMID at the end of a resource's id: "100" or "pve/100".
func idNumber(id string) int {
	m := lastNumber.FindStringSubmatch(id)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // at most nine digits
	return n
}
