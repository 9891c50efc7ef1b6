package workflow

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/infra/declaration"
	"syslog-gateway/internal/infra/inventory"
	"syslog-gateway/internal/infra/plan"
	"syslog-gateway/internal/infra/pve"
	"syslog-gateway/internal/infra/pvesim"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/infra/state"
	"syslog-gateway/internal/infra/workflow/example"
	"syslog-gateway/internal/testkit"
)

// estate is one of everything: two containers, one of them with data, a VM and Splunk.
const estate = `{
  "domain": "lab.example", "network_prefix": "10.20.30",
  "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC test",
  "pools": {"logging": {"comment": "Logging"}},
  "containers": {
    "dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "container", "dns"], "memory_dedicated": 512, "unprivileged": true, "root_disk": {"size": 8}},
    "gateway": {"vm_id": 175, "hostname": "gateway", "tags": ["terraform", "container", "syslog-gateway"], "pool_id": "logging", "unprivileged": true,
      "mount_points": [{"volume": "local-zfs", "size": "110G", "path": "/var/lib/syslog-gateway"}]}
  },
  "vms": {
    "docker-host": {"vm_id": 250, "name": "docker-host", "tags": ["terraform", "docker"], "clone_template": {"template_id": 9000},
      "boot_disk": {"datastore_id": "local-zfs", "size": 50}}
  },
  "splunk_vm_id": 200, "splunk_vm_name": "splunk-aio", "template_id": 9200, "splunk_vm_pool_id": "logging"
}`

// dns is the first container's text in the estate.
const dns = `"dns": {"vm_id": 103, "hostname": "dns", "tags": ["terraform", "container", "dns"], "memory_dedicated": 512, "unprivileged": true, "root_disk": {"size": 8}},`

// rig is an estate in a folder beside a simulated cluster.
type rig struct {
	t      *testing.T
	dir    string
	site   Site
	access Access
	sim    *pvesim.Sim

	mu     sync.Mutex
	before func(*http.Request) // called with each request before it is answered; nil for none
}

func newRig(t *testing.T, text string, options pvesim.Options) *rig {
	t.Helper()
	b := &rig{t: t, dir: t.TempDir()}
	file := b.path("deployment.json")
	b.site = Site{Declaration: declaration.Options{Deployment: file}, State: b.path(".provision")}
	b.write("deployment.json", text)
	server := httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(server.Close)
	b.access = Access{API: pve.Options{Endpoint: server.URL, Token: pvesim.DefaultToken}}
	b.reset(options)
	return b
}

// reset puts a new cluster behind the same address.
func (b *rig) reset(options pvesim.Options) {
	b.t.Helper()
	options.Schema = testkit.Try(schema.FromEnv())(b.t)
	e := testkit.Try(b.site.Load(b.t.Context()))(b.t)
	sim := testkit.Try(example.Cluster(e, options))(b.t)
	b.mu.Lock()
	b.sim = sim
	b.mu.Unlock()
	b.t.Cleanup(func() { testkit.Must(b.t, sim.Mismatches()) })
}

func (b *rig) serve(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	before, sim := b.before, b.sim
	b.mu.Unlock()
	if before != nil {
		before(r)
	}
	sim.Handler().ServeHTTP(w, r)
}

func (b *rig) hook(before func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = before
}

func (b *rig) path(name string) string { return filepath.Join(b.dir, name) }

func (b *rig) write(name, text string) {
	b.t.Helper()
	testkit.Must(b.t, os.WriteFile(b.path(name), []byte(text), 0o600))
}

func (b *rig) read(name string) string {
	b.t.Helper()
	return string(testkit.Try(os.ReadFile(b.path(name)))(b.t))
}

// edit replaces a text of the declaration.
func (b *rig) edit(old, new string) {
	b.t.Helper()
	text := b.read("deployment.json")
	if !strings.Contains(text, old) {
		b.t.Fatalf("the declaration has no %s", old)
	}
	b.write("deployment.json", strings.Replace(text, old, new, 1))
}

// config is the configuration of a live guest; "" if there is none.
func (b *rig) config(vmid string) string {
	for path, text := range b.sim.Dump() {
		if strings.HasSuffix(path, "/"+vmid+".conf") {
			return text
		}
	}
	return ""
}

// begin takes the lock without waiting.
func (b *rig) begin() (*Work, error) {
	return Begin(b.t.Context(), b.site, b.access, state.LockOptions{Command: "provision test", Wait: -1})
}

// apply plans and carries out, and publishes to the targets if the whole estate was
// planned.
func (b *rig) apply(o plan.Options, targets ...string) (results []inventory.Result, err error) {
	b.t.Helper()
	ctx := b.t.Context()
	w, err := b.begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Settle(ctx, func(int) {}); err != nil {
		return nil, err
	}
	p, err := w.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	result, err := w.CarryOut(ctx, p, nil)
	if err != nil || !result.Converged {
		return nil, err
	}
	return w.Conclude(ctx, p, targets, "test")
}

// applied wants an apply to succeed.
func (b *rig) applied() {
	b.t.Helper()
	testkit.Try(b.apply(plan.Options{}))(b.t)
}

// plan plans, without the lock.
func (b *rig) plan() (*plan.Plan, error) {
	s, err := Open(b.t.Context(), b.site, b.access)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Plan(b.t.Context(), plan.Options{})
}

// empty wants a plan without changes.
func (b *rig) empty() {
	b.t.Helper()
	p := testkit.Try(b.plan())(b.t)
	if !p.Empty() {
		b.t.Errorf("planned: %+v", p.Changes)
	}
}

// publish publishes what was applied last.
func (b *rig) publish() ([]inventory.Result, error) {
	e, err := b.site.Load(b.t.Context())
	if err != nil {
		return nil, err
	}
	return b.site.Publish(e, "test")
}
