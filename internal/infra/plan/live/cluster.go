package live

import (
	"slices"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/plan/rules"
	"syslog-gateway/internal/infra/pve"
)

// Cluster is everything that was read.
type Cluster struct {
	Guests map[int]*Guest    // by VMID
	Nodes  []string          // empty without the right Sys.Audit
	Pools  map[string]string // comments by ID

	Firewall pve.Config // the cluster's options
	Groups   map[string]*Group
	Names    *Names                        // of the cluster; nil until a rule names one
	Node     map[string]*Firewall          // by node
	Storage  map[string]map[string]Storage // by node and name
	ACME     *ACME                         // nil until it is read

	// Dormant are the guests whose rules have no effect only because the firewall of the
	// cluster is off. They are read when a plan may switch it on.
	Dormant []*Guest
	// Rules are those of the cluster itself, read together with Dormant.
	Rules []rules.Live
}

// Group is a security group.
type Group struct {
	Comment string
	Digest  string // of the list of groups
	Rules   []rules.Live
}

// Names are the aliases and IP sets of a firewall.
type Names struct{ Aliases, Sets []string }

// Storage is a line of /nodes/N/storage.
type Storage struct {
	Storage string  `json:"storage"`
	Type    string  `json:"type"`
	Content string  `json:"content"`
	Enabled pve.Int `json:"enabled"`
	Active  pve.Int `json:"active"`
	Avail   pve.Int `json:"avail"` // bytes
	Shared  pve.Int `json:"shared"`
}

// ACME is what is set for certificates by ACME.
type ACME struct {
	Accounts []string
	Plugins  map[string]ACMEPlugin
	Node     map[string]pve.Config // configuration by node
	Names    map[string][]string   // of the certificate that is served, by node
}

// ACMEPlugin is a line of /cluster/acme/plugins.
type ACMEPlugin struct {
	Plugin string
	API    string
	Data   string
	Digest string
}

func newCluster() *Cluster {
	return &Cluster{
		Guests: map[int]*Guest{}, Pools: map[string]string{}, Groups: map[string]*Group{},
		Node: map[string]*Firewall{}, Storage: map[string]map[string]Storage{},
	}
}

// Undeclared are the live guests that are not declared, by VMID. Templates belong to no
// estate.
func (c *Cluster) Undeclared(e *declaration.Estate) []*Guest {
	declared := map[int]bool{}
	for _, g := range e.Guests() {
		declared[g.VMID] = true
	}
	var out []*Guest
	for id, lv := range c.Guests {
		if !declared[id] && !lv.Template {
			out = append(out, lv)
		}
	}
	slices.SortFunc(out, func(a, b *Guest) int { return a.VMID - b.VMID })
	return out
}

// Of is the live guest of a declared one, nil where there is none.
func (c *Cluster) Of(g *declaration.Guest) *Guest { return c.Guests[g.VMID] }
