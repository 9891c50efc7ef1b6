package pvesim

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/infra/pvesim/access"
	"syslog-gateway/internal/infra/pvesim/api"
	"syslog-gateway/internal/infra/pvesim/api/datacenter"
	"syslog-gateway/internal/infra/pvesim/api/firewall"
	"syslog-gateway/internal/infra/pvesim/api/guests"
	"syslog-gateway/internal/infra/pvesim/knobs"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/pvesim/store"
)

// Credentials of the user and the token that exist when Options names none. The token
// has all rights, but it is not root@pam.
const (
	DefaultUser     = access.RootUser
	DefaultPassword = "simulator"
	DefaultToken    = defaultTokenID + "=" + defaultSecret

	defaultTokenID = "root@pam!sim"
	defaultSecret  = "5b1d0c3e-9a4f-4e0b-8f2d-000000000001"
)

// What a simulator is made of and asked to do.
type (
	Storage    = store.Storage
	User       = access.User
	Token      = access.Token
	ACL        = access.ACL
	TemplateVM = knobs.TemplateVM
	Failure    = knobs.Failure
	Request    = knobs.Request
)

// Options is what a simulated cluster is made of. The zero value is one node, pve1,
// with the storages local (directory) and local-zfs (ZFS), each 1 TiB.
type Options struct {
	Nodes []string // names; the first one is asked
	Seed  uint64   // of MACs, UUIDs and process numbers

	TaskDelay   time.Duration // from a task's start to its end; 0: done at once
	ResourceLag time.Duration // cluster/resources shows states as old as this (pvestatd: 10 s)

	MaxClones   int           // running clones of one template; 0: no limit
	LockTimeout time.Duration // how long a clone waits for a running one to end; default 10 s

	Storages []Storage // default: local and local-zfs
	Users    []User    // default: DefaultUser
	Tokens   []Token   // default, without Users: DefaultToken
	ACL      []ACL
	Roles    map[string][]string // privileges by role, beside the built-in ones

	Schema *schema.Official // what it refuses is answered with 400, see Sim.Mismatches; optional

	Now    func() time.Time // clock; default time.Now
	Logger *slog.Logger     // one line a request; optional
}

// Sim is the simulated cluster: an API on a state. The methods of its [knobs.Hand] change
// the state without a request. All may be called at any time, from any goroutine.
type Sim struct {
	*knobs.Hand

	cluster  *store.Cluster
	server   *api.Server
	failures *knobs.Failures
	journal  *knobs.Journal
}

// forms are what is worked out of the routes once, for all simulators.
var forms = sync.OnceValues(func() (*api.Forms, error) {
	t, err := schema.NewTables()
	if err != nil {
		return nil, err
	}
	return api.NewForms(t, routes(nil, guests.CloneLimit{}))
})

func routes(c *store.Cluster, limit guests.CloneLimit) []*api.Route {
	return slices.Concat(datacenter.Routes(c), guests.Routes(c, limit), firewall.Routes(c))
}

// New builds a simulator. It fails when the options contradict themselves.
func New(opt Options) (*Sim, error) {
	setDefaults(&opt)
	forms, err := forms()
	if err != nil {
		return nil, err
	}
	c, err := store.New(store.Options{
		Nodes: opt.Nodes, Storages: opt.Storages, Seed: opt.Seed, Now: opt.Now, Tables: forms.Tables(),
		TaskDelay: opt.TaskDelay, ResourceLag: opt.ResourceLag,
		Access: access.Options{Users: opt.Users, Tokens: opt.Tokens, ACL: opt.ACL, Roles: opt.Roles},
	})
	if err != nil {
		return nil, err
	}
	s := &Sim{Hand: knobs.NewHand(c), failures: &knobs.Failures{}, journal: &knobs.Journal{}, cluster: c}
	s.server = api.NewServer(api.Options{
		Cluster: c, Forms: forms, Routes: routes(c, guests.CloneLimit{Max: opt.MaxClones, Timeout: opt.LockTimeout}),
		Failures: s.failures, Journal: s.journal, Official: opt.Schema, Logger: opt.Logger,
	})
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
		opt.Tokens = []Token{{ID: defaultTokenID, Secret: defaultSecret}}
	}
	opt.LockTimeout = cmp.Or(opt.LockTimeout, 10*time.Second)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
}

// Handler serves /api2/json and /api2/extjs.
func (s *Sim) Handler() http.Handler { return s.server }

// Settle carries out every task, however long it still has to run.
func (s *Sim) Settle() { s.cluster.Do(s.cluster.Tasks.Settle) }

// Mismatches returns what the official schema said otherwise than the own tables did.
func (s *Sim) Mismatches() error { return s.server.Mismatches() }

// Dump returns the state as the files below /etc/pve that backup tools see.
func (s *Sim) Dump() (files map[string]string) {
	s.cluster.Do(func() {
		s.cluster.Advance()
		files = s.cluster.Dump()
	})
	return files
}

// Fail injects a failure. Failures are tried in the order of the calls; the first that
// applies is used.
func (s *Sim) Fail(f Failure) { s.failures.Add(f) }

// ClearFailures takes all injected failures away.
func (s *Sim) ClearFailures() { s.failures.Clear() }

// Journal returns every request so far, in order of arrival.
func (s *Sim) Journal() []Request { return s.journal.All() }

// Writes returns the requests that asked for a change, answered well or not.
func (s *Sim) Writes() []Request {
	return slices.DeleteFunc(s.journal.All(), func(r Request) bool { return !r.Write() })
}

// ResetJournal forgets the requests so far.
func (s *Sim) ResetJournal() { s.journal.Reset() }
