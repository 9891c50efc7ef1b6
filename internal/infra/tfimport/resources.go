package tfimport

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// file are the fields of a state that are read. Passwords are not among them.
type file struct {
	Resources []struct {
		Mode, Type, Name string
		Instances        []struct {
			IndexKey   json.RawMessage `json:"index_key"`
			Status     string
			Deposed    string
			Attributes json.RawMessage
		}
	}
}

// block is how the provider writes a block of which there is one: a list of one element.
type block[T any] []T

// only is the element, or the zero value.
func (b block[T]) only() (t T) {
	if len(b) > 0 {
		t = b[0]
	}
	return t
}

// The attributes as provider bpg/proxmox 0.106 names them (docs/resources/virtual_environment_…).
type (
	pool struct {
		PoolID  string `json:"pool_id"`
		Comment string
	}
	guest struct {
		VMID        json.Number `json:"vm_id"`
		ID          string      // the VMID, where vm_id is not set
		NodeName    string      `json:"node_name"`
		Description string
		Tags        []string
		PoolID      string `json:"pool_id"`
		Protection  bool
		Template    bool
		CPU         block[struct {
			Cores, Sockets int
			Limit          float64
			Type           string
		}]
		Memory         block[struct{ Dedicated, Swap, Floating int }]
		Initialization block[struct {
			Hostname string
			DNS      block[struct {
				Domain  string
				Servers []string
			}]
			IPConfig block[struct {
				IPv4, IPv6 block[struct{ Address, Gateway string }]
			}] `json:"ip_config"`
			UserAccount block[struct {
				Username string
				Keys     []string
			}] `json:"user_account"`
			UserData    string `json:"user_data_file_id"`
			VendorData  string `json:"vendor_data_file_id"`
			NetworkData string `json:"network_data_file_id"`
		}]
		OperatingSystem block[struct {
			Type     string
			Template string `json:"template_file_id"`
		}] `json:"operating_system"`
	}
	container struct {
		guest
		Unprivileged bool
		StartOnBoot  bool `json:"start_on_boot"`
		Disk         block[struct {
			Datastore string `json:"datastore_id"`
			Size      int
		}]
		MountPoints []struct {
			Volume, Size, Path                    string
			ACL, Backup, Quota, Replicate, Shared bool
			ReadOnly                              bool     `json:"read_only"`
			Options                               []string `json:"mount_options"`
		} `json:"mount_point"`
		Interfaces []nic `json:"network_interface"`
		Features   block[struct {
			Nesting, Keyctl, Fuse bool
			Mount                 []string
		}]
		Devices []struct {
			Path, Mode string
			UID, GID   int
			DenyWrite  bool `json:"deny_write"`
		} `json:"device_passthrough"`
	}
	vm struct {
		guest
		Name    string
		OnBoot  bool `json:"on_boot"`
		BIOS    string
		Machine string
		Disks   []struct {
			Interface     string
			Datastore     string `json:"datastore_id"`
			Format        string `json:"file_format"`
			Discard       string
			Size          int
			IOThread, SSD bool
		} `json:"disk"`
		EFI block[struct {
			Datastore string `json:"datastore_id"`
			Type      string
			Keys      bool `json:"pre_enrolled_keys"`
		}] `json:"efi_disk"`
		Devices []nic `json:"network_device"`
		Agent   block[struct{ Enabled bool }]
		Clone   block[struct {
			VMID int `json:"vm_id"`
		}]
		VGA block[struct{ Type string }]
		PCI []struct {
			ID, Mapping, Mdev string
			ROM               string `json:"rom_file"`
			PCIe, XVGA        bool
			ROMBar            *bool
		} `json:"hostpci"`
		USB []struct {
			Host, Mapping string
			USB3          bool
		}
	}
	nic struct {
		Name, Model, Bridge string
		Firewall            bool
		VLAN                int    `json:"vlan_id"`
		MAC                 string `json:"mac_address"`
	}
)

// kindOf is a type of the provider without its prefix, which it is renaming.
func kindOf(resource string) string {
	for _, prefix := range []string{"proxmox_virtual_environment_", "proxmox_"} {
		if kind, ok := strings.CutPrefix(resource, prefix); ok {
			return kind
		}
	}
	return ""
}

// vmid is the guest's VMID; that of its ID (100, or pve/100) where the attribute is not set.
func (g guest) vmid() int {
	if n, err := g.VMID.Int64(); err == nil && n > 0 {
		return int(n)
	}
	n, _ := strconv.Atoi(g.ID[strings.LastIndexByte(g.ID, '/')+1:])
	return n
}

// splunk reports whether a VM has the tags of the Splunk VM.
func (v vm) splunk() bool {
	return !slices.ContainsFunc([]string{"terraform", "splunk", "docker", "enterprise"}, func(t string) bool { return !slices.Contains(v.Tags, t) })
}
