package store

import (
	"fmt"
	"strings"

	"syslog-gateway/internal/infra/pvesim/conf"
	"syslog-gateway/internal/infra/pvesim/firewall"
	"syslog-gateway/internal/infra/pvesim/schema"
)

// Node is a cluster member.
type Node struct {
	Name        string
	Online      bool
	Config      conf.File
	Firewall    *firewall.File
	Certificate *Certificate     // beside the one of the cluster's CA; optional
	Networks    []map[string]any // as configured
	Running     []map[string]any // before the changes that no reload has taken; nil: there are none
	Hosts       string           // /etc/hosts
	Repos       []Repository
	DNS         map[string]string // search, dns1 to dns3
	Timezone    string
}

// Certificate is a node's own certificate, uploaded or ordered.
type Certificate struct {
	PEM, File string
	Names     []string // of an ordered one
}

// Repository is an entry of the node's sources of packages.
type Repository struct {
	Path      string // of its file
	Suite     string
	Component string
	URI       string
	Enabled   bool
}

// Text is the node's configuration file.
func (n *Node) Text() string {
	var b strings.Builder
	if d := n.Config["description"]; d != "" {
		conf.WriteDescription(&b, d)
	}
	n.Config.Write(&b)
	return b.String()
}

// Nodes are the members of the cluster. They never change.
type Nodes struct {
	names  []string
	byName map[string]*Node
}

func newNodes(names []string) (*Nodes, error) {
	ns := &Nodes{names: names, byName: map[string]*Node{}}
	for _, name := range names {
		if ns.byName[name] != nil || schema.CheckFormat("node", name) != "" {
			return nil, fmt.Errorf("pvesim: node name %q is invalid or given twice", name)
		}
		ns.byName[name] = newNode(name)
	}
	return ns, nil
}

func newNode(name string) *Node {
	return &Node{
		Name: name, Online: true, Config: conf.File{}, Firewall: firewall.New(), Timezone: "UTC",
		Hosts: "127.0.0.1 localhost.localdomain localhost\n192.168.0.10 " + name + "\n",
		Repos: []Repository{
			{Path: "/etc/apt/sources.list.d/debian.sources", URI: "http://deb.debian.org/debian/", Suite: "trixie", Component: "main", Enabled: true},
			{Path: "/etc/apt/sources.list.d/pve-enterprise.sources", URI: "https://enterprise.proxmox.com/debian/pve", Suite: "trixie", Component: "pve-enterprise", Enabled: true},
		},
		DNS: map[string]string{"search": "lab.example", "dns1": "192.168.0.1"},
		Networks: []map[string]any{
			{"iface": "eno1", "type": "eth", "method": "manual", "method6": "manual", "active": 1, "exists": 1, "priority": 3, "families": []string{"inet"}},
			{"iface": "vmbr0", "type": "bridge", "method": "static", "method6": "manual", "active": 1, "autostart": 1, "priority": 4,
				"address": "192.168.0.10", "netmask": "24", "cidr": "192.168.0.10/24", "gateway": "192.168.0.1",
				"bridge_ports": "eno1", "bridge_stp": "off", "bridge_fd": "0", "families": []string{"inet"}},
		},
	}
}

// Get returns the node of that name, or nil.
func (ns *Nodes) Get(name string) *Node { return ns.byName[name] }

// Names are the nodes in their order.
func (ns *Nodes) Names() []string { return ns.names }

// First is the node that requests come in at.
func (ns *Nodes) First() *Node { return ns.byName[ns.names[0]] }
