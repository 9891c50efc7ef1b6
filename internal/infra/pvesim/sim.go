package pvesim

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Credentials of the user and the token that exist when Options names none. The token
// has all rights, but it is not root@pam.
const (
	DefaultUser     = "root@pam"
	DefaultPassword = "simulator"
	DefaultToken    = "root@pam!sim=5b1d0c3e-9a4f-4e0b-8f2d-000000000001"
)

// Options is what a simulated cluster is made of. The zero value is one node, pve1,
// with the storages local (directory) and local-zfs (ZFS), each 1 TiB.
type Options struct {
	Nodes []string // names; the first one is asked
	Seed  uint64   // of MACs, UUIDs and process numbers

	TaskDelay   time.Duration // from a task's start to its end; 0: done at once
	ResourceLag time.Duration // cluster/resources shows states as old as this (pvestatd: 10 s)

	MaxClones   int           // running clones of one template; 0: no limit
	LockTimeout time.Duration // how long a clone waits for its turn; default 10 s

	Storages []Storage // nil: local and local-zfs
	Users    []User    // nil: DefaultUser
	Tokens   []Token   // nil, and no Users: DefaultToken
	ACL      []ACL
	Roles    map[string][]string // privileges by role, beside the built-in ones

	Schema *Schema // official schema; what it refuses is answered with 400, see Sim.Mismatches

	Now    func() time.Time // clock; nil: time.Now
	Logger *slog.Logger     // one line a request; nil: none
}

// Sim is the simulated cluster. Its methods may be called at any time, from any goroutine.
type Sim struct {
	opt    Options
	tables *tables
	routes []*route
	log    *slog.Logger

	mu         sync.Mutex
	rng        *rand.Rand
	start      time.Time
	nodes      map[string]*node
	guests     map[int]*guest
	storages   map[string]*storage
	pools      map[string]*pool
	auth       *auth
	cluster    *clusterState
	tasks      []*task
	pid        int
	polled     int64 // round of pvestatd
	journal    []Request
	failures   []*failure
	mismatches []error
}

// node is a cluster member.
type node struct {
	name     string
	online   bool
	config   config
	firewall *firewall
	certs    *certificate
	networks []map[string]any
}

// New builds a simulator. It fails when the options contradict themselves.
func New(opt Options) (*Sim, error) {
	setDefaults(&opt)
	built, err := builtAPI()
	if err != nil {
		return nil, err
	}
	s := &Sim{
		opt: opt, tables: built.tables, routes: built.routes, log: opt.Logger,
		rng:      rand.New(rand.NewPCG(opt.Seed, 0x7076_6573_696d)),
		start:    opt.Now(),
		nodes:    map[string]*node{},
		guests:   map[int]*guest{},
		storages: map[string]*storage{},
		pools:    map[string]*pool{},
		pid:      2000,
	}
	for _, n := range opt.Nodes {
		if s.nodes[n] != nil || checkFormat("node", n) != "" {
			return nil, fmt.Errorf("pvesim: node name %q is invalid or given twice", n)
		}
		s.nodes[n] = newNode(n)
	}
	for _, st := range opt.Storages {
		s.addStorage(st)
	}
	s.cluster = newClusterState()
	if s.auth, err = newAuth(opt); err != nil {
		return nil, err
	}
	return s, nil
}

func setDefaults(opt *Options) {
	if len(opt.Nodes) == 0 {
		opt.Nodes = []string{"pve1"}
	}
	if opt.Storages == nil {
		opt.Storages = []Storage{
			{ID: "local", Type: "dir", Content: []string{"iso", "vztmpl", "backup", "snippets", "import"}, Path: "/var/lib/vz", Total: 1 << 40},
			{ID: "local-zfs", Type: "zfspool", Content: []string{"images", "rootdir"}, Path: "rpool/data", Total: 1 << 40},
		}
	}
	if opt.Users == nil && opt.Tokens == nil {
		opt.Users = []User{{ID: DefaultUser, Password: DefaultPassword}}
		opt.Tokens = []Token{{ID: "root@pam!sim", Secret: "5b1d0c3e-9a4f-4e0b-8f2d-000000000001"}}
	}
	if opt.LockTimeout == 0 {
		opt.LockTimeout = 10 * time.Second
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
}

func newNode(name string) *node {
	return &node{
		name: name, online: true, config: config{}, firewall: newFirewall(),
		networks: []map[string]any{
			{"iface": "eno1", "type": "eth", "method": "manual", "method6": "manual", "active": 1, "exists": 1, "priority": 3, "families": []string{"inet"}},
			{"iface": "vmbr0", "type": "bridge", "method": "static", "method6": "manual", "active": 1, "autostart": 1, "priority": 4,
				"address": "192.168.0.10", "netmask": "24", "cidr": "192.168.0.10/24", "gateway": "192.168.0.1",
				"bridge_ports": "eno1", "bridge_stp": "off", "bridge_fd": "0", "families": []string{"inet"}},
		},
	}
}

// Handler serves /api2/json and /api2/extjs.
func (s *Sim) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Settle carries out every task, however long it still has to run.
func (s *Sim) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		s.finish(t)
	}
}

// Mismatches returns what the official schema said otherwise than the own tables did.
func (s *Sim) Mismatches() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.mismatches...)
}

// mac makes an address of Proxmox's prefix.
func (s *Sim) mac() string {
	n := s.rng.Uint32()
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", byte(n>>16), byte(n>>8), byte(n))
}

func (s *Sim) uuid() string {
	a, b := s.rng.Uint64(), s.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0x3fff|0x8000, b>>16)
}
